"""The playset's CLIP: transformers' CLIPModel at a small size, and how it (and ViCLIP) learns from checked sentences.

The published CLIP tells which of a batch's captions belongs to a picture. Here every caption of a batch is known to be
true or not of every clip, so each pair is a yes-or-no question of its own, with a fixed scale: a cosine of `MIDDLE` means
"as likely as not", whatever the motion. That makes cosines of different queries comparable, which a threshold needs.
A clip's cosine is the mean over some of its frames, as in retrieval: a frame from the beginning of a bow shows nothing yet.
"""
from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from transformers import AutoModel, CLIPConfig, CLIPModel, CLIPTokenizerFast

import world
from scorer_data import Clips, choose_frames, choose_window, look, patches_to_see, seen_well
from scorer_words import CONTEXT, END, START, UNSURE, YES, Sentence, altered, queries, sentence

SIZE, PATCH = 64, 8  # pixels
SCALE, MIDDLE = 16.0, 0.3  # of a pair's cosine, for the loss: sigmoid(SCALE * (cosine - MIDDLE)) is its likelihood
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
VISION = {"image_size": SIZE, "patch_size": PATCH, "hidden_size": 128, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 512}
TEXT = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 384, "max_position_embeddings": CONTEXT}
EMBEDDING = 64
NOT_HIDDEN = ("embedding", "_projection")  # of the parameters' names: not maps between hidden spaces, for optimiser.py
FRAMES_A_CLIP = 2  # of a training clip
KEEP, LATE_KEEP = 20, 48  # patches of a frame's 64 that a training step looks at, as a rule and at the end
LATE = 0.08  # of the steps


def new_model(vocabulary: dict[str, int]) -> CLIPModel:
    ends = {"bos_token_id": vocabulary[START], "eos_token_id": vocabulary[END], "pad_token_id": vocabulary[END]}
    common = {"hidden_act": "quick_gelu", "projection_dim": EMBEDDING}
    settings = CLIPConfig(text_config={**TEXT, **common, **ends, "vocab_size": len(vocabulary)}, vision_config={**VISION, **common},
                          projection_dim=EMBEDDING, logit_scale_init_value=math.log(SCALE))
    # At these sizes the fused kernel is slower, forwards and backwards.
    model = AutoModel.from_config(settings, attn_implementation="eager")
    model.logit_scale.requires_grad_(False)
    return model


