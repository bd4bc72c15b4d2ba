"""How the playset's ViCLIP learns.

As the published one it begins with the weights of CLIP, and most patches are left out of what it sees, here three in four;
the last steps see more. Questions and answers are those of `scorer_clip.py`.
"""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import CLIPModel

from scorer_clip import Pairs, answer_loss
from scorer_viclip import FRAMES, Sizes, ViCLIP
from scorer_words import queries

NOT_HIDDEN = ("embedding", "text_projection", "vision_encoder.proj", "conv1")  # of the parameters' names, for optimiser.py
KEEP, LATE_KEEP = 16, 40  # patches of a frame's 64
LATE = 0.08  # of the steps


def from_clip(clip: CLIPModel) -> ViCLIP:
    """A ViCLIP with the weights of CLIP; frames differ in nothing until it has learnt to tell them apart."""
    v, t = clip.config.vision_config, clip.config.text_config
    net = ViCLIP(Sizes(v.image_size, v.patch_size, (v.hidden_size, v.num_hidden_layers, v.num_attention_heads),
                       (t.hidden_size, t.num_hidden_layers, t.num_attention_heads), t.max_position_embeddings, t.vocab_size, clip.config.projection_dim))
    theirs, ours = clip.state_dict(), {}
    seen, read = "vision_encoder.", "text_encoder."
    ours[seen + "conv1.weight"] = theirs["vision_model.embeddings.patch_embedding.weight"][:, :, None]
    ours[seen + "class_embedding"] = theirs["vision_model.embeddings.class_embedding"]
    ours[seen + "positional_embedding"] = theirs["vision_model.embeddings.position_embedding.weight"]
    ours[seen + "temporal_positional_embedding"] = torch.zeros(1, FRAMES, v.hidden_size)
    ours[seen + "proj"] = theirs["visual_projection.weight"].T
    ours[read + "token_embedding.weight"] = theirs["text_model.embeddings.token_embedding.weight"]
    ours[read + "positional_embedding"] = theirs["text_model.embeddings.position_embedding.weight"]
    ours[read + "text_projection"] = theirs["text_projection.weight"].T
    ours["temp"] = net.temp.data
    for kind in ("weight", "bias"):
        ours[f"{seen}ln_pre.{kind}"] = theirs[f"vision_model.pre_layrnorm.{kind}"]
        ours[f"{seen}ln_post.{kind}"] = theirs[f"vision_model.post_layernorm.{kind}"]
        ours[f"{read}ln_final.{kind}"] = theirs[f"text_model.final_layer_norm.{kind}"]
        for tower, model, layers in ((seen, "vision_model", v.num_hidden_layers), (read, "text_model", t.num_hidden_layers)):
            for layer in range(layers):
                block, other = f"{tower}transformer.resblocks.{layer}", f"{model}.encoder.layers.{layer}"
                ours[f"{block}.attn.in_proj_{kind}"] = torch.cat([theirs[f"{other}.self_attn.{part}_proj.{kind}"] for part in "qkv"])
                for name, named in (("attn.out_proj", "self_attn.out_proj"), ("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"),
                                    ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                    ours[f"{block}.{name}.{kind}"] = theirs[f"{other}.{named}.{kind}"]
    net.load_state_dict(ours)
    return net


def training_loss(net: ViCLIP, pairs: Pairs, batch: int, late: Callable[[], bool]) -> Callable[[np.random.Generator], tuple[torch.Tensor, dict[str, float]]]:
    def loss_of(rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        drawn = pairs.draw(batch, LATE_KEEP if late() else KEEP, rng)
        kept = (drawn.kept * FRAMES + torch.arange(FRAMES)[:, None]).flatten(1).sort(1).values  # patch by patch, then frame by frame
        with torch.autocast("cpu", torch.bfloat16):
            videos = net.vision_encoder(drawn.pictures, kept)
            texts = net.text_encoder(drawn.tokens)
        return answer_loss(F.normalize(videos.float(), dim=-1) @ F.normalize(texts.float(), dim=-1).T, drawn.truth, len(queries()))

    return loss_of


def write_folder(net: ViCLIP, tokenizer_folder: Path, folder: Path, thresholds: dict[str, float]) -> None:
    """config.json, model.safetensors (fp16) and the tokenizer's two files. `thresholds` go into config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().half().contiguous() for name, tensor in net.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**net.sizes.write(), **thresholds}, indent=2) + "\n")
    for name in ("vocab.json", "merges.txt"):
        (folder / name).write_bytes((tokenizer_folder / name).read_bytes())
