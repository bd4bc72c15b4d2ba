"""A page of pictures to look at: a few fixed plans through the program, a row a scene, the plan's boxes on the first picture.

    sample.py --state DIR --program build/dreamrunner --out sheet.png                  DIR/model
    sample.py --state DIR --program build/dreamrunner --model models/playset --out before.png

With --seed N the plans are drawn by that seed instead (what docs/playset.md shows).
"""
from __future__ import annotations

import argparse
import random
import tempfile
from pathlib import Path

import cv2
import numpy as np

import config
import films
import world
from world import Act, Actor, Clip

SHOWN = (0, 3, 6, 9, 12, 15)  # frames


def fixed_clips() -> list[Clip]:
    """Easy to hard: one that stands, two that travel, two acts, two characters, and two that overlap."""
    return [
        Clip("castle hall", [Actor("king", "purple", [Act("waving", 0.5, 0.5, 1)], 0.75, 1.0)]),
        Clip("forest", [Actor("witch", "red", [Act("walking", 0.25, 0.65, 1)], 0.75, 0.0)]),
        Clip("beach", [Actor("cat", "black", [Act("sitting", 0.35, 0.35, 1, 0, 0.5), Act("running", 0.35, 0.7, 1, 0.5, 1)], 0.8, 2.0)]),
        Clip("moon", [Actor("astronaut", "white", [Act("jumping", 0.28, 0.28, 1)], 0.65, 0.5),
                      Actor("dog", "orange", [Act("walking", 0.85, 0.6, -1)], 0.7, 0.0)]),
        Clip("coral reef", [Actor("fish", "yellow", [Act("swimming", 0.2, 0.5, 1)], 0.8, 1.0),
                            Actor("mermaid", "green", [Act("floating", 0.7, 0.7, -1)], 0.75, 4.0, 6.0)]),
        Clip("desert", [Actor("robot", "blue", [Act("dancing", 0.4, 0.4, 1)], 0.65, 2.0),
                        Actor("dragon", "red", [Act("flying", 0.75, 0.45, -1)], 0.7, 0.0)]),
    ]


def sheet(folder: Path, clips: list[Clip], scale: int = 2) -> np.ndarray:
    """-> BGR picture of all scenes of a film that is made"""
    rows = []
    for number, clip in enumerate(clips, 1):
        frames = films.read_scene(folder, number)[list(SHOWN)]
        large = films.enlarged(frames, scale)
        boxes = world.render(clip)[1]
        for k in range(len(clip.actors)):
            left, top, right, bottom = (np.array(films.plan_boxes(k, boxes)[0]) * ([config.WIDTH * scale, config.HEIGHT * scale] * 2)).astype(int)
            cv2.rectangle(large[0], (left, top), (right, bottom), (255, 255, 255), 1)
        rows.append(films.labelled(f"{number}: {world.caption(clip, random.Random(0))}", large))
    return cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--model", type=Path, help="default: DIR/model")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, help="draws the plans instead of the fixed ones")
    parser.add_argument("--count", type=int, default=24, help="of drawn plans")
    parser.add_argument("--scale", type=int, default=2, help="pixels of the page for one of the film")
    options = parser.parse_args()
    if options.seed is None:
        clips = fixed_clips()
    else:
        clips = [world.sample_clip(config.JUDGE_SEEDS + options.seed * 1000 + k) for k in range(options.count)]
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder)
        films.write_film(film, clips, range(1, len(clips) + 1), options.steps, options.guidance)
        films.make_film(film, options.program.resolve(), (options.model or config.State(options.state).model).resolve())
        cv2.imwrite(options.out, sheet(film, clips, options.scale))


if __name__ == "__main__":
    main()
