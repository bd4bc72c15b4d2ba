"""What judge.py looks with: two small networks that learn from rendered clips, blurred and noisy as generated ones are.

The *finder* sees one picture and says where anybody is (a grid of cells of four pixels) and which background it is.
The *teller* sees one character over the pictures of an act, cut out about where the finder saw it, and says kind, colour
and motion. Neither is told anything of the plan, so a plan cannot answer for a picture.

    classifiers.py --state DIR --clips 4000       renders, trains both, prints their accuracy on clips they never saw
"""
from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import config
import world
from characters import COLOURS, FAMILY_OF, KINDS
from files import write_atomically

CELL = 4  # pixels
ROWS, COLUMNS = config.HEIGHT // CELL, config.WIDTH // CELL
CUT = (80, 64)  # height and width of what the teller sees, in pixels
COLOUR_NAMES = list(COLOURS)
MOTION_NAMES = sorted({motion for motions in world.MOTIONS.values() for motion in motions})
FIRST_SEED = 30_000_000  # of the clips that the classifiers learn from


def possible_motions(kind: str) -> torch.Tensor:
    """bool [motions]: what this kind can do"""
    return torch.tensor([motion in world.MOTIONS[FAMILY_OF[kind]] for motion in MOTION_NAMES])


# ---------------------------------------------------------------- networks


def _layer(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation), nn.GroupNorm(8, outputs), nn.SiLU())


class Finder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_layer(3, 24, 2), _layer(24, 48, 2), _layer(48, 64), _layer(64, 64, dilation=2), _layer(64, 64, dilation=4))
        self.anybody = nn.Conv2d(64, 1, 1)
        self.background = nn.Linear(128, len(world.BACKGROUNDS))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """[n, 3, height, width] in 0..1 -> logits [n, ROWS, COLUMNS], logits [n, backgrounds]"""
        x = self.body(pictures * 2 - 1)
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return self.anybody(x)[:, 0], self.background(pooled)


