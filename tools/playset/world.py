"""The playset world: a small cartoon stage with captions and exact boxes.

A clip has one background and up to three characters, each with a kind, a colour and one or two acts (a motion and a
path, for a part of the clip). The same description gives the frames, the captions and the box of every character in
every frame, so a model trained on clips can be judged without any other model.

    world.py --out sheet.png --count 8 --seed 0      draws a few clips with their boxes and captions
"""
from __future__ import annotations

import argparse
import math
import random
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

import config
import scenery
from characters import COLOURS, FAMILIES, FAMILY_OF, Drawn, Look, draw
from drawing import OVERSAMPLING, Pen, new_canvas

BACKGROUNDS = list(scenery.SCENES)
MOTIONS = {
    "biped": ["standing", "walking", "running", "jumping", "waving", "sitting", "dancing", "spinning"],
    "quad": ["standing", "walking", "running", "jumping", "sitting", "spinning"],
    "swimmer": ["swimming", "floating", "spinning"],
    "flier": ["flying", "hovering", "spinning"],
}
# Bipeds can do these too, but the video model must never see them: they are what motion priors are learnt for.
UNSEEN_MOTIONS = ["bowing", "cartwheeling", "stretching", "somersaulting"]
# Motions that lead somewhere; the others stay in their place.
TRAVELLING = {"walking", "running", "swimming", "flying", "cartwheeling", "somersaulting"}
# Preposition of each background that is not simply "in".
_WHERE = {"beach": "on", "moon": "on", "lake": "by"}
_LONGEST = 27  # words of a caption that surely fit the text encoder, counting commas


@dataclass
class Act:
    """What a character does from `begin` to `end` (shares of the clip), and where its middle goes (widths of the stage)."""

    motion: str
    x0: float
    x1: float
    facing: int
    begin: float = 0.0
    end: float = 1.0


@dataclass
class Actor:
    kind: str
    colour: str
    acts: list[Act]
    size: float  # height of a biped, in heights of the stage; the other families are in proportion
    phase: float  # radians
    height: float = 0.0  # pixels below the usual height, for those that swim or fly
    token: str = ""  # "[v1]" for a customised subject
    look: Look | None = None

    @property
    def name(self) -> str:
        return f"{self.token} {self.colour} {self.kind}".strip()

    def act_at(self, share: float) -> Act:
        return next((act for act in self.acts if share < act.end), self.acts[-1])


@dataclass
class Clip:
    background: str
    actors: list[Actor] = field(default_factory=list)
    seed: int = 0  # of the background


# ---------------------------------------------------------------- pictures


