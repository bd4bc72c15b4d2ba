"""Shards of encoded clips: what `render.py` writes and the transformer learns from.

A shard is a pair of files, `000012.npy` (fp16 latents, [clips, channels, frames, height, width], not yet scaled) and
`000012.json` (what each clip shows: captions, conditions with boxes, backgrounds). The JSON is written last, so a
shard without one does not exist yet; shards may be added while a training reads the folder.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from files import write_atomically, write_json


def write_shard(folder: Path, index: int, latents: np.ndarray, records: list[dict[str, Any]]) -> None:
    def save(part: Path) -> None:
        with open(part, "wb") as file:
            np.save(file, latents.astype(np.float16))

    write_atomically(folder / f"{index:06d}.npy", save)
    write_json(folder / f"{index:06d}.json", records)


class Latents:
    """All shards of a folder. `refresh` picks up what was added since."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.records: list[dict[str, Any]] = []
        self._arrays: list[np.ndarray] = []
        self._where: list[tuple[int, int]] = []  # clip -> shard, place in the shard
        self._seen: set[str] = set()
        self.refresh()

    def refresh(self) -> int:
        """Reads new shards; returns how many clips there are now."""
        for path in sorted(self.folder.glob("[0-9]*.json")):
            if path.stem in self._seen:
                continue
            records = json.loads(path.read_text())
            array = np.load(path.with_suffix(".npy"))
            if len(array) != len(records):
                raise ValueError(f"{path}: {len(records)} records for {len(array)} latents")
            self._seen.add(path.stem)
            self._where += [(len(self._arrays), k) for k in range(len(array))]
            self._arrays.append(array)
            self.records += records
        return len(self)

    def __len__(self) -> int:
        return len(self.records)

    def take(self, clips: np.ndarray) -> np.ndarray:
        """-> fp32 [len(clips), channels, frames, height, width]"""
        return np.stack([self._arrays[shard][place] for shard, place in (self._where[k] for k in clips)]).astype(np.float32)