class Teller(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = 160
        self.eye = nn.Sequential(_layer(3, 24, 2), _layer(24, 48, 2), _layer(48, 80, 2), _layer(80, 96, 2))
        self.flat = nn.Linear(96 * 5 * 4, width)
        self.path = nn.Linear(2, width)
        self.over_time = nn.ModuleList(nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.kind = nn.Linear(2 * width, len(KINDS))
        self.colour = nn.Linear(2 * width, len(COLOUR_NAMES))
        self.motion = nn.Linear(2 * width, len(MOTION_NAMES))

    def forward(self, cuts: torch.Tensor, path: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """cuts [n, frames, 3, *CUT] in 0..1; path [n, frames, 2], where the middle is, in widths and heights; there: bool
        [n, frames] (acts differ in length) -> logits of kind, colour, motion"""
        n, frames = there.shape
        x = self.flat(self.eye(cuts.flatten(0, 1) * 2 - 1).flatten(1)).unflatten(0, (n, frames))
        weight = there[:, :, None].float()
        middle = (path * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        x = (x + self.path((path - middle) * 8)) * weight
        for layer in self.over_time:
            x = (x + F.silu(layer(x.mT).mT)) * weight
        pooled = torch.cat([x.sum(1) / weight.sum(1), x.masked_fill(~there[:, :, None], -1e4).amax(1)], 1)
        return self.kind(pooled), self.colour(pooled), self.motion(pooled)


# ---------------------------------------------------------------- pictures to learn from


def soften(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Makes a rendered clip look generated: a blur, sometimes lost detail, a little noise that stays, a little that does not."""
    sigma = rng.uniform(0.0, 1.6)
    factor = rng.choice([1, 1, 2])
    still = rng.standard_normal(frames.shape[1:], np.float32) * np.float32(rng.uniform(0, 9))
    flicker = np.float32(rng.uniform(0, 7))
    out = np.empty_like(frames)
    for k, frame in enumerate(frames):
        if factor > 1:
            small = cv2.resize(frame, (frame.shape[1] // factor, frame.shape[0] // factor), interpolation=cv2.INTER_AREA)
            frame = cv2.resize(small, (frame.shape[1], frame.shape[0]), interpolation=cv2.INTER_LINEAR)
        if sigma > 0.2:
            frame = cv2.GaussianBlur(frame, (0, 0), sigma)
        out[k] = np.clip(frame + still + flicker * rng.standard_normal(frame.shape, np.float32), 0, 255).astype(np.uint8)
    return out


def cells_of(frames: np.ndarray, clip: world.Clip) -> np.ndarray:
    """Where a rendered clip shows anybody: what differs from its empty stage -> bool [frames, ROWS, COLUMNS]"""
    empty = world.render(world.Clip(clip.background, [], clip.seed), 1)[0][0]
    differs = (np.abs(frames.astype(np.int16) - empty).max(3) > 16).astype(np.float32)
    return differs.reshape(len(frames), ROWS, CELL, COLUMNS, CELL).mean((2, 4)) > 0.3


def cut_out(frames: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """A window about each centre (x, y in 0..1), grey beyond the edges: uint8 [frames, *CUT, 3]"""
    height, width = CUT
    padded = np.pad(frames, ((0, 0), (height // 2,) * 2, (width // 2,) * 2, (0, 0)), constant_values=128)
    out = np.empty((len(frames), height, width, 3), np.uint8)
    for k, (x, y) in enumerate(centres):
        left, top = int(np.clip(x, 0, 1) * (config.WIDTH - 1)), int(np.clip(y, 0, 1) * (config.HEIGHT - 1))
        out[k] = padded[k, top: top + height, left: left + width]
    return out


def act_frames(actor: world.Actor, act: world.Act) -> list[int]:
    return [frame for frame in range(config.FRAMES) if actor.act_at(frame / config.FRAMES) is act]


@dataclass
class Examples:
    """Clips in full, and one act of each character with the frames it covers."""

    frames: np.ndarray  # uint8 [clips, FRAMES, height, width, 3], softened
    cells: np.ndarray  # bool [clips, FRAMES, ROWS, COLUMNS]
    backgrounds: np.ndarray  # int [clips]
    acts: list[tuple[int, list[int], np.ndarray, tuple[int, int, int]]]  # clip, frames, centres, (kind, colour, motion)


def examples(first: int, count: int) -> Examples:
    rng = np.random.default_rng(first)
    shape = (count, config.FRAMES)
    result = Examples(np.empty((*shape, config.HEIGHT, config.WIDTH, 3), np.uint8), np.empty((*shape, ROWS, COLUMNS), bool), np.empty(count, int), [])
    for k in range(count):
        clip = world.sample_clip(first + k)
        frames, boxes = world.render(clip)
        result.cells[k] = cells_of(frames, clip)
        result.frames[k] = soften(frames, rng)
        result.backgrounds[k] = world.BACKGROUNDS.index(clip.background)
        for place, actor in enumerate(clip.actors):
            for act in actor.acts:
                labels = (KINDS.index(actor.kind), COLOUR_NAMES.index(actor.colour), MOTION_NAMES.index(act.motion))
                shown = act_frames(actor, act)
                box = boxes[shown, place]
                result.acts.append((k, shown, np.stack([(box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2], 1), labels))
    return result


def act_batch(data: Examples, chosen: list[int], rng: np.random.Generator | None) -> tuple[torch.Tensor, ...]:
    """-> cuts, path, there, labels [n, 3]. With `rng` the centres are as unsure as the finder's."""
    n = len(chosen)
    cuts = np.full((n, config.FRAMES, *CUT, 3), 128, np.uint8)
    path = np.zeros((n, config.FRAMES, 2), np.float32)
    there = np.zeros((n, config.FRAMES), bool)
    labels = np.zeros((n, 3), np.int64)
    for row, index in enumerate(chosen):
        clip, shown, centres, labels[row] = data.acts[index]
        if rng is not None:
            centres = centres + rng.normal(0, 0.02, 2) + rng.normal(0, 0.012, centres.shape)
        cuts[row, : len(shown)] = cut_out(data.frames[clip, shown], centres)
        path[row, : len(shown)] = centres
        there[row, : len(shown)] = True
    pictures = torch.from_numpy(cuts).permute(0, 1, 4, 2, 3).float() / 255
    return pictures, torch.from_numpy(path), torch.from_numpy(there), torch.from_numpy(labels)


# ---------------------------------------------------------------- training


def _schedule(step: int, steps: int, peak: float) -> float:
    return peak * min(1.0, (step + 1) / 50, max(0.01, 1.5 * (1 - step / steps)))


def train_finder(data: Examples, steps: int, device: str) -> Finder:
    finder, rng = Finder().to(device), np.random.default_rng(1)
    optimiser = torch.optim.AdamW(finder.parameters(), lr=2e-3, weight_decay=0.01)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = _schedule(step, steps, 2e-3)
        clips, frames = rng.integers(0, len(data.frames), 24), rng.integers(0, config.FRAMES, 24)
        pictures = torch.from_numpy(data.frames[clips, frames]).permute(0, 3, 1, 2).to(device).float() / 255
        with torch.autocast(device, torch.bfloat16):
            anybody, background = finder(pictures)
        loss = F.binary_cross_entropy_with_logits(anybody.float(), torch.from_numpy(data.cells[clips, frames]).to(device).float())
        loss = loss + 0.3 * F.cross_entropy(background.float(), torch.from_numpy(data.backgrounds[clips]).to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 99:
            print(f"finder: step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)
    return finder.eval()


def train_teller(data: Examples, steps: int, device: str) -> Teller:
    teller, rng = Teller().to(device), np.random.default_rng(2)
    optimiser = torch.optim.AdamW(teller.parameters(), lr=1.5e-3, weight_decay=0.02)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = _schedule(step, steps, 1.5e-3)
        cuts, path, there, labels = (x.to(device) for x in act_batch(data, list(rng.integers(0, len(data.acts), 16)), rng))
        with torch.autocast(device, torch.bfloat16):
            logits = teller(cuts, path, there)
        loss = sum(F.cross_entropy(part.float(), labels[:, k]) for k, part in enumerate(logits))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 99:
            print(f"teller: step {step + 1} of {steps}, loss {loss.item():.4f}", flush=True)
    return teller.eval()


def save(folder: Path, finder: Finder, teller: Teller) -> None:
    content = {"finder": finder.cpu().state_dict(), "teller": teller.cpu().state_dict()}
    write_atomically(folder / "classifiers.pt", lambda part: torch.save(content, part))


def load(folder: Path) -> tuple[Finder, Teller]:
    content = torch.load(folder / "classifiers.pt", weights_only=True)
    finder, teller = Finder(), Teller()
    finder.load_state_dict(content["finder"])
    teller.load_state_dict(content["teller"])
    return finder.eval(), teller.eval()


@torch.inference_mode()
def report(data: Examples, finder: Finder, teller: Teller) -> None:
    """Accuracy with true centres; judge.py reports that of the whole way, with found ones."""
    right, labels = [], []
    for first in range(0, len(data.acts), 16):
        chosen = list(range(first, min(first + 16, len(data.acts))))
        cuts, path, there, truth = act_batch(data, chosen, None)
        said = torch.stack([part.argmax(1) for part in teller(cuts, path, there)], 1)
        right.append(said == truth)
        labels.append(truth)
    shares = torch.cat(right).float().mean(0)
    print(f"teller on {len(data.acts)} unseen acts: kind {shares[0]:.1%}, colour {shares[1]:.1%}, motion {shares[2]:.1%}")
    pictures = torch.from_numpy(data.frames[:, ::5].reshape(-1, config.HEIGHT, config.WIDTH, 3)).permute(0, 3, 1, 2).float() / 255
    anybody, background = (torch.cat(x) for x in zip(*(finder(part) for part in pictures.split(32))))
    truth = torch.from_numpy(data.cells[:, ::5].reshape(-1, ROWS, COLUMNS))
    found = anybody > 0
    overlap = (found & truth).sum() / (found | truth).sum()
    same = background.argmax(1) == torch.from_numpy(data.backgrounds).repeat_interleave(len(range(0, config.FRAMES, 5)))
    print(f"finder on {len(pictures)} unseen pictures: overlap of cells {overlap:.1%}, background {same.float().mean():.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--clips", type=int, default=4000, help="to learn from (0.7 MB of memory each)")
    parser.add_argument("--finder-steps", type=int, default=1000)
    parser.add_argument("--teller-steps", type=int, default=3000)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    started = time.monotonic()
    data = examples(FIRST_SEED, options.clips)
    print(f"{options.clips} clips drawn in {time.monotonic() - started:.0f} s", flush=True)
    finder = train_finder(data, options.finder_steps, options.device)
    teller = train_teller(data, options.teller_steps, options.device)
    save(config.State(options.state).classifiers, finder, teller)
    report(examples(FIRST_SEED + 5_000_000, 300), finder, teller)


if __name__ == "__main__":
    main()
