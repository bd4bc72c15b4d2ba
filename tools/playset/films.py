"""Clips of the world as plans for the program, and the program's scenes as frames."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import config
import world

MARGIN = 0.04  # of a box's size, on each side: plans are a little wider than characters


def plan_boxes(actor: int, boxes: np.ndarray) -> list[list[float]]:
    """The box of an actor in each latent frame, as a plan writes it. boxes: [frames, actors, 4]"""
    step = config.FRAMES // config.LATENT_FRAMES
    planned = []
    for latent in range(config.LATENT_FRAMES):
        both = boxes[latent * step: (latent + 1) * step, actor]
        left, top, right, bottom = (float(v) for v in (*both[:, :2].min(0), *both[:, 2:].max(0)))
        x, y = (right - left) * MARGIN, (bottom - top) * MARGIN
        planned.append([round(max(0.0, left - x), 3), round(max(0.0, top - y), 3),
                        round(min(1.0, right + x), 3), round(min(1.0, bottom + y), 3)])
    return planned


def to_scene(clip: world.Clip, boxes: np.ndarray, seed: int) -> dict[str, Any]:
    """One scene of a plan, with a key frame for each latent frame."""
    planned = [plan_boxes(k, boxes) for k in range(len(clip.actors))]
    key_frames = []
    for latent in range(config.LATENT_FRAMES):
        regions = []
        for k, actor in enumerate(clip.actors):
            motion = actor.act_at(latent / config.LATENT_FRAMES).motion
            caption = f"{world.article(actor.name)} is {motion}"
            regions.append({"character": f"actor-{k}", "motion": motion, "caption": caption, "box": planned[k][latent]})
        key_frames.append({"regions": regions})
    return {"background": f"the {clip.background}", "key_frames": key_frames, "seed": seed}


def write_film(folder: Path, clips: Sequence[world.Clip], seeds: Sequence[int], steps: int, guidance: float) -> None:
    """A film folder with a scene a clip. Files that would not change are left alone, so scenes that are made stay made."""
    scenes = [to_scene(clip, world.render(clip)[1], seed) for clip, seed in zip(clips, seeds, strict=True)]
    most = max((len(clip.actors) for clip in clips), default=0)
    characters = [{"id": f"actor-{k}", "name": f"actor {k}"} for k in range(most)]
    plan = {"schema": 1, "title": "playset", "characters": characters, "scenes": scenes}
    settings = f'title = "playset"\n\n[generate]\nsteps = {steps}\nguidance_scale = {guidance:.2f}\n'
    for path, text in ((folder / "plan" / "plan.json", json.dumps(plan, indent=1) + "\n"), (folder / "film.toml", settings)):
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def make_film(folder: Path, program: Path, model: Path) -> None:
    subprocess.run([program, "make", folder, "--model", model], check=True, stdout=subprocess.DEVNULL)


def read_scene(folder: Path, scene: int) -> np.ndarray:
    """scene: from 1 -> uint8 RGB [frames, height, width, 3]"""
    [path] = [p for p in (folder / "scenes").glob("*/scene.mp4") if int(p.parent.name) == scene]
    video, frames = cv2.VideoCapture(str(path)), []
    while True:
        there, frame = video.read()
        if not there:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    video.release()
    if len(frames) != config.FRAMES:
        raise ValueError(f"{path}: {len(frames)} frames instead of {config.FRAMES}")
    return np.stack(frames)


def enlarged(frames: np.ndarray, scale: int) -> list[np.ndarray]:
    return [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST) for frame in frames]


def labelled(words: str, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """The pictures side by side, under a line of words."""
    line = np.full((18, sum(picture.shape[1] for picture in pictures), 3), 255, np.uint8)
    cv2.putText(line, words, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([line, np.concatenate(pictures, 1)])
