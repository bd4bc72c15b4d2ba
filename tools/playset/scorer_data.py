"""Clips that the scorers learn from: rendered once, kept as shards of bytes, and seen through a window that moves.

Unlike the video model the scorers see everything: the motions that priors are learnt for, dressed characters, clips that
went through H.264. What `render_shards` has drawn is never drawn again.
"""
from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import config
import scenery
import world
from characters import COLOURS, FAMILIES, FAMILY_OF, Look
from files import write_atomically, write_json
from scorer_words import MOTIONS

SHARD = 200  # clips
TRAINING_SEEDS, HELD_OUT_SEEDS = 40_000_000, 45_000_000
_SHARES = {"biped": 14, "quad": 4, "flier": 1}  # of the characters on land
_HATS = ["cone", "crown", "plume", "top"]


def sample_clip(seed: int) -> world.Clip:
    """Nobody, one or two characters with one act each; every motion, the unseen ones more often than the others."""
    rng = random.Random(f"scorers {seed}")
    background = rng.choice(world.BACKGROUNDS)
    count = rng.choices([0, 1, 2], [0.07, 0.63, 0.3])[0]
    places = {0: [], 1: [rng.uniform(0.2, 0.8)], 2: [rng.uniform(0.2, 0.38), rng.uniform(0.62, 0.8)]}[count]
    actors = [_actor(rng, background, place, count) for place in places]
    rng.shuffle(actors)  # who stands in front
    return world.Clip(background, actors, rng.randrange(100_000))


def _actor(rng: random.Random, background: str, place: float, count: int) -> world.Actor:
    family = "swimmer" if background in scenery.UNDER_WATER else rng.choices(list(_SHARES), list(_SHARES.values()))[0]
    motions = MOTIONS[family] + (world.UNSEEN_MOTIONS if family == "biped" else [])
    actor = world.sample_actor(rng, background, place, (0.55, 0.82) if count == 1 else (0.48, 0.72), 0.55 if count == 1 else 0.3, FAMILIES[family], motions)
    colours = list(COLOURS)
    if rng.random() < 0.15:
        actor.look = Look(collar=rng.choice(colours)) if family == "quad" else Look(rng.choice([None, *_HATS]), rng.choice(colours), rng.choice([None, *colours]))
    return actor


# ---------------------------------------------------------------- shards on the disk


def _draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return world.render(sample_clip(seed))


