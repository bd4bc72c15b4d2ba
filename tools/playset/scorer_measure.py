"""How good the scorers are on clips they never saw, and which scores are good enough: thresholds for retrieval."""
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import CLIPModel, CLIPTokenizerFast

import config
import scorer_clip
import scorer_viclip
from scorer_clip import uniform_frames
from scorer_data import Clips, seen_well
from scorer_viclip import ViCLIP
from scorer_words import UNSURE, YES, queries
from scorer_yolov5 import YOLOv5, detect, overlaps

_WHOLE = ((config.WIDTH - config.HEIGHT) // 2, 0, config.HEIGHT)  # what both scorers see of a clip
_PRECISION_COUNTS = 0.5  # the beta of F: a wrong clip in a prior's examples is worse than a missing one


class Scorers:
    """CLIP and ViCLIP as retrieval uses them: one cosine each for a clip and a sentence."""

    def __init__(self, clip: CLIPModel, viclip: ViCLIP, tokenizer: CLIPTokenizerFast):
        self.clip, self.viclip, self.tokenizer = clip.eval(), viclip.eval(), tokenizer

    @staticmethod
    def load(model: Path) -> Scorers:
        return Scorers(CLIPModel.from_pretrained(model / "clip", dtype=torch.float32), scorer_viclip.load(model / "viclip"),
                       CLIPTokenizerFast.from_pretrained(model / "clip"))

    def texts(self, sentences: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
        return (scorer_clip.text_embeddings(self.clip, self.tokenizer, sentences), scorer_viclip.text_embeddings(self.viclip, self.tokenizer, sentences))

    def scores(self, frames: np.ndarray, texts: tuple[torch.Tensor, torch.Tensor]) -> np.ndarray:
        """frames: uint8 [n, height, width, 3] -> [2, sentences]: CLIP's mean cosine over eight frames, ViCLIP's cosine"""
        chosen = frames[uniform_frames(len(frames))]
        pictures = scorer_clip.preprocessed(chosen, self.clip.config.vision_config.image_size)
        still = (scorer_clip.image_embeddings(self.clip, pictures) @ texts[0].T).mean(0)
        video = scorer_viclip.preprocessed(chosen, self.viclip.sizes.image_size)
        moving = (scorer_viclip.video_embeddings(self.viclip, video[None]) @ texts[1].T)[0]
        return torch.stack([still, moving]).numpy()


@dataclass
class Scored:
    """What the scorers say of clips for each motion's query, and what is true."""

    scores: np.ndarray  # [2, clips, queries]
    truth: np.ndarray  # [clips, queries], YES, NO or UNSURE

    def combined(self) -> np.ndarray:
        return np.concatenate([self.scores, self.scores.mean(0, keepdims=True)])


def score_clips(scorers: Scorers, clips: Clips) -> Scored:
    asked = queries()
    texts = scorers.texts([query.text for query in asked])
    scores, truth = [], []
    for frames, boxes, clip in zip(clips.frames, clips.boxes, clips.clips):
        scores.append(scorers.scores(np.asarray(frames), texts))
        truth.append([query.true_of(clip, seen_well(boxes, _WHOLE)) for query in asked])
    return Scored(np.stack(scores, 1), np.array(truth))


def best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """The one with the best F, precision counting more than recall. scores, truth: [clips, queries]"""
    yes = truth[truth != UNSURE] == YES
    values = scores[truth != UNSURE]
    order = np.argsort(-values, kind="stable")
    hits = np.cumsum(yes[order])
    precision, recall = hits / np.arange(1, len(hits) + 1), hits / max(1, yes.sum())
    weight = _PRECISION_COUNTS**2
    f = (1 + weight) * precision * recall / (weight * precision + recall + 1e-12)
    best = int(f.argmax())
    following = values[order[min(best + 1, len(order) - 1)]]
    return round(float(values[order[best]] + following) / 2, 4)


def thresholds(scored: Scored) -> tuple[dict[str, float], dict[str, float]]:
    """For the config.json of CLIP and of ViCLIP. "threshold" is for the average of both, "threshold_alone" for one's own."""
    clip, viclip, both = (best_threshold(scores, scored.truth) for scores in scored.combined())
    return {"threshold": both, "threshold_alone": clip}, {"threshold": both, "threshold_alone": viclip}


def read_thresholds(model: Path) -> tuple[float, float, float]:
    """Of CLIP alone, of ViCLIP alone, of both, from the folders' config.json."""
    clip, viclip = (json.loads((model / part / "config.json").read_text()) for part in ("clip", "viclip"))
    return clip["threshold_alone"], viclip["threshold_alone"], clip["threshold"]


def average_precision(scores: np.ndarray, yes: np.ndarray) -> float:
    """Area under precision over recall, the mean precision at each true one."""
    ranked = yes[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean()) if ranked.any() else float("nan")


def report_scorers(scored: Scored, limits: tuple[float, float, float]) -> None:
    """limits: thresholds of CLIP alone, ViCLIP alone, both"""
    print(f"{'query':24}{'clips':>6}   average precision              kept at the threshold: precision, recall")
    print(f"{'':24}{'':6}   {'CLIP':>8}{'ViCLIP':>8}{'both':>8}   {'CLIP':>16}{'ViCLIP':>16}{'both':>16}")
    everything = scored.combined()
    totals = np.zeros((3, 3))  # hits, kept, true
    for column, query in enumerate(queries()):
        sure = scored.truth[:, column] != UNSURE
        yes = scored.truth[sure, column] == YES
        aps, kept_words = [], []
        for row, (scores, limit) in enumerate(zip(everything[:, sure, column], limits)):
            kept = scores > limit
            counts = np.array([(kept & yes).sum(), kept.sum(), yes.sum()])
            totals[row] += counts
            aps.append(average_precision(scores, yes))
            kept_words.append(f"{counts[0] / max(1, counts[1]):.1%} {counts[0] / max(1, counts[2]):.1%}")
        print(f"{query.text:24}{yes.sum():6}   " + "".join(f"{ap:8.3f}" for ap in aps) + "   " + "".join(f"{words:>16}" for words in kept_words))
    print(f"{'all':24}{int(totals[0, 2]):6}   {'':24}   " + "".join(f"{hits / max(1, kept):>9.1%} {hits / true:.1%}" for hits, kept, true in totals))
    alone = (scored.truth == YES).sum(1) == 1
    alone &= (scored.truth != UNSURE).all(1)
    right = everything[:, alone].argmax(2) == (scored.truth[alone] == YES).argmax(1)
    names = ("CLIP", "ViCLIP", "both")
    print(f"of {alone.sum()} clips with one motion to be seen, the highest of the {len(queries())} queries is the right one: "
          + ", ".join(f"{name} {share:.1%}" for name, share in zip(names, right.mean(1))))


def _frames(clips: Clips, every: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for frames, boxes in zip(clips.frames, clips.boxes):
        yield np.asarray(frames[::every]), boxes[::every] * ([config.WIDTH, config.HEIGHT] * 2)


def report_detector(net: YOLOv5, clips: Clips, every: int = 3) -> None:
    """Boxes on whole frames; somebody behind somebody else counts too."""
    scores, hits, truths, found, empty, wrong, missed, frames_with = [], [], 0, 0, 0, 0, 0, 0
    for frames, boxes in _frames(clips, every):
        for found_boxes, true_boxes in zip(detect(net, frames, least=0.01), boxes):
            free = np.ones(len(true_boxes), bool)
            truths += len(true_boxes)
            for box in found_boxes:
                share = overlaps(box, true_boxes) * free if len(true_boxes) else np.zeros(1)
                hit = bool(share.max(initial=0) >= 0.5)
                if hit:
                    free[share.argmax()] = False
                    found += box[4] > 0.25
                scores.append(box[4])
                hits.append(hit)
            sure = (found_boxes[:, 4] > 0.25).any() if len(found_boxes) else False
            empty, wrong = empty + (not len(true_boxes)), wrong + (not len(true_boxes) and sure)
            frames_with, missed = frames_with + (len(true_boxes) > 0), missed + (len(true_boxes) > 0 and not sure)
    order = np.argsort(-np.array(scores), kind="stable")
    right = np.array(hits)[order]
    ap = float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].sum() / truths)
    print(f"detector: {truths} characters in {frames_with} frames, average precision {ap:.1%} at an overlap of a half, recall {found / truths:.1%} at a score of 0.25; "
          f"frames with somebody where nobody was found: {missed}; of {empty} empty frames {wrong} have a box")
