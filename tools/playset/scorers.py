"""Trains the playset's scorers: CLIP, ViCLIP and YOLOv5 at small sizes, each in its reference's layout.

    scorers.py tokenizer --state DIR                   byte pairs for both text towers
    scorers.py render    --state DIR --clips 6800      what they learn from, and 800 clips they never see
    scorers.py clip      --state DIR --steps 5500      one after another; ViCLIP begins with the weights that CLIP has reached
    scorers.py yolov5    --state DIR --steps 2500
    scorers.py viclip    --state DIR --steps 3000
    scorers.py assemble  --state DIR --out models/playset     thresholds, fitted on the held-out clips; three folders
    scorers.py measure   --state DIR --model models/playset   how good they are on the held-out clips
    scorers.py all       --state DIR --out models/playset     all of these, one after another

Each command may be stopped at any second and given again. `check_scorers.py` has the proof on the library.
"""
from __future__ import annotations

import argparse
import random
from pathlib import Path

import torch
from transformers import CLIPTokenizerFast

import scorer_clip
import scorer_data
import scorer_measure
import scorer_viclip_train
import scorer_words
import scorer_yolov5
import scorer_yolov5_train
from files import replace_folder
from scorer_train import Trainer
from scorer_viclip import FRAMES

_TEXTS = 6000  # sentences that the tokenizer learns from


def train_tokenizer(state: Path) -> None:
    rng = random.Random(0)
    texts = [scorer_words.sentence(scorer_data.sample_clip(scorer_data.TRAINING_SEEDS + k), rng).text for k in range(_TEXTS)]
    merges = scorer_words.learn_merges([*texts, *(query.text for query in scorer_words.queries())])
    scorer_words.write_tokenizer(state / "tokenizer", merges)
    print(f"{len(merges)} merges")


def render(state: Path, clips: int, held_out: int, processes: int) -> None:
    scorer_data.render_shards(state / "held_out", scorer_data.HELD_OUT_SEEDS, held_out, processes)
    scorer_data.render_shards(state / "clips", scorer_data.TRAINING_SEEDS, clips, processes)


def clip_trainer(state: Path, steps: int, batch: int = 48) -> Trainer:
    tokenizer = CLIPTokenizerFast.from_pretrained(state / "tokenizer")
    model = scorer_clip.new_model(tokenizer.get_vocab())
    pairs = scorer_clip.Pairs(scorer_data.Clips(state / "clips"), tokenizer, scorer_clip.SIZE, scorer_clip.PATCH, scorer_clip.FRAMES_A_CLIP)
    loss = scorer_clip.training_loss(model, pairs, batch, lambda: trainer.step > steps * (1 - scorer_clip.LATE))
    trainer = Trainer(state / "clip", model, 3e-3, steps, loss, scorer_clip.NOT_HIDDEN)
    return trainer


def viclip_trainer(state: Path, steps: int, batch: int = 32) -> Trainer:
    clip = clip_trainer(state, 1)
    clip.use_average()
    pairs = scorer_clip.Pairs(scorer_data.Clips(state / "clips"), CLIPTokenizerFast.from_pretrained(state / "tokenizer"), scorer_clip.SIZE, scorer_clip.PATCH, FRAMES)
    net = scorer_viclip_train.from_clip(clip.net)
    loss = scorer_viclip_train.training_loss(net, pairs, batch, lambda: trainer.step > steps * (1 - scorer_viclip_train.LATE))
    trainer = Trainer(state / "viclip", net, 2e-3, steps, loss, scorer_viclip_train.NOT_HIDDEN)
    return trainer


def yolov5_trainer(state: Path, steps: int, batch: int = 32) -> Trainer:
    net = scorer_yolov5.YOLOv5()
    loss = scorer_yolov5_train.training_loss(net, scorer_data.Clips(state / "clips"), batch)
    return Trainer(state / "yolov5", net, 3e-3, steps, loss, scorer_yolov5_train.NOT_HIDDEN)


_TRAINERS = {"clip": (clip_trainer, 5500), "viclip": (viclip_trainer, 3000), "yolov5": (yolov5_trainer, 2500)}


def assemble(state: Path, out: Path, parts: list[str]) -> None:
    """The folders of `parts`; ViCLIP and CLIP only together, since their threshold is a common one."""
    nets = {}
    for part in parts:
        trainer = _TRAINERS[part][0](state, 1)
        print(f"{part}: {trainer.step} steps, {trainer.seconds / 60:.1f} CPU minutes")
        trainer.use_average()
        nets[part] = trainer.net
    if "yolov5" in nets:
        replace_folder(out / "yolov5", lambda folder: scorer_yolov5.write_folder(nets["yolov5"], folder))
    if {"clip", "viclip"} <= nets.keys():
        scorers = scorer_measure.Scorers(nets["clip"], nets["viclip"], CLIPTokenizerFast.from_pretrained(state / "tokenizer"))
        for_clip, for_viclip = scorer_measure.thresholds(scorer_measure.score_clips(scorers, scorer_data.Clips(state / "held_out")))
        replace_folder(out / "viclip", lambda folder: scorer_viclip_train.write_folder(nets["viclip"], state / "tokenizer", folder, for_viclip))
        replace_folder(out / "clip", lambda folder: scorer_clip.write_folder(nets["clip"], state / "tokenizer", folder, for_clip))
        print(f"thresholds: {for_clip} {for_viclip}")


def measure(state: Path, model: Path) -> None:
    clips = scorer_data.Clips(state / "held_out")
    if (model / "yolov5").exists():
        scorer_measure.report_detector(scorer_yolov5.load(model / "yolov5"), clips)
    if (model / "clip").exists():
        limits = scorer_measure.read_thresholds(model)
        scorer_measure.report_scorers(scorer_measure.score_clips(scorer_measure.Scorers.load(model), clips), limits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tokenizer", "render", *_TRAINERS, "assemble", "measure", "all"])
    parser.add_argument("--state", required=True, type=Path, help="folder for everything that is made, outside the repository")
    parser.add_argument("--clips", type=int, default=6800)
    parser.add_argument("--held-out", type=int, default=800)
    parser.add_argument("--processes", type=int, default=1, help="that draw")
    parser.add_argument("--steps", type=int, help="of the training, in all")
    parser.add_argument("--model", type=Path, help="folder with clip, viclip and yolov5 to measure; default: DIR/model")
    parser.add_argument("--out", type=Path, help="where they are put together; default: DIR/model")
    parser.add_argument("--parts", nargs="+", default=list(_TRAINERS), choices=list(_TRAINERS), help="to put together")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    match options.what:
        case "tokenizer":
            train_tokenizer(options.state)
        case "render":
            render(options.state, options.clips, options.held_out, options.processes)
        case "all":
            if not (options.state / "tokenizer").exists():
                train_tokenizer(options.state)
            render(options.state, options.clips, options.held_out, options.processes)
            for make, steps in _TRAINERS.values():
                trainer = make(options.state, options.steps or steps)
                trainer.run()
                if trainer.stopped:
                    return
            assemble(options.state, options.out or options.state / "model", list(_TRAINERS))
            measure(options.state, options.out or options.state / "model")
        case "assemble":
            assemble(options.state, options.out or options.state / "model", options.parts)
        case "measure":
            measure(options.state, options.model or options.state / "model")
        case part:
            make, steps = _TRAINERS[part]
            make(options.state, options.steps or steps).run()


if __name__ == "__main__":
    main()