def normalised(pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
    """uint8 [..., height, width, 3] -> fp32 [..., 3, height, width]"""
    return ((torch.as_tensor(pictures).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)).movedim(-1, -3)


def preprocessed(frames: Sequence[np.ndarray], size: int = SIZE) -> torch.Tensor:
    """As CLIP's reference does: the shorter side to `size` (bicubic, antialiased, rounded to bytes), the middle of it."""
    out = []
    for frame in frames:
        height, width = frame.shape[:2]
        short = min(height, width)
        picture = Image.fromarray(frame).resize((int(size * width / short), int(size * height / short)), Image.Resampling.BICUBIC)
        left, top = round((picture.width - size) / 2), round((picture.height - size) / 2)
        out.append(np.asarray(picture.crop((left, top, left + size, top + size))))
    return normalised(np.stack(out))


def uniform_frames(total: int, count: int = 8) -> list[int]:
    """The middles of `count` equal parts, as VBench samples ("middle")."""
    bounds = np.linspace(0, total, count + 1).astype(int)
    return [max(0, int(low + high - 1) // 2) for low, high in zip(bounds, bounds[1:])]


@torch.no_grad()
def image_embeddings(model: CLIPModel, pictures: torch.Tensor) -> torch.Tensor:
    return F.normalize(model.get_image_features(pixel_values=pictures), dim=-1)


@torch.no_grad()
def text_embeddings(model: CLIPModel, tokenizer: CLIPTokenizerFast, texts: Sequence[str]) -> torch.Tensor:
    return F.normalize(model.get_text_features(**tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")), dim=-1)


# ---------------------------------------------------------------- a batch


@dataclass
class Batch:
    pictures: torch.Tensor  # fp32 [clips, frames, 3, size, size]
    kept: torch.Tensor  # numbers of the patches to look at [clips, frames, keep]
    tokens: torch.Tensor  # [sentences, length], the queries first
    truth: torch.Tensor  # [clips, sentences], YES, NO or UNSURE


class Pairs:
    """Batches of clips, of sentences, and of answers."""

    def __init__(self, clips: Clips, tokenizer: CLIPTokenizerFast, size: int, patch: int, frames: int):
        self.clips, self.tokenizer, self.size, self.grid, self.frames = clips, tokenizer, size, size // patch, frames
        self.noise = torch.randn(2_000_003, generator=torch.Generator().manual_seed(0))

    def draw(self, count: int, keep: int, rng: np.random.Generator) -> Batch:
        words = random.Random(int(rng.integers(2**31)))
        pictures = np.empty((count, self.frames, self.size, self.size, 3), np.uint8)
        kept = np.empty((count, self.frames, keep), np.int64)
        shown: list[tuple[world.Clip, list[bool]]] = []
        for row, index in enumerate(rng.integers(0, len(self.clips), count)):
            chosen, flip = choose_frames(self.frames, rng), rng.random() < 0.5
            boxes = self.clips.boxes[index][chosen]
            window = choose_window(boxes, rng)
            pictures[row] = look(self.clips.frames[index], chosen, window, flip, self.size, rng)
            kept[row] = patches_to_see(boxes, window, flip, self.grid, keep, rng)
            shown.append((self.clips.clips[index], seen_well(boxes, window)))
        said = queries() + [(altered if row % 2 else sentence)(clip, words) for row, (clip, _) in enumerate(shown)]
        said = list({one.text: one for one in said}.values())
        return Batch(self._noisy(normalised(pictures), rng), torch.from_numpy(kept), self.tokens(said), answers(shown, said))

    def _noisy(self, pictures: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """A little noise on every other clip, of up to 8 in 255. Drawing normal numbers takes longer than the rest of a
        batch's preparation: they are drawn once, and read from another place each time."""
        strength = rng.uniform(0, 8 / 255 / 0.27, len(pictures)) * (rng.random(len(pictures)) < 0.5)
        for picture, deviation in zip(pictures, strength):
            if deviation:
                place = int(rng.integers(len(self.noise) - picture.numel()))
                picture.add_(self.noise[place: place + picture.numel()].view_as(picture), alpha=float(deviation))
        return pictures

    def tokens(self, said: Sequence[Sentence]) -> torch.Tensor:
        return self.tokenizer([one.text for one in said], padding=True, truncation=True, max_length=CONTEXT, return_tensors="pt").input_ids


def answers(shown: Sequence[tuple[world.Clip, Sequence[bool]]], said: Sequence[Sentence]) -> torch.Tensor:
    return torch.tensor([[one.true_of(clip, visible) for one in said] for clip, visible in shown])


def answer_loss(cosines: torch.Tensor, truth: torch.Tensor, asked: int) -> tuple[torch.Tensor, dict[str, float]]:
    """cosines, truth: [clips, sentences], the first `asked` of them queries: those count as much as all others together,
    since motions are harder to see than colours and places. Of each, the sum over pairs with an answer by the true ones."""
    sure, yes = truth != UNSURE, truth == YES
    losses = sure * F.binary_cross_entropy_with_logits(SCALE * (cosines.float() - MIDDLE), yes.float(), reduction="none")
    found = (cosines > MIDDLE) & sure
    loss, notes = torch.zeros(()), {}
    for name, part in (("queries", slice(0, asked)), ("sentences", slice(asked, None))):
        loss = loss + losses[:, part].sum() / yes[:, part].sum().clamp(min=1)
        right, kept, true = (int(x[:, part].sum()) for x in (found & yes, found, yes))
        notes |= {f"{name} recall": right / max(1, true), f"{name} precision": right / max(1, kept)}
    return loss, notes


def image_features(model: CLIPModel, pictures: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """As get_image_features, but of some patches only. pictures: [n, 3, size, size]; kept: [n, keep] -> [n, embedding]"""
    vision = model.vision_model
    x = vision.embeddings(pictures)  # the class token first
    seen = torch.cat([torch.zeros_like(kept[:, :1]), kept + 1], 1)
    x = x.gather(1, seen[:, :, None].expand(-1, -1, x.shape[2]))
    x = vision.encoder(inputs_embeds=vision.pre_layrnorm(x)).last_hidden_state
    return model.visual_projection(vision.post_layernorm(x[:, 0]))


def training_loss(model: CLIPModel, pairs: Pairs, batch: int, late: Callable[[], bool]) -> Callable[[np.random.Generator], tuple[torch.Tensor, dict[str, float]]]:
    def loss_of(rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        drawn = pairs.draw(batch, LATE_KEEP if late() else KEEP, rng)
        with torch.autocast("cpu", torch.bfloat16):
            images = image_features(model, drawn.pictures.flatten(0, 1), drawn.kept.flatten(0, 1))
            texts = model.get_text_features(input_ids=drawn.tokens)
        frames = F.normalize(images.float(), dim=-1).unflatten(0, (batch, -1))
        return answer_loss(frames.mean(1) @ F.normalize(texts.float(), dim=-1).T, drawn.truth, len(queries()))

    return loss_of


# ---------------------------------------------------------------- the folder


def write_folder(model: nn.Module, tokenizer_folder: Path, folder: Path, thresholds: dict[str, float]) -> None:
    """Hugging Face's layout, fp16. `thresholds` go into config.json."""
    model.half().save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text())
    settings.pop("_name_or_path", None)
    (folder / "config.json").write_text(json.dumps({**settings, **thresholds}, indent=2) + "\n")
    for name in ("vocab.json", "merges.txt", "tokenizer_config.json"):
        (folder / name).write_bytes((tokenizer_folder / name).read_bytes())
    square = {"height": SIZE, "width": SIZE}
    (folder / "preprocessor_config.json").write_text(json.dumps({
        "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": SIZE}, "resample": 3,
        "do_center_crop": True, "crop_size": square, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
        "image_mean": MEAN, "image_std": STD}, indent=2) + "\n")
