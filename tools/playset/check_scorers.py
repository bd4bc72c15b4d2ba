"""The proof that the scorers serve retrieval: the playset's library, its traps, and the four motions the video model never saw.

    check_scorers.py --model models/playset --library models/playset/library

For each motion: the captions that BM25 ranks highest for "person is bowing"; clips of at least 2 s, 40 frames and a width
of 0.9 heights; cut to the longest span with somebody in it, by the detector, and measured again; the average of CLIP and
ViCLIP for "the person is bowing" above the threshold; the best 20, but at least the best 4. Ends with an error if fewer than
9 in 10 of the kept clips show the motion, a portrait, short or empty one is kept, or more than one with a wrong caption.
This is a plain reference in Python; the program has its own.
"""
from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

import scorer_yolov5
import world
from scorer_measure import Scorers, read_thresholds

_TOP, _BEST, _LEAST = 400, 20, 4
_SECONDS, _FRAMES, _ASPECT = 2.0, 40, 0.9
_GAP = 3  # frames without anybody that do not end a span, nor shorten it at a clip's ends

# How the library was drawn: for each unseen motion 26 clips in this order, then clips of motions that the model knows.
_GROUPS = [("right", 14), ("wrong caption", 4), ("short", 2), ("portrait", 2), ("empty", 2), ("two people", 2)]
_SHOWING = {"right", "two people"}


def group_of(name: str) -> tuple[str, str]:
    """-> the motion that the caption names ("" for a known one), the group"""
    a_motion = sum(count for _, count in _GROUPS)
    motion, place = divmod(int(name), a_motion)
    if motion >= len(world.UNSEEN_MOTIONS):
        return "", "known motion"
    for group, count in _GROUPS:
        if place < count:
            return world.UNSEEN_MOTIONS[motion], group
        place -= count
    raise AssertionError


def shows(name: str, motion: str) -> bool:
    named, group = group_of(name)
    return named == motion and group in _SHOWING


# ---------------------------------------------------------------- the steps of a retrieval


def bm25(query: str, captions: list[str], k1: float = 1.2, b: float = 0.75) -> list[tuple[int, float]]:
    """Rows and scores, best first, equal ones in order; rows without any word of the query are left out."""
    rows = [re.findall(r"\w+", caption.casefold()) for caption in captions]
    counts = [Counter(row) for row in rows]
    average = sum(map(len, rows)) / len(rows)
    scores = np.zeros(len(rows))
    for word in re.findall(r"\w+", query.casefold()):
        holding = sum(word in count for count in counts)
        idf = math.log(1 + (len(rows) - holding + 0.5) / (holding + 0.5))
        scores += [idf * count[word] / (count[word] + k1 * (1 - b + b * len(row) / average)) for count, row in zip(counts, rows)]
    return [(int(row), float(scores[row])) for row in np.argsort(-scores, kind="stable") if scores[row] > 0]


