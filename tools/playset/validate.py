"""Measures the denoiser's loss on clips that no training has seen, by timestep, inside and outside the boxes.

    validate.py --state DIR                 the averaged weights of the training in DIR
    validate.py --state DIR --model MODEL   the weights of a Hugging Face folder

Clips, noise and texts are the same for every run, so two runs differ by the weights alone.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from transformers import T5EncoderModel

import config
import samples
from latents import Latents
from regions import Denoiser, to_tokens

TIMESTEPS = (50, 250, 500, 750, 950)
BATCH = 16


@torch.inference_mode()
def losses(state: config.State, model: Path, clips: int, device: str) -> dict[str, dict[str, float]]:
    """-> {"plain inside": {"50": ..., ...}, ...}"""
    latents = Latents(state.validation)
    words = samples.Words(state.tokenizer)
    scale = json.loads((state.vae / "config.json").read_text())["scaling_factor"]
    alphas = CogVideoXDDIMScheduler(**config.SCHEDULER).alphas_cumprod.float()
    denoiser = Denoiser(CogVideoXTransformer3DModel.from_pretrained(model / "transformer")).to(device, torch.float32).eval()
    text_encoder = T5EncoderModel.from_pretrained(model / "text_encoder").to(device, torch.float32).eval()
    sums: dict[str, dict[str, list[float]]] = {}
    for first in range(0, min(clips, len(latents)), BATCH):
        chosen = np.arange(first, min(first + BATCH, clips, len(latents)))
        clean = torch.from_numpy(latents.take(chosen)) * scale
        for regional in (False, True):
            conditions = [
                samples.regional(r, None) if regional
                else samples.Conditions([r["captions"][0]], None, samples.inside_of(r))
                for r in (latents.records[k] for k in chosen)
            ]
            batch = samples.collate(conditions, words)
            for step in TIMESTEPS:
                noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(first * 1000 + step))
                alpha = alphas[step]
                noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
                target = to_tokens(alpha.sqrt() * noise - (1 - alpha).sqrt() * clean).to(device)
                with torch.autocast(device, torch.bfloat16):
                    texts = text_encoder(batch.tokens.to(device)).last_hidden_state[batch.which.to(device)].flatten(1, 2)
                    regions = None if batch.regions is None else batch.regions.to(device)
                    predicted = denoiser(noisy.to(device), texts, torch.full((len(chosen),), step, device=device), regions)
                errors = F.mse_loss(predicted.float(), target, reduction="none").mean(2).cpu()
                kind = "regional" if regional else "plain"
                for name, where in (("inside", batch.inside), ("outside", ~batch.inside), ("all", torch.ones_like(batch.inside))):
                    entry = sums.setdefault(f"{kind} {name}", {}).setdefault(str(step), [0.0, 0.0])
                    entry[0] += errors[where].sum().item()
                    entry[1] += where.sum().item()
    return {name: {step: total / max(count, 1) for step, (total, count) in rows.items()} for name, rows in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--model", help="Hugging Face folder; default: DIR/train/average")
    parser.add_argument("--clips", type=int, default=96)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    state = config.State(options.state)
    result = losses(state, Path(options.model) if options.model else state.train / "average", options.clips, options.device)
    print(f"{'v-prediction loss at t =':24}" + "".join(f"{step:>9}" for step in TIMESTEPS))
    for name, rows in result.items():
        print(f"{name:24}" + "".join(f"{rows[str(step)]:9.4f}" for step in TIMESTEPS))


if __name__ == "__main__":
    main()
