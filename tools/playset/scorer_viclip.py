"""The playset's ViCLIP: InternVideo's layout and names in plain modules; `scorer_viclip_train.py` says how it learns."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import CLIPTokenizerFast

from scorer_clip import SCALE, normalised

FRAMES = 8


@dataclass(frozen=True)
class Sizes:
    image_size: int
    patch_size: int
    vision: tuple[int, int, int]  # width, layers, heads
    text: tuple[int, int, int]
    context: int
    vocabulary: int
    embedding: int
    frames: int = FRAMES

    @staticmethod
    def read(settings: dict[str, Any]) -> Sizes:
        """From the folder's config.json."""
        v, t = settings["vision"], settings["text"]
        return Sizes(v["image_size"], v["patch_size"], (v["width"], v["layers"], v["heads"]), (t["width"], t["layers"], t["heads"]),
                     t["context_length"], t["vocab_size"], settings["embed_dim"], v["frames"])

    def write(self) -> dict[str, Any]:
        (vw, vl, vh), (tw, tl, th) = self.vision, self.text
        return {"_class_name": "ViCLIP",
                "vision": {"image_size": self.image_size, "patch_size": self.patch_size, "width": vw, "layers": vl, "heads": vh, "frames": self.frames},
                "text": {"context_length": self.context, "width": tw, "layers": tl, "heads": th, "vocab_size": self.vocabulary},
                "embed_dim": self.embedding, "preprocess": "B"}


class Attention(nn.Module):
    """nn.MultiheadAttention's parameters, batch first, written out: the fused kernel is slower at these sizes."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj_weight, self.in_proj_bias = nn.Parameter(torch.empty(3 * width, width)), nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = (q * q.shape[-1] ** -0.5) @ k.mT
        if mask is not None:
            scores = scores + mask
        return self.out_proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        x = x + self.attn(self.ln_1(x), mask)
        hidden = self.mlp["c_fc"](self.ln_2(x))
        return x + self.mlp["c_proj"](hidden * torch.sigmoid(1.702 * hidden))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, heads: int):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class VisionEncoder(nn.Module):
    def __init__(self, sizes: Sizes):
        super().__init__()
        width, patch = sizes.vision[0], sizes.patch_size
        patches = (sizes.image_size // patch) ** 2
        self.conv1 = nn.Conv3d(3, width, (1, patch, patch), (1, patch, patch), bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width) * 0.02)
        self.positional_embedding = nn.Parameter(torch.randn(patches + 1, width) * 0.02)
        self.temporal_positional_embedding = nn.Parameter(torch.zeros(1, sizes.frames, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(*sizes.vision)
        self.proj = nn.Parameter(torch.randn(width, sizes.embedding) * width**-0.5)

    def forward(self, video: torch.Tensor, kept: torch.Tensor | None = None) -> torch.Tensor:
        """video: [n, frames, 3, size, size]; kept: which tokens to look at, [n, m] -> [n, embedding]

        One class token a clip; the others patch by patch, and within a patch frame by frame."""
        patches = self.conv1(video.transpose(1, 2)).flatten(3).permute(0, 3, 2, 1)  # [n, patches, frames, width]
        x = patches + self.positional_embedding[1:, None] + self.temporal_positional_embedding
        x = x.flatten(1, 2)
        if kept is not None:
            x = x.gather(1, kept[:, :, None].expand(-1, -1, x.shape[2]))
        first = (self.class_embedding + self.positional_embedding[0]).expand(len(x), 1, -1)
        x = self.transformer(self.ln_pre(torch.cat([first, x], 1)))
        return self.ln_post(x[:, 0]) @ self.proj


class TextEncoder(nn.Module):
    def __init__(self, sizes: Sizes):
        super().__init__()
        width = sizes.text[0]
        self.token_embedding = nn.Embedding(sizes.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.randn(sizes.context, width) * 0.01)
        self.transformer = Transformer(*sizes.text)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, sizes.embedding) * width**-0.5)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[n, length] -> [n, embedding], read at the end-of-text token, which has the highest number"""
        length = tokens.shape[1]
        mask = torch.full((length, length), float("-inf")).triu(1)
        x = self.transformer(self.token_embedding(tokens) + self.positional_embedding[:length], mask)
        return self.ln_final(x)[torch.arange(len(x)), tokens.argmax(1)] @ self.text_projection


class ViCLIP(nn.Module):
    def __init__(self, sizes: Sizes):
        super().__init__()
        self.sizes = sizes
        self.vision_encoder, self.text_encoder = VisionEncoder(sizes), TextEncoder(sizes)
        self.temp = nn.Parameter(torch.tensor(1 / SCALE), requires_grad=False)  # of the layout; nothing reads it


# ---------------------------------------------------------------- use


def load(folder: Path) -> ViCLIP:
    net = ViCLIP(Sizes.read(json.loads((folder / "config.json").read_text())))
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()})
    return net.eval()


def preprocessed(frames: np.ndarray, size: int) -> torch.Tensor:
    """As VBench does ("B"): the shorter side to `size` (bicubic, not antialiased, rounded to bytes), the middle of it.
    uint8 [n, height, width, 3] -> [n, 3, size, size]"""
    height, width = frames.shape[1:3]
    short = min(height, width)
    shape = [int(size * height / short), int(size * width / short)]
    pictures = F.interpolate(torch.from_numpy(frames).movedim(-1, 1).float(), shape, mode="bicubic", antialias=False).round().clamp(0, 255)
    top, left = round((shape[0] - size) / 2), round((shape[1] - size) / 2)
    return normalised(pictures[:, :, top: top + size, left: left + size].movedim(1, -1))


@torch.no_grad()
def video_embeddings(net: ViCLIP, videos: torch.Tensor) -> torch.Tensor:
    """[n, frames, 3, size, size] -> [n, embedding], of length one"""
    return F.normalize(net.vision_encoder(videos), dim=-1)


@torch.no_grad()
def text_embeddings(net: ViCLIP, tokenizer: CLIPTokenizerFast, texts: Sequence[str]) -> torch.Tensor:
    tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=net.sizes.context, return_tensors="pt").input_ids
    return F.normalize(net.text_encoder(tokens), dim=-1)
