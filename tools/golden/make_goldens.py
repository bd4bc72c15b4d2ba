#!/usr/bin/env python3
"""Makes the golden files under tests/golden from the pinned reference implementations, or checks those that are there.

    make_goldens.py                  make every model and case
    make_goldens.py --only denoise   only cases whose name begins so (models are made if absent)
    make_goldens.py --check          make everything elsewhere and compare with what is committed
    make_goldens.py --sensitivity    show that no weight of the tiny models can be ignored unseen
"""
from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers import CogVideoXPipeline

import reference
from case_file import compare_folders, relative_difference, write_case
from cases import all_cases, draw_regions
from sensitivity import report_blind_spots
from tiny_models import TINY_MODELS, write_tiny_model
from workshop import Workshop

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN_FOLDER = REPOSITORY / "tests" / "golden"
PLAYSET = REPOSITORY / "models" / "playset"
LARGEST_FILE_BYTES = 1_000_000
LARGEST_TOTAL_BYTES = 9_700_000


def main() -> int:
    """Returns the exit code: 1 if --check or --sensitivity finds a fault."""
    arguments = _parse_arguments()
    _silence_libraries()
    reference.be_deterministic()
    if arguments.check:
        return _check(arguments.playset, arguments.tolerance)
    if arguments.sensitivity:
        return report_blind_spots(Workshop(GOLDEN_FOLDER, arguments.playset))
    make(GOLDEN_FOLDER, arguments.playset, arguments.only)
    return 0


def make(golden_folder: Path, playset: Path, only: str = "") -> None:
    """Writes models/ and cases/ into `golden_folder`, in place of what was there (of the cases that `only` begins)."""
    models_folder, cases_folder = golden_folder / "models", golden_folder / "cases"
    if not only:
        for folder in (models_folder, cases_folder):
            shutil.rmtree(folder, ignore_errors=True)
    for model in TINY_MODELS:
        if not (models_folder / model.name).is_dir():
            write_tiny_model(model, models_folder)
    workshop = Workshop(golden_folder, playset)
    _check_masked_attention(workshop)
    _check_denoising(workshop)
    for case in all_cases():
        if not case.name.startswith(only):
            continue
        started = time.monotonic()
        workshop.finish(case)
        write_case(case, cases_folder)
        shapes = " ".join(f"{name}{list(x.shape)}" for name, x in (case.inputs | case.outputs).items())
        print(f"{case.name:<40} {time.monotonic() - started:5.1f} s  {shapes}", flush=True)
    _refuse_large_files(golden_folder)


def _check(playset: Path, tolerance: float) -> int:
    with tempfile.TemporaryDirectory() as name:
        made = Path(name)
        make(made, playset)
        faults = [
            fault
            for part in ("models", "cases")
            for fault in compare_folders(made / part, GOLDEN_FOLDER / part, tolerance)
        ]
    print("\n".join(faults) if faults else f"everything is as committed, within {tolerance:g}")
    return 1 if faults else 0


def _check_masked_attention(workshop: Workshop) -> None:
    """Our masked attention with everything allowed must be the stock model, for both position styles."""
    for model in ("models/tiny-2b", "models/tiny-5b"):
        module = workshop.part(model, "transformer", torch.float64)
        draw = torch.Generator().manual_seed(1)
        config = module.config
        states = torch.randn(1, 2, 16, 6, 10, generator=draw, dtype=torch.float64)
        text = torch.randn(1, config.max_text_seq_length, config.text_embed_dim, generator=draw, dtype=torch.float64)
        timestep = torch.tensor([321])
        stock = reference.run_transformer(module, states, text, timestep)
        masked = reference.run_transformer(module, states, text, timestep, draw_regions("whole", 1, (2, 3, 5), draw))
        if (difference := relative_difference(masked, stock)) > 1e-12:
            raise RuntimeError(f"{model}: masked attention differs from the stock model by {difference:.1e}")


def _check_denoising(workshop: Workshop) -> None:
    """Our denoising loop must be the stock pipeline's, for both samplers: same draws, same order, same guidance."""
    pipeline = CogVideoXPipeline.from_pretrained(workshop.playset, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    draw = torch.Generator().manual_seed(2)
    config = pipeline.transformer.config
    text = torch.randn(2, 1, config.max_text_seq_length, config.text_embed_dim, generator=draw)
    for sampler_class in reference.SAMPLERS.values():
        pipeline.scheduler = sampler_class.from_config(pipeline.scheduler.config)
        noise = torch.randn(1, 3, config.in_channels, 6, 10, generator=draw)
        stock = pipeline(
            prompt_embeds=text[0], negative_prompt_embeds=text[1], latents=noise, height=48, width=80, num_frames=6,
            num_inference_steps=4, guidance_scale=5.0, generator=torch.Generator().manual_seed(3), output_type="latent",
        ).frames
        ours = reference.denoise(
            pipeline.transformer, pipeline.scheduler, noise, text[0], text[1], steps=4, guidance_scale=5.0,
            generator=torch.Generator().manual_seed(3),
        )
        if (difference := relative_difference(ours, stock)) > 1e-6:
            raise RuntimeError(f"{sampler_class.__name__}: our loop differs from the stock pipeline by {difference:.1e}")


def _refuse_large_files(golden_folder: Path) -> None:
    files = [p for part in ("models", "cases") for p in (golden_folder / part).rglob("*") if p.is_file()]
    large = [f"{p.relative_to(golden_folder)} ({p.stat().st_size} bytes)" for p in files if p.stat().st_size > LARGEST_FILE_BYTES]
    total = sum(p.stat().st_size for p in files)
    print(f"{len(files)} files, {total / 1e6:.2f} MB")
    if large or total > LARGEST_TOTAL_BYTES:
        raise RuntimeError(f"too much for a repository: {total} bytes in all; large files: {', '.join(large) or 'none'}")


def _silence_libraries() -> None:
    """Their warnings are about training, their bars about files that load in a blink."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="PREFIX", help="cases whose name begins with PREFIX")
    parser.add_argument("--check", action="store_true", help="compare with the committed files instead of writing them")
    parser.add_argument("--tolerance", type=float, default=1e-6, help="for --check: largest relative difference (1e-6)")
    parser.add_argument("--sensitivity", action="store_true", help="lists weights that no case would miss")
    parser.add_argument("--playset", type=Path, default=PLAYSET, help="folder of the playset model")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