def read_video(path: Path) -> tuple[np.ndarray, float]:
    """-> uint8 RGB [frames, height, width, 3], frames a second"""
    video, frames = cv2.VideoCapture(str(path)), []
    rate = video.get(cv2.CAP_PROP_FPS)
    while (read := video.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    video.release()
    return np.stack(frames), rate


def attributes_fit(frames: np.ndarray, rate: float) -> bool:
    count, height, width = frames.shape[:3]
    return count / rate >= _SECONDS and count >= _FRAMES and width / height >= _ASPECT


def longest_span(there: list[bool]) -> tuple[int, int]:
    """Begin and end of the longest run with somebody in it, short gaps bridged."""
    seen = [frame for frame, present in enumerate(there) if present]
    best, begin = (0, 0), None
    for k, frame in enumerate(seen):
        if begin is None or frame - seen[k - 1] > _GAP + 1:
            begin = frame if frame > _GAP else 0
        end = frame + 1 if len(there) - frame - 1 > _GAP else len(there)
        best = max(best, (begin, end), key=lambda span: (span[1] - span[0], -span[0]))
    return best


@dataclass
class Candidate:
    name: str
    rank: int
    dropped: str = ""  # the step that dropped it before scores were asked for
    scores: np.ndarray | None = None  # [2, motions]: CLIP, ViCLIP


class Library:
    """All clips, each decoded, searched and scored once for all motions."""

    def __init__(self, folder: Path, model: Path, motions: list[str]):
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in (folder / "catalogue.jsonl").read_text().splitlines()]
        self.captions, self.motions = [row["caption"] for row in self.rows], motions
        scorers, detector = Scorers.load(model), scorer_yolov5.load(model / "yolov5")
        texts = scorers.texts([f"the person is {motion}" for motion in motions])
        self.looked = {row["id"]: self._look(folder / row["path"], scorers, detector, texts) for row in self.rows}

    @staticmethod
    def _look(path: Path, scorers: Scorers, detector: scorer_yolov5.YOLOv5, texts: Any) -> tuple[str, np.ndarray]:
        """-> the step that drops it, if any; scores"""
        frames, rate = read_video(path)
        fits = attributes_fit(frames, rate)
        begin, end = longest_span([len(boxes) > 0 for boxes in scorer_yolov5.detect(detector, frames)])
        present = end > begin and attributes_fit(frames[begin:end], rate)
        segment = frames[begin:end] if end > begin else frames
        return "" if fits and present else "nobody there" if fits else "attributes", scorers.scores(segment, texts)

    def candidates(self, motion: str) -> list[Candidate]:
        ranked = bm25(f"person is {motion}", self.captions)[:_TOP]
        return [Candidate(self.rows[row]["id"], rank, *self.looked[self.rows[row]["id"]]) for rank, (row, _) in enumerate(ranked)]

    def keep(self, motion: str, score: Callable[[np.ndarray], float], threshold: float) -> list[str]:
        """The retrieval, with one way to make a score of both scorers'."""
        column = self.motions.index(motion)
        passing = [(score(c.scores[:, column]), c.name) for c in self.candidates(motion) if not c.dropped]
        ranked = sorted(passing, key=lambda pair: (-pair[0], pair[1]))
        good = [pair for pair in ranked if pair[0] > threshold][:_BEST]
        return [name for _, name in (good if len(good) >= _LEAST else ranked[:_LEAST])]

    def keep_by_caption(self, motion: str, filtered: bool) -> list[str]:
        return [c.name for c in self.candidates(motion) if not (filtered and c.dropped)][:_BEST]


# ---------------------------------------------------------------- the report


def tell(title: str, kept: dict[str, list[str]]) -> Counter[str]:
    """Prints what a way of retrieval keeps, and counts it by group."""
    total: Counter[str] = Counter()
    print(title)
    for motion, names in kept.items():
        right = sum(shows(name, motion) for name in names)
        groups = Counter(group_of(name)[1] if group_of(name)[0] in ("", motion) else "another motion" for name in names)
        total.update(groups, kept=len(names), showing=right)
        print(f"  {motion:15} keeps {len(names):2}, {right:2} show it: " + ", ".join(f"{count} {group}" for group, count in sorted(groups.items())))
    print(f"  {'all':15} keeps {total['kept']}, {total['showing']} show it ({total['showing'] / total['kept']:.1%})")
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    motions = world.UNSEEN_MOTIONS
    library = Library(options.library, options.model, motions)
    clip, viclip, both = read_thresholds(options.model)
    everything = {row["id"] for row in library.rows}
    dropped = Counter((group_of(name)[1], library.looked[name][0]) for name in everything)
    print("before scores: " + ", ".join(f"{count} {group} dropped for {why}" for (group, why), count in sorted(dropped.items()) if why))
    for motion in motions:
        column = motions.index(motion)
        values = {name: library.looked[name][1][:, column].mean() for name in everything if not library.looked[name][0]}
        right = [value for name, value in values.items() if shows(name, motion)]
        wrong = [value for name, value in values.items() if not shows(name, motion)]
        print(f"  {motion:15} average score of those that show it: {min(right):.3f} to {max(right):.3f}; of all others: at most {max(wrong):.3f}; threshold {both:.3f}")
    tell("BM25 alone, the first 20:", {m: library.keep_by_caption(m, False) for m in motions})
    tell("BM25, attributes and detector:", {m: library.keep_by_caption(m, True) for m in motions})
    tell(f"and CLIP alone, above {clip:.3f}:", {m: library.keep(m, lambda s: s[0], clip) for m in motions})
    tell(f"and ViCLIP alone, above {viclip:.3f}:", {m: library.keep(m, lambda s: s[1], viclip) for m in motions})
    total = tell(f"and the average of both, above {both:.3f}:", {m: library.keep(m, lambda s: float(s.mean()), both) for m in motions})
    failures = [what for what, failed in {
        "fewer than 9 in 10 show the motion": total["showing"] < 0.9 * total["kept"],
        "a portrait, short or empty clip is kept": total["portrait"] + total["short"] + total["empty"] > 0,
        "more than one clip with a wrong caption is kept": total["wrong caption"] > 1,
    }.items() if failed]
    print("holds" if not failures else "does not hold: " + "; ".join(failures))
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
