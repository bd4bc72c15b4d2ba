#!/usr/bin/env python3
"""Frames a second of CLIP, ViCLIP and YOLOv5: dreamrunner and PyTorch with the reference modules, in turns.

    bench/scorers.py BUILD/scorers_bench [--threads 2] [--seconds 5] [--rounds 2]

Random weights of moderate size: CLIP ViT-B/32, a ViCLIP of CLIP B's width at patch 16 with 4 layers, YOLOv5n at 640 px.
Needs torch, transformers, safetensors, Pillow and OpenCV. PyTorch's modules are transformers' CLIPModel and the plain modules of
tools/golden/scorer_modules.py, YOLOv5 with its batch normalisation folded, as its own loader does, and
channels last. Each program works on the same shapes with the same number of threads; the best run counts, by the clock and by
the seconds of the processor, which stay nearly true on a machine that is busy with something else.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import CLIPConfig, CLIPModel

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools/golden"))
import scorer_modules  # noqa: E402
from scorers import clip_pixels  # noqa: E402

VOCABULARY = ROOT / "tests/golden/clip-tokenizer"
ANCHORS = [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]


def write(folder: Path, state: dict, config: dict) -> None:
    folder.mkdir(parents=True)
    save_file({name: value.contiguous().clone() for name, value in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(VOCABULARY / name, folder / name)


def make_models(folder: Path) -> dict:
    torch.manual_seed(1)
    text = dict(vocab_size=1015, hidden_size=512, intermediate_size=2048, num_hidden_layers=2, num_attention_heads=8, hidden_act="quick_gelu")
    vision = dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, image_size=224, patch_size=32, hidden_act="quick_gelu")
    clip = CLIPModel(CLIPConfig(text_config=dict(text, eos_token_id=1014), vision_config=vision, projection_dim=512)).eval()
    write(folder / "clip", dict(clip.state_dict()), {"model_type": "clip", "projection_dim": 512, "text_config": text, "vision_config": vision})
    config = {"_class_name": "ViCLIP", "embed_dim": 512, "preprocess": "B",
              "vision": {"image_size": 224, "patch_size": 16, "width": 768, "layers": 4, "heads": 12, "frames": 8},
              "text": {"context_length": 32, "width": 256, "layers": 2, "heads": 4, "vocab_size": 1015}}
    viclip = scorer_modules.PlainViClip(config).eval()
    for parameter in viclip.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.02)
    write(folder / "viclip", dict(viclip.state_dict()), config)
    config = {"_class_name": "YOLOv5", "depth_multiple": 0.33, "width_multiple": 0.25, "nc": 80, "anchors": ANCHORS, "strides": [8, 16, 32], "image_size": 640}
    yolo = scorer_modules.PlainYolo(config).eval()
    write(folder / "yolov5", dict(yolo.state_dict()), config)
    return {"clip": clip, "viclip": viclip, "yolov5": fold(yolo)}


def fold(yolo: nn.Module) -> nn.Module:
    """Batch normalisation folded into the convolutions, as the reference's loader does."""
    for layer in yolo.modules():
        if isinstance(layer, scorer_modules.Conv):
            layer.conv, layer.bn = torch.nn.utils.fusion.fuse_conv_bn_eval(layer.conv, layer.bn), nn.Identity()
    return yolo


class VisionInOrder(nn.Module):
    """ViCLIP's vision tower with its tokens put in order by one permutation, as the reference does it: the plain module's loop
    over tokens is for reading, not for speed."""

    def __init__(self, plain):
        super().__init__()
        self.plain = plain

    def forward(self, pixels):
        p = self.plain
        x = p.conv1(pixels).flatten(3).permute(0, 3, 2, 1)  # B, N, T, width
        x = x + p.positional_embedding[1:, None] + p.temporal_positional_embedding
        first = (p.class_embedding + p.positional_embedding[0]).expand(len(x), 1, -1)
        x = p.transformer(p.ln_pre(torch.cat([first, x.flatten(1, 2)], 1)))
        return p.ln_post(x[:, 0]) @ p.proj


def best(work, frames: int, seconds: float) -> tuple:
    """Frames a second, and frames a second of the processor."""
    work()
    fastest, least, runs, begin = float("inf"), float("inf"), 0, time.perf_counter()
    while runs < 3 or time.perf_counter() - begin < seconds:
        start, cpu_start = time.perf_counter(), time.process_time()
        work()
        fastest, least = min(fastest, time.perf_counter() - start), min(least, time.process_time() - cpu_start)
        runs += 1
    return frames / fastest, frames / least


def better(a: tuple, b: tuple) -> tuple:
    return max(a[0], b[0]), max(a[1], b[1])


@torch.inference_mode()
def measure_torch(models: dict, seconds: float) -> dict:
    pixels, clip_, images = torch.randn(8, 3, 224, 224), torch.randn(1, 3, 8, 224, 224), torch.rand(8, 3, 640, 640)
    frames = torch.randint(256, (8, 480, 640, 3), dtype=torch.uint8).numpy()
    vision, yolo = VisionInOrder(models["viclip"].vision_encoder), models["yolov5"].to(memory_format=torch.channels_last)
    return {"clip network": best(lambda: models["clip"].get_image_features(pixels), 8, seconds),
            "viclip network": best(lambda: vision(clip_), 8, seconds),
            "yolov5 network": best(lambda: yolo(images.contiguous(memory_format=torch.channels_last)), 8, seconds),
            "clip preparation": best(lambda: clip_pixels(frames, 224), 8, seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as name:
        models = make_models(Path(name) / "m")
        ours, theirs = {}, {}
        for _ in range(arguments.rounds):
            command = [arguments.program, Path(name) / "m", str(arguments.threads), str(arguments.seconds)]
            for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
                result = json.loads(line)
                speed = (result["frames_per_second"], result["frames_per_cpu_second"])
                ours[result["what"]] = better(ours.get(result["what"], (0, 0)), speed)
            for what, value in measure_torch(models, arguments.seconds).items():
                theirs[what] = better(theirs.get(what, (0, 0)), value)
    print(f"{arguments.threads} threads, best run; PyTorch's in brackets")
    print(f"{'':<24}{'frames a second':>28}{'frames a CPU second':>28}")
    for what, value in ours.items():
        peer = theirs.get(what)
        cells = [f"{mine:.2f}" + (f" ({other:.2f})" if peer else "") for mine, other in zip(value, peer or value)]
        print(f"{what:<24}{cells[0]:>28}{cells[1]:>28}")


if __name__ == "__main__":
    main()