def render(clip: Clip, count: int = config.FRAMES, scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """-> frames uint8 RGB [count, 96 * scale, 144 * scale, 3]; boxes [count, actors, 4], left, top, right, bottom in 0..1"""
    stage = scenery.paint(clip.background, clip.seed)
    frames = np.empty((count, config.HEIGHT * scale, config.WIDTH * scale, 3), np.uint8)
    boxes = np.zeros((count, len(clip.actors), 4), np.float32)
    size = np.array([config.WIDTH, config.HEIGHT] * 2) * OVERSAMPLING
    for frame in range(count):
        canvas = stage.copy()
        time = frame / max(1, count - 1)
        for k, actor in enumerate(clip.actors):
            act = actor.act_at(frame / count)
            part = min(1.0, max(0.0, (time - act.begin) / (act.end - act.begin)))
            mask = new_canvas(None)
            draw(Pen(canvas, mask), Drawn(actor.kind, actor.colour, act.motion, time, act.x0 + (act.x1 - act.x0) * part,
                                          act.facing, actor.size, actor.phase, actor.height, actor.look))
            x, y, width, height = cv2.boundingRect(mask)
            boxes[frame, k] = np.array([x, y, x + width, y + height]) / size
        if clip.background in scenery.UNDER_WATER:
            canvas = cv2.addWeighted(canvas, 0.88, np.full_like(canvas, (40, 130, 190)), 0.12, 0)
        frames[frame] = cv2.resize(canvas, (config.WIDTH * scale, config.HEIGHT * scale), interpolation=cv2.INTER_AREA)
    return frames, boxes


# ---------------------------------------------------------------- words


def article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def _saying(actor: Actor, rng: random.Random, rich: bool) -> str:
    first, later = actor.acts[0], actor.acts[1:]
    words = f"{article(actor.name)} is {first.motion}"
    if rich and first.motion in TRAVELLING and rng.random() < 0.8:
        words += rng.choice([" to the right", " from left to right"] if first.facing > 0 else [" to the left", " from right to left"])
    elif rich and rng.random() < 0.5:
        middle = (first.x0 + first.x1) / 2
        words += " on the left" if middle < 0.4 else " on the right" if middle > 0.6 else " in the middle"
    for act in later:
        words += rng.choice([", then ", " and then ", " then "]) + act.motion
    return words


def _background(name: str, rng: random.Random) -> str:
    return rng.choice(["", "the ", "an empty ", "a view of the "]) + name


def caption(clip: Clip, rng: random.Random) -> str:
    """One sentence for everything: "a red witch is walking to the left in the forest"."""
    if not clip.actors:
        return _background(clip.background, rng)
    place = f" {_WHERE.get(clip.background, 'in')} the {clip.background}" if rng.random() < 0.85 else ""
    link = rng.choice([" and ", " while "])
    rich = link.join(_saying(actor, rng, True) for actor in clip.actors) + place
    if len(rich.replace(",", " ,").split()) <= _LONGEST:
        return rich
    return link.join(_saying(actor, rng, False) for actor in clip.actors) + place


def describe(clip: Clip, boxes: np.ndarray, seed: int) -> dict[str, Any]:
    """What a training needs to know of a clip: captions, a condition an actor and act, the background's wordings.

    A condition has a few wordings and, for each latent frame, the box that holds the character in both of its pixel
    frames (None while the act is not on).
    """
    rng = random.Random(f"words {seed}")
    step = config.FRAMES // config.LATENT_FRAMES
    conditions = []
    for k, actor in enumerate(clip.actors):
        for act in actor.acts:
            short = f"{article(actor.name)} is {act.motion}"
            wordings = [short, short]
            if act.motion in TRAVELLING:
                wordings.append(f"{short} to the {'right' if act.facing > 0 else 'left'}")
            held: list[list[float] | None] = []
            for latent in range(config.LATENT_FRAMES):
                if actor.act_at(latent / config.LATENT_FRAMES) is not act:
                    held.append(None)
                    continue
                both = boxes[latent * step: (latent + 1) * step, k]
                held.append([round(float(v), 4) for v in (*both[:, :2].min(0), *both[:, 2:].max(0))])
            conditions.append({"texts": wordings, "boxes": held})
    return {
        "captions": [caption(clip, rng) for _ in range(4)],
        "backgrounds": [_background(clip.background, rng) for _ in range(3)],
        "conditions": conditions,
    }


# ---------------------------------------------------------------- chance

_SHARES = {"biped": 2, "quad": 2, "flier": 2}  # how often a kind of each family is drawn, on land
_PLACES = {1: [(0.2, 0.8)], 2: [(0.2, 0.38), (0.62, 0.8)], 3: [(0.14, 0.24), (0.45, 0.55), (0.76, 0.86)]}
_SIZES = {1: (0.56, 0.8), 2: (0.5, 0.7), 3: (0.42, 0.56)}


def sample_clip(seed: int) -> Clip:
    rng = random.Random(seed)
    # The reef is the only place for swimmers: twice as often as the others, so that three kinds get their share.
    background = rng.choice([*BACKGROUNDS, *scenery.UNDER_WATER])
    count = rng.choices([0, 1, 2, 3], [0.06, 0.48, 0.36, 0.10])[0]
    places = [rng.uniform(low, high) for low, high in _PLACES.get(count, [])]
    if count == 2 and rng.random() < 0.3:  # close together, so that their boxes overlap
        middle, gap = rng.uniform(0.35, 0.65), rng.uniform(0.16, 0.26)
        places = [middle - gap / 2, middle + gap / 2]
    actors = [sample_actor(rng, background, place, _SIZES[count], roam=0.5 if count == 1 else 0.28) for place in places]
    for k, actor in enumerate(actors):
        if rng.random() < 0.3 and k < 2:  # two acts each for two at most: six conditions with the background
            add_act(rng, actor)
    rng.shuffle(actors)  # who stands in front, and who is named first
    return Clip(background, actors, rng.randrange(100_000))


def sample_actor(rng: random.Random, background: str, place: float, sizes: tuple[float, float], roam: float,
                 kinds: list[str] | None = None, motions: list[str] | None = None) -> Actor:
    """An actor with one act about `place`; one that travels goes up to `roam` widths."""
    if kinds is None:
        kinds = FAMILIES["swimmer"] if background in scenery.UNDER_WATER else [
            kind for family, share in _SHARES.items() for kind in FAMILIES[family] * share]
    kind = rng.choice(kinds)
    motion = rng.choice(motions or MOTIONS[FAMILY_OF[kind]])
    floats = FAMILY_OF[kind] in ("swimmer", "flier")
    return Actor(kind, rng.choice(list(COLOURS)), [_act(rng, motion, place, roam)], rng.uniform(*sizes),
                 rng.uniform(0, 2 * math.pi), rng.uniform(-10, 16) if floats else 0.0)


def _act(rng: random.Random, motion: str, place: float, roam: float) -> Act:
    """Who stays in its place faces right: neither words nor boxes would say which way, and a model that is not told
    paints both, a horse with a head at each end."""
    if motion not in TRAVELLING:
        rng.choice([1, -1])  # once its facing; still drawn, so that a seed goes on meaning the same clip
        return Act(motion, place, place, 1)
    way = rng.uniform(min(0.2, roam), roam)
    facing = rng.choice([1, -1])
    start = min(0.86 - max(0, facing) * way, max(0.14 - min(0, facing) * way, place - facing * way / 2))
    return Act(motion, start, start + facing * way, facing)


def add_act(rng: random.Random, actor: Actor) -> None:
    """Gives the actor another motion for the rest of the clip, from half of it or a little before or after."""
    first = actor.acts[0]
    cut = rng.choice([3, 4, 4, 4, 4, 5]) / config.LATENT_FRAMES
    motion = rng.choice([m for m in MOTIONS[FAMILY_OF[actor.kind]] if m != first.motion])
    first.end = cut
    if first.motion in TRAVELLING:
        first.x1 = first.x0 + (first.x1 - first.x0) * 0.75
    here = first.x1
    if motion in TRAVELLING:
        facing = 1 if here < 0.5 else -1
        there = min(0.88, max(0.12, here + facing * rng.uniform(0.2, 0.34)))
    else:
        facing, there = first.facing, here
    actor.acts.append(Act(motion, here, there, facing, cut, 1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = []
    for seed in range(options.seed, options.seed + options.count):
        clip = sample_clip(seed)
        frames, boxes = render(clip, scale=2)
        print(seed, caption(clip, random.Random(seed)))
        for k in range(len(clip.actors)):
            for frame in (0, 15):
                left, top, right, bottom = (boxes[frame, k] * [288, 192, 288, 192]).astype(int)
                cv2.rectangle(frames[frame], (left, top), (right, bottom), (255, 0, 0), 1)
        rows.append(np.concatenate([frames[frame] for frame in (0, 3, 6, 9, 12, 15)], 1))
    cv2.imwrite(options.out, cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