def through_h264(frames: np.ndarray, crf: int) -> np.ndarray:
    """uint8 [clips, frames, height, width, 3] as a viewer of the encoded clips sees them. Each clip begins with a key frame."""
    clips, count, height, width, _ = frames.shape
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(config.FPS)]
    encode = ["ffmpeg", "-v", "error", "-threads", "1", *raw, "-i", "-", "-c:v", "libx264", "-preset", "veryfast", "-crf", str(crf), "-threads", "1",
              "-x264-params", f"keyint={count}:min-keyint={count}:scenecut=0", "-pix_fmt", "yuv420p", "-f", "matroska", "-"]
    video = subprocess.run(encode, input=frames.tobytes(), stdout=subprocess.PIPE, check=True).stdout
    decode = ["ffmpeg", "-v", "error", "-threads", "1", "-i", "-", "-f", "rawvideo", "-pix_fmt", "rgb24", "-fps_mode", "passthrough", "-"]
    seen = subprocess.run(decode, input=video, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(seen, np.uint8).reshape(frames.shape)


def render_shards(folder: Path, first_seed: int, count: int, processes: int) -> None:
    """Half of the clips of a shard go through H.264, at one quality a shard."""
    with Pool(processes) as pool:
        for shard in range((count + SHARD - 1) // SHARD):
            if (folder / f"{shard:04d}.json").exists():
                continue
            seeds = range(first_seed + shard * SHARD, first_seed + min(count, (shard + 1) * SHARD))
            frames, boxes = zip(*pool.imap(_draw, seeds, chunksize=8))
            pictures, rng = np.stack(frames), random.Random(f"quality {seeds[0]}")
            encoded = [k for k in range(len(seeds)) if rng.random() < 0.5]
            pictures[encoded] = through_h264(pictures[encoded], rng.randint(16, 34))

            def save(part: Path) -> None:
                with open(part, "wb") as file:
                    np.save(file, pictures)

            write_atomically(folder / f"{shard:04d}.npy", save)
            write_json(folder / f"{shard:04d}.json",
                       [{"clip": asdict(sample_clip(seed)), "boxes": np.round(box, 4).tolist()} for seed, box in zip(seeds, boxes)])
            print(f"{shard * SHARD + len(seeds)} clips", flush=True)


def _read_clip(record: dict[str, Any]) -> world.Clip:
    actors = [world.Actor(**{**actor, "acts": [world.Act(**act) for act in actor["acts"]], "look": Look(**actor["look"]) if actor["look"] else None})
              for actor in record["actors"]]
    return world.Clip(record["background"], actors, record["seed"])


class Clips:
    """All shards of a folder, read through maps."""

    def __init__(self, folder: Path):
        self.frames: list[np.ndarray] = []  # uint8 [FRAMES, HEIGHT, WIDTH, 3] each
        self.boxes: list[np.ndarray] = []  # [FRAMES, actors, 4], left, top, right, bottom in 0..1
        self.clips: list[world.Clip] = []
        for path in sorted(folder.glob("*.json")):
            records = json.loads(path.read_text())
            self.frames += list(np.load(path.with_suffix(".npy"), mmap_mode="r"))
            self.boxes += [np.array(record["boxes"], np.float32).reshape(config.FRAMES, -1, 4) for record in records]
            self.clips += [_read_clip(record["clip"]) for record in records]
        if not self.clips:
            raise SystemExit(f"{folder}: no clips yet; run scorers.py render first")

    def __len__(self) -> int:
        return len(self.clips)


# ---------------------------------------------------------------- what a training sees of a clip


def choose_window(boxes: np.ndarray, rng: np.random.Generator) -> tuple[int, int, int]:
    """left, top and side of a square in the picture: often the central one, which is what inference sees of a whole clip,
    often one about a character, as in clips that were cropped, else any, as in upright ones. boxes: [frames, actors, 4]"""
    way = rng.random()
    if way < 0.35:
        return (config.WIDTH - config.HEIGHT) // 2, 0, config.HEIGHT
    side = int(rng.integers(58, config.HEIGHT + 1))
    left, top = int(rng.integers(0, config.WIDTH - side + 1)), int(rng.integers((config.HEIGHT - side) // 2, config.HEIGHT - side + 1))
    if way < 0.8 and boxes.shape[1]:
        box = boxes[:, rng.integers(boxes.shape[1])] * ([config.WIDTH, config.HEIGHT] * 2)
        low, high = box[:, :2].min(0), box[:, 2:].max(0)
        wanted = (low + high - side) / 2 + rng.uniform(-0.1, 0.1, 2) * side
        left, top = np.clip(wanted, 0, [config.WIDTH - side, config.HEIGHT - side]).astype(int).tolist()
    return left, top, side


def seen_well(boxes: np.ndarray, window: tuple[int, int, int]) -> list[bool]:
    """Which actors have, on average, more than half of their box in the window. boxes: [frames, actors, 4]"""
    left, top, side = window
    box = boxes * np.array([config.WIDTH, config.HEIGHT] * 2, np.float32)
    low = np.maximum(box[..., :2], (left, top))
    high = np.minimum(box[..., 2:], (left + side, top + side))
    inside = np.clip(high - low, 0, None).prod(-1)
    whole = np.clip(box[..., 2:] - box[..., :2], 1e-3, None).prod(-1)
    return list((inside / whole).mean(0) > 0.55)


def choose_frames(count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` indices in order, one from each part of the clip, or of three quarters of it or more, as after a cut."""
    length = config.FRAMES if rng.random() < 0.6 else int(rng.integers(config.FRAMES * 3 // 4, config.FRAMES + 1))
    begin = int(rng.integers(0, config.FRAMES - length + 1))
    return (begin + (np.arange(count) + rng.uniform(0.2, 0.8, count)) * length / count).astype(int)


def patches_to_see(boxes: np.ndarray, window: tuple[int, int, int], flip: bool, grid: int, keep: int, rng: np.random.Generator) -> np.ndarray:
    """Which of grid x grid patches of each frame a training looks at: those with somebody in them first, or it would
    look at meadows most of the time. boxes: [frames, actors, 4] -> numbers in order [frames, keep]"""
    left, top, side = window
    cells = (boxes * ([config.WIDTH, config.HEIGHT] * 2) - [left, top] * 2) / side * grid
    edges = np.arange(grid)
    inside = ((edges + 1 > cells[..., 0:1]) & (edges < cells[..., 2:3]))[:, :, None, :] & ((edges + 1 > cells[..., 1:2]) & (edges < cells[..., 3:4]))[:, :, :, None]
    there = inside.any(1)[:, :, ::-1] if flip else inside.any(1)
    order = rng.random((len(boxes), grid * grid)) - 0.8 * there.reshape(len(boxes), -1)
    return np.sort(np.argsort(order, 1)[:, :keep], 1)


def look(frames: np.ndarray, chosen: Sequence[int], window: tuple[int, int, int], flip: bool, size: int, rng: np.random.Generator) -> np.ndarray:
    """Chosen frames through the window, mirrored or not, sharp or soft: uint8 [chosen, size, size, 3]"""
    left, top, side = window
    sigma, light = rng.uniform(0.3, 1.2) if rng.random() < 0.45 else 0.0, rng.uniform(0.85, 1.15)
    way = cv2.INTER_AREA if side > size and rng.random() < 0.5 else cv2.INTER_CUBIC
    out = np.empty((len(chosen), size, size, 3), np.uint8)
    for k, index in enumerate(chosen):
        picture = cv2.resize(frames[index, top: top + side, left: left + side], (size, size), interpolation=way)
        if sigma:
            picture = cv2.GaussianBlur(picture, (0, 0), sigma)
        picture = cv2.convertScaleAbs(picture, alpha=light)
        out[k] = picture[:, ::-1] if flip else picture
    return out
