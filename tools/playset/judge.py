"""Judges a model: plans that no training saw go through the program, and classifiers say what came out.

    judge.py --state DIR --program build/dreamrunner                        DIR/model, 200 plans
    judge.py --state DIR --program build/dreamrunner --model models/playset --out judged.json

The classifiers are those of classifiers.py. Beside every figure stand what they say of the same plans drawn instead of
generated (softened as in their training), and of the drawn ones after the autoencoder: a model cannot be seen to do
better than the first, nor its transformer than the second. All intervals are 95 % (Wilson).
The films stay in DIR/judge, so that a stopped run goes on and anybody can look.
"""
from __future__ import annotations

import argparse
import math
import random
import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX

import classifiers
import config
import films
import vae
import validate
import world
from characters import FAMILY_OF, KINDS
from files import write_json

_LEAST_SHARE = 0.15  # of the cells of its box that a character fills, or it is not there
_MOST_STRAY = 0.008  # of all cells that may look like somebody where nobody was planned


# ---------------------------------------------------------------- plans


def combinations(clip: world.Clip) -> set[tuple[str, str, str, str]]:
    return {(actor.kind, actor.colour, act.motion, clip.background) for actor in clip.actors for act in actor.acts}


def unseen_clips(count: int, seed: int, trained: int) -> list[world.Clip]:
    """Plans of nobody, one or two characters with one or two acts, in combinations of kind, colour, motion and
    background that none of the first `trained` clips of the world has."""
    seen = set().union(*(combinations(world.sample_clip(k)) for k in range(trained))) if trained else set()
    clips: list[world.Clip] = []
    at = config.JUDGE_SEEDS + seed * 1_000_000
    while len(clips) < count:
        clip = world.sample_clip(at)
        at += 1
        if len(clip.actors) <= 2 and not combinations(clip) & seen:
            clips.append(clip)
    return clips


# ---------------------------------------------------------------- looking


@dataclass
class Tally:
    """Counts of what was right, by question."""

    right: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def note(self, question: str, answer: bool) -> None:
        self.asked[question] += 1
        self.right[question] += bool(answer)

    def figures(self) -> dict[str, dict[str, float]]:
        return {q: dict(zip(("share", "low", "high"), wilson(self.right[q], n)), asked=n) for q, n in self.asked.items()}


def wilson(right: int, asked: int, z: float = 1.959964) -> tuple[float, float, float]:
    """-> share, lower and upper end of its 95 % interval"""
    share = right / asked
    middle = (share + z * z / (2 * asked)) / (1 + z * z / asked)
    half = z / (1 + z * z / asked) * math.sqrt(share * (1 - share) / asked + z * z / (4 * asked * asked))
    return share, max(0.0, middle - half), min(1.0, middle + half)


