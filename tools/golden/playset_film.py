#!/usr/bin/env python3
"""Makes the scenes of a plan with diffusers, regions as a dense mask, and compares the latents with those of a film.

    playset_film.py PLAN --seed 7 --steps 50 --out FOLDER
    playset_film.py PLAN --seed 7 --steps 50 --compare FILM      ends with 1 if a scene is further away than --tolerance

The plan is read and its boxes are laid out by code of its own, from the rules as docs/plans.md states them.
"""
from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers import CogVideoXPipeline
from safetensors.torch import load_file, save_file

import reference
from case_file import relative_difference

REPOSITORY = Path(__file__).resolve().parents[2]
PLAYSET = REPOSITORY / "models" / "playset"


@dataclass(frozen=True)
class SceneRequest:
    """One scene of the plan, its number (from 1) and the seed it is drawn from."""

    number: int
    scene: dict[str, Any]
    seed: int


def main() -> int:
    """Returns the exit code."""
    arguments = _parse_arguments()
    logging.disable(logging.WARNING)
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    reference.be_deterministic()
    torch.set_num_threads(arguments.threads)
    pipeline = CogVideoXPipeline.from_pretrained(arguments.model, torch_dtype=torch.float32)
    if arguments.sampler != "auto":
        pipeline.scheduler = reference.SAMPLERS[arguments.sampler].from_config(pipeline.scheduler.config)

    largest = 0.0
    for request in _scenes(arguments):
        latents = make_scene(pipeline, request, arguments)
        line = f"scene {request.number} (seed {request.seed}): latents {list(latents.shape)}, largest value {latents.abs().max():.3f}"
        if arguments.out:
            folder = arguments.out / "scenes" / f"{request.number:02}"
            folder.mkdir(parents=True, exist_ok=True)
            save_file({"latents": latents}, folder / "latents.safetensors")
        if arguments.compare:
            file = arguments.compare / "scenes" / f"{request.number:02}" / "latents.safetensors"
            if not file.is_file():
                sys.exit(f"{file}: no such file; make the film first")
            theirs = load_file(file)["latents"]
            difference = relative_difference(theirs, latents)
            largest = max(largest, difference)
            line += f", the film's differ by {difference:.2e}"
        print(line, flush=True)
    if not arguments.compare:
        return 0
    verdict = "within" if largest <= arguments.tolerance else "beyond"
    print(f"largest relative difference {largest:.2e}, {verdict} the tolerance of {arguments.tolerance:g}")
    return 0 if largest <= arguments.tolerance else 1


def make_scene(pipeline: CogVideoXPipeline, request: SceneRequest, arguments: argparse.Namespace) -> torch.Tensor:
    """Latents [1, F, C, H, W] of one scene: one generator draws the starting noise and then what the sampler asks for."""
    config = pipeline.transformer.config
    height = arguments.height or config.sample_height * reference.VAE_SPATIAL_RATIO
    width = arguments.width or config.sample_width * reference.VAE_SPATIAL_RATIO
    pixel_frames = arguments.num_frames or config.sample_frames
    frames = (pixel_frames - 1) // pipeline.vae.config.temporal_compression_ratio + 1
    size = (height // reference.VAE_SPATIAL_RATIO, width // reference.VAE_SPATIAL_RATIO)

    captions, regions = lay_out(request.scene, (frames, size[0] // config.patch_size, size[1] // config.patch_size))
    embeddings = encode(pipeline, [*captions, arguments.negative_prompt])
    generator = torch.Generator("cpu").manual_seed(request.seed)
    noise = torch.randn(1, frames, config.in_channels, *size, generator=generator, dtype=torch.float32)
    return reference.denoise(
        pipeline.transformer,
        pipeline.scheduler,
        noise,
        prompt_embeds=embeddings[:-1],
        negative_prompt_embeds=embeddings[-1:].expand(len(captions), -1, -1),
        steps=arguments.steps,
        guidance_scale=arguments.guidance_scale,
        generator=generator,
        regions=regions,
    ).contiguous()


def encode(pipeline: CogVideoXPipeline, texts: list[str]) -> torch.Tensor:
    """[texts, T, D]: each text alone, padded to the model's text length and without a mask, as the stock pipeline does."""
    length = pipeline.transformer.config.max_text_seq_length
    tokenize = lambda text: pipeline.tokenizer(  # noqa: E731
        text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids
    return torch.cat([reference.run_text_encoder(pipeline.text_encoder, tokenize(text)) for text in texts])


def lay_out(scene: dict[str, Any], grid: tuple[int, int, int]) -> tuple[list[str], torch.Tensor]:
    """The captions of a scene, background last, and their regions uint8 [N, F, h, w] on a grid of tokens.

    Latent frame k shows key frame floor(k*K/F). Boxes are clipped to the frame; edges are rounded to tokens, half to even,
    and are half-open. One caption is one condition wherever it stands; the background has what nothing else covers.
    """
    key_frames = scene["key_frames"]
    placed = [region for key_frame in key_frames for region in key_frame["regions"]]
    captions = list(dict.fromkeys(region["caption"] for region in placed))
    frames, rows, columns = grid
    regions = torch.zeros(len(captions) + 1, *grid, dtype=torch.uint8)
    for frame in range(frames):
        for region in key_frames[frame * len(key_frames) // frames]["regions"]:
            left, top, right, bottom = (min(max(float(edge), 0.0), 1.0) for edge in region["box"])
            # Python's round is half to even.
            vertical = slice(round(top * rows), round(bottom * rows))
            horizontal = slice(round(left * columns), round(right * columns))
            regions[captions.index(region["caption"]), frame, vertical, horizontal] = 1
    regions[-1] = regions.sum(0) == 0
    return [*captions, scene["background"]], regions


def _scenes(arguments: argparse.Namespace) -> list[SceneRequest]:
    scenes = json.loads(arguments.plan.read_text(encoding="utf-8"))["scenes"]
    requests = [
        SceneRequest(number, scene, scene.get("seed", arguments.seed + number - 1)) for number, scene in enumerate(scenes, 1)
    ]
    if arguments.scene is None:
        return requests
    if not 1 <= arguments.scene <= len(scenes):
        sys.exit(f"--scene {arguments.scene}: the plan has scenes 1 to {len(scenes)}")
    return [requests[arguments.scene - 1]]


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plan", type=Path, help="plan.json")
    parser.add_argument("--model", type=Path, default=PLAYSET, help="folder of the model (the playset)")
    parser.add_argument("--scene", type=int, help="one scene alone, from 1")
    parser.add_argument("--seed", type=int, default=0, help="of the film: scene k draws from seed + k - 1, unless it has its own")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--guidance-scale", type=float, default=6.0)
    parser.add_argument("--sampler", choices=("auto", "ddim", "dpm"), default="auto", help="auto: as the model's scheduler says")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--num-frames", type=int, help="pictures of a scene")
    parser.add_argument("--height", type=int, help="in pixels")
    parser.add_argument("--width", type=int, help="in pixels")
    parser.add_argument("--out", type=Path, help="folder for scenes/NN/latents.safetensors")
    parser.add_argument("--compare", type=Path, metavar="FILM", help="film folder whose scenes/NN/latents.safetensors are compared")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="largest difference over largest value (1e-3)")
    parser.add_argument("--threads", type=int, default=1, help="of the processor")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
