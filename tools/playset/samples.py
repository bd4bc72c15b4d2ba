"""Turns records of clips into what the transformer trains on: texts, regions, timesteps and what to look at."""
from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import T5Tokenizer

import config
from characters import FAMILY_OF
from regions import region_of

EMPTY_SHARE = 0.1  # of the samples have no words: what guidance steers away from


@dataclass
class Conditions:
    """One clip's texts with their regions (None: one text for everything), and where its characters are."""

    texts: list[str]
    regions: torch.Tensor | None  # bool [texts, VISUAL_TOKENS]
    inside: torch.Tensor  # bool [VISUAL_TOKENS]


class Words:
    """Token rows of texts, each worked out once."""

    def __init__(self, folder: Path):
        self._tokenizer = T5Tokenizer.from_pretrained(str(folder), legacy=True)
        self._rows: dict[str, np.ndarray] = {}

    def __call__(self, text: str) -> np.ndarray:
        """-> int64 [TEXT_TOKENS]"""
        if text not in self._rows:
            row = self._tokenizer(text, padding="max_length", max_length=config.TEXT_TOKENS, truncation=True).input_ids
            self._rows[text] = np.array(row, np.int64)
        return self._rows[text]


def whole(record: dict[str, Any], rng: random.Random) -> Conditions:
    """One caption for the clip."""
    text = "" if rng.random() < EMPTY_SHARE else rng.choice(record["captions"])
    return Conditions([text], None, inside_of(record))


def inside_of(record: dict[str, Any]) -> torch.Tensor:
    inside = torch.zeros(config.VISUAL_TOKENS, dtype=torch.bool)
    for condition in record["conditions"]:
        inside |= region_of(condition["boxes"])
    return inside


def regional(record: dict[str, Any], rng: random.Random | None) -> Conditions:
    """A text an actor and motion, bound to its boxes, and the background's, bound to the rest.

    Plans are not exact: nobody who writes one knows where a sleeve ends. So boxes are held over two latent frames half
    of the time (as four key frames do), every side is moved by up to a tenth of the box or so, and equal texts share
    a region, as in the program. Without `rng` none of that is done: exact boxes and the first wording, for measuring.
    """
    exact = rng is None
    texts: dict[str, torch.Tensor] = {}
    held = not exact and rng.random() < 0.5
    looseness = 0.0 if exact else rng.uniform(-0.04, 0.12)
    for condition in record["conditions"]:
        text = condition["texts"][0] if exact else rng.choice(condition["texts"])
        boxes = _hold(condition["boxes"]) if held else condition["boxes"]
        if not exact:
            shift = [looseness + rng.uniform(-0.05, 0.05) for _ in range(4)]
            boxes = [None if box is None else _loosen(box, shift) for box in boxes]
        region = region_of(boxes)
        texts[text] = texts[text] | region if text in texts else region
    background = record["backgrounds"][0] if exact else rng.choice(record["backgrounds"])
    cover = torch.stack([*texts.values(), torch.zeros(config.VISUAL_TOKENS, dtype=torch.bool)]).any(0)
    texts[background] = ~cover
    empty = not exact and rng.random() < EMPTY_SHARE
    return Conditions([""] * len(texts) if empty else list(texts), torch.stack(list(texts.values())), inside_of(record))


def _hold(boxes: list) -> list:
    """The union of each pair of latent frames, for both."""
    held = []
    for a, b in zip(boxes[::2], boxes[1::2]):
        both = [box for box in (a, b) if box is not None]
        union = [min(v[0] for v in both), min(v[1] for v in both), max(v[2] for v in both), max(v[3] for v in both)] if both else None
        held += [a and union, b and union]
    return held


def _loosen(box: list[float], shift: list[float]) -> list[float]:
    width, height = box[2] - box[0], box[3] - box[1]
    return [box[0] - shift[0] * width, box[1] - shift[1] * height, box[2] + shift[2] * width, box[3] + shift[3] * height]


def shares(records: list[dict[str, Any]], animals: float) -> np.ndarray:
    """The chance of each clip to be drawn, adding up to one: `animals` times as high where somebody is not two-legged.

    Cats and foxes differ by ears and tails of a few pixels, and are learnt last.
    """
    names = {kind for kind, family in FAMILY_OF.items() if family != "biped"}
    weights = np.array([animals if any(names & set(condition["texts"][0].split()) for condition in record["conditions"]) else 1.0
                        for record in records])
    return weights / weights.sum()


@dataclass
class Batch:
    tokens: torch.Tensor  # int64 [unique texts, TEXT_TOKENS]
    which: torch.Tensor  # int64 [B, texts]: rows of `tokens`
    regions: torch.Tensor | None  # bool [B, texts, VISUAL_TOKENS]
    inside: torch.Tensor  # bool [B, VISUAL_TOKENS]


def collate(conditions: list[Conditions], words: Words) -> Batch:
    """Clips with fewer texts get empty ones that nothing sees."""
    most = max(len(c.texts) for c in conditions)
    rows: dict[str, int] = {}
    which = [[rows.setdefault(text, len(rows)) for text in c.texts + [""] * (most - len(c.texts))] for c in conditions]
    regions = None
    if conditions[0].regions is not None:
        regions = torch.zeros(len(conditions), most, config.VISUAL_TOKENS, dtype=torch.bool)
        for k, c in enumerate(conditions):
            regions[k, : len(c.texts)] = c.regions
    return Batch(torch.from_numpy(np.stack([words(text) for text in rows])), torch.tensor(which), regions,
                 torch.stack([c.inside for c in conditions]))


def timesteps(count: int, rng: np.random.Generator) -> np.ndarray:
    """One from each of `count` equal parts of the distribution, in random order: less noise in the loss than free draws.

    Six in ten are uniform; four in ten lie in 400..950, where it is settled who is there and what they do. Below that
    the loss is about texture, which the autoencoder limits anyway.
    """
    u = (rng.permutation(count) + rng.random(count)) / count
    return np.where(u < 0.6, u / 0.6 * 1000, 400 + (u - 0.6) / 0.4 * 550).astype(np.int64).clip(0, 999)


def visible_tokens(inside: torch.Tensor, keep: int) -> torch.Tensor:
    """Which tokens a thinned batch works on: bool [B, V] -> indices [B, keep]. Characters first, but some of everything."""
    return (torch.rand(inside.shape) + 0.7 * inside).topk(keep, dim=1).indices