class Judge:
    def __init__(self, folder: Path):
        self.finder, self.teller = classifiers.load(folder)

    @torch.inference_mode()
    def look(self, frames: np.ndarray, clip: world.Clip, boxes: np.ndarray, tally: Tally) -> None:
        """frames: uint8 [FRAMES, height, width, 3], generated or drawn; boxes: where the plan has the characters."""
        pictures = torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255
        anybody, background = self.finder(pictures)
        cells = (anybody > 0).numpy()
        said = background.softmax(1).mean(0).argmax().item()
        tally.note("background", world.BACKGROUNDS[said] == clip.background)
        if not clip.actors:
            tally.note("nobody where nobody was planned", cells.mean() < _MOST_STRAY)
            return
        planned = np.stack([np.repeat(films.plan_boxes(k, boxes), config.FRAMES // config.LATENT_FRAMES, 0) for k in range(len(clip.actors))])
        owners = _owners(planned)
        present = []
        for k, actor in enumerate(clip.actors):
            own = cells & (owners == k)
            area = (planned[k, :, 2] - planned[k, :, 0]) * (planned[k, :, 3] - planned[k, :, 1]) * cells[0].size
            there = own.sum((1, 2)) > _LEAST_SHARE * area
            present.append(there.mean() > 0.75)
            tally.note("there", present[-1])
            centres = _centres(own, planned[k])
            inside = ((centres >= planned[k, :, :2]) & (centres <= planned[k, :, 2:])).all(1) & there
            tally.note("centre in its box", inside.mean() > 0.75)
            self._tell(frames, actor, centres, tally)
        if len(clip.actors) == 2:
            tally.note("both characters there", all(present))

    def _tell(self, frames: np.ndarray, actor: world.Actor, centres: np.ndarray, tally: Tally) -> None:
        """Kind and colour by all acts together, motion act by act, among those that the planned kind can do."""
        kinds, colours = 0, 0
        for act in actor.acts:
            shown = classifiers.act_frames(actor, act)
            cuts = torch.from_numpy(classifiers.cut_out(frames[shown], centres[shown])).permute(0, 3, 1, 2)[None].float() / 255
            path = torch.from_numpy(centres[shown].astype(np.float32))[None]
            kind, colour, motion = self.teller(cuts, path, torch.ones(1, len(shown), dtype=torch.bool))
            kinds, colours = kinds + kind.log_softmax(1), colours + colour.log_softmax(1)
            said = motion.masked_fill(~classifiers.possible_motions(actor.kind), -1e9).argmax().item()
            right = classifiers.MOTION_NAMES[said] == act.motion
            tally.note("motion", right)
            tally.note(f"motion of a {FAMILY_OF[actor.kind]}", right)
            tally.note(f"motion: {act.motion}", right)
            tally.note("motion, one act" if len(actor.acts) == 1 else "motion, two acts", right)
        right = KINDS[kinds.argmax().item()] == actor.kind
        tally.note("kind", right)
        tally.note(f"kind: {actor.kind}", right)
        tally.note("colour", classifiers.COLOUR_NAMES[colours.argmax().item()] == actor.colour)


def _owners(planned: np.ndarray) -> np.ndarray:
    """Whose a cell would be, if anybody were there: the character whose box is nearest, in units of the box.
    planned: [actors, FRAMES, 4] -> int [FRAMES, ROWS, COLUMNS]"""
    y = ((np.arange(classifiers.ROWS) + 0.5) / classifiers.ROWS)[None, None, :, None]
    x = ((np.arange(classifiers.COLUMNS) + 0.5) / classifiers.COLUMNS)[None, None, None, :]
    left, top, right, bottom = (planned[..., k][:, :, None, None] for k in range(4))
    away = np.maximum(abs(x - (left + right) / 2) / (right - left + 1e-6), abs(y - (top + bottom) / 2) / (bottom - top + 1e-6))
    return away.argmin(0)


def _centres(own: np.ndarray, planned: np.ndarray) -> np.ndarray:
    """Middle of the found cells in each frame (x, y in 0..1); where there are none, that of the nearest frame that has
    some, or the box's. own: bool [FRAMES, ROWS, COLUMNS] -> [FRAMES, 2]"""
    found = [frame for frame in range(len(own)) if own[frame].any()]
    centres = (planned[:, :2] + planned[:, 2:]) / 2
    for frame in range(len(own)):
        if found:
            nearest = min(found, key=lambda other: abs(other - frame))
            rows, columns = own[nearest].nonzero()
            # Middle of the extent, as the teller learnt it, but of the central cells: one stray cell must not move it.
            low_x, high_x = np.quantile(columns, [0.04, 0.96])
            low_y, high_y = np.quantile(rows, [0.04, 0.96])
            centres[frame] = ((low_x + high_x + 1) / 2 / own.shape[2], (low_y + high_y + 1) / 2 / own.shape[1])
    return centres


# ---------------------------------------------------------------- the report


def print_table(model: dict, drawn: dict, encoded: dict, detail: bool) -> None:
    print(f"{'':34}{'model':>8}   95 % interval       n    drawn  encoded")
    for question in sorted(model, key=lambda q: (":" in q, q)):
        if detail or ":" not in question:
            m, d, e = model[question], drawn[question], encoded[question]
            print(f"{question:34}{m['share']:8.1%}   {m['low']:6.1%} .. {m['high']:6.1%} {m['asked']:5}   {d['share']:6.1%}   {e['share']:6.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--model", type=Path, help="default: DIR/model")
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=0, help="of the plans and of the noise")
    parser.add_argument("--trained", type=int, default=12_800, help="clips whose combinations are left out")
    parser.add_argument("--film", help="name of the film's folder in DIR/judge; default: the model folder's name")
    parser.add_argument("--out", type=Path, help="all figures as JSON")
    parser.add_argument("--detail", action="store_true", help="kinds and motions one by one")
    parser.add_argument("--no-losses", action="store_true", help="leaves out the autoencoder's PSNR and the losses by timestep")
    parser.add_argument("--drawn-only", action="store_true", help="judges drawn clips only: what the classifiers are good for")
    options = parser.parse_args()
    state = config.State(options.state)
    model = (options.model or state.model).resolve()
    clips = unseen_clips(options.plans, options.seed, options.trained)
    judge, softness = Judge(state.classifiers), np.random.default_rng(options.seed)

    drawn, encoded, generated = Tally(), Tally(), Tally()
    autoencoder = AutoencoderKLCogVideoX.from_pretrained(model / "vae").float().eval()
    places = []
    for clip in clips:
        frames, boxes = world.render(clip)
        places.append(boxes)
        judge.look(classifiers.soften(frames, softness), clip, boxes, drawn)
        judge.look(vae.there_and_back(autoencoder, frames), clip, boxes, encoded)
    result: dict = {"plans": len(clips), "drawn": drawn.figures(), "encoded": encoded.figures()}
    if options.drawn_only:
        print_table(result["drawn"], result["drawn"], result["encoded"], options.detail)
        return

    film = state.root / "judge" / (options.film or model.name)
    seeds = random.Random(options.seed).sample(range(2**31), len(clips))
    films.write_film(film, clips, seeds, options.steps, options.guidance)
    films.make_film(film, options.program.resolve(), model)
    for number, (clip, boxes) in enumerate(zip(clips, places), 1):
        judge.look(films.read_scene(film, number), clip, boxes, generated)
    result["model"] = generated.figures()
    print_table(result["model"], result["drawn"], result["encoded"], options.detail)
    if not options.no_losses:
        result["vae"] = vae.measure(model / "vae", range(config.VALIDATION_SEEDS, config.VALIDATION_SEEDS + 48), "cpu")
        print("autoencoder: " + ", ".join(f"{name} {value:.2f} dB" for name, value in result["vae"].items()))
        result["losses"] = validate.losses(state, model, 96, "cpu")
        for name, rows in result["losses"].items():
            print(f"loss, {name}: " + ", ".join(f"{value:.3f} at t = {step}" for step, value in rows.items()))
        result["loss"] = statistics.fmean(result["losses"]["regional all"].values())
    if options.out:
        write_json(options.out, result)


if __name__ == "__main__":
    main()
