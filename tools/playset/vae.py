"""Trains the autoencoder on raw clips, and measures it.

    vae.py train   --state DIR --minutes 120     goes on with DIR/vae if there is one; DIR/clips is what it learns from
    vae.py train   --state DIR --decoder-only    the same with the encoder as it is: pictures get better, latents stay what they are
    vae.py measure --state DIR [--model MODEL]   PSNR on unseen clips, over all pixels and over those that move

After a training of both halves, encode the clips anew and run `render.py measure`: latents of another encoder are another language.
"""
from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLCogVideoX

import config
from files import replace_folder, write_atomically
from optimiser import Average, MuonWithAdamW
from render import frames_of, to_video

# On processors with AMX, torch 2.11 crashes ("double free") or never ends in the backward pass of these convolutions in
# bf16. oneDNN reads this at its first operation, so it must be said before any: here, also for those who only measure.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")

# Clips, frames, height and width of the batches, in turn: crops where something moves, which is a fifth of a picture
# and nearly all of what is hard, and whole pictures, as norms over a crop differ from those over a picture.
_SHAPES = [(4, 8, 48, 72), (2, 4, 96, 144), (6, 8, 48, 48), (1, 8, 96, 144)]
# For the decoder alone: norms over a crop differ from those over a picture, and the encoder cannot make up for it.
_WHOLE_SHAPES = [(2, 8, 96, 144), (1, 16, 96, 144)]
_MOVES = 0.12  # of 2: how far a pixel must be from its mean over time to count as moving
_MOVING_WEIGHT = 5.0  # what a moving pixel counts for, beyond one
_PLACES = 5  # among which a crop is chosen
_NOISE = 0.05  # on the latents in training: what the transformer gives is not exact either
_ANCHOR_WEIGHT = 0.02  # of the distance to another encoder's latents: enough to keep directions, too little to keep blur
_LOG_VARIANCE = -6.0  # of the posterior, fixed: sampling then does next to nothing


def moving(video: torch.Tensor) -> torch.Tensor:
    """[n, 3, frames, height, width] in -1..1 -> bool [n, 1, frames, height, width]"""
    return (video - video.mean(2, keepdim=True)).abs().amax(1, keepdim=True) > _MOVES


def loss(output: torch.Tensor, video: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """Absolute and squared error and that of the differences to the neighbours, weighted where something moves."""
    weights = 1 + _MOVING_WEIGHT * F.max_pool3d(moving(video).float(), (1, 5, 5), 1, (0, 2, 2))
    error = (output - video) * weights
    edges = (error.diff(dim=4).abs().mean() + error.diff(dim=3).abs().mean() + 0.5 * error.diff(dim=2).abs().mean())
    size = (latents.pow(2).mean() - 1).clamp(min=0)  # keeps the latents near a variance of one
    return error.abs().mean() + (error * (output - video)).mean() + 0.5 * edges + 1e-3 * size


def draw(clips: np.ndarray, shape: tuple[int, int, int, int], rng: np.random.Generator) -> np.ndarray:
    """Parts on the grid of the latents, half of them mirrored; of a few places each time the one where most moves."""
    count, frames, height, width = shape
    parts = []
    for _ in range(count):
        clip = clips[rng.integers(len(clips))]
        first = 4 * rng.integers((config.FRAMES - frames) // 4 + 1)
        clip = clip[first: first + frames]
        rows, columns = (config.HEIGHT - height) // 8 + 1, (config.WIDTH - width) // 8 + 1
        places = [] if rows * columns == 1 else [(8 * rng.integers(rows), 8 * rng.integers(columns)) for _ in range(_PLACES)]
        change = np.abs(clip[0, ::2, ::2].astype(np.int16) - clip[frames // 2, ::2, ::2]).sum(2)
        top, left = max(places or [(0, 0)], key=lambda at: change[at[0] // 2: (at[0] + height) // 2, at[1] // 2: (at[1] + width) // 2].sum())
        part = clip[:, top: top + height, left: left + width]
        parts.append(part[:, :, ::-1] if rng.random() < 0.5 else part)
    return np.stack(parts)


class Trainer:
    """The learning rate falls to nothing over `--minutes`; a stopped run goes on at its place in them."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.state = options, config.State(options.state)
        self.clips = np.load(self.state.clips / "frames.npy", mmap_mode="r")
        there = (self.state.vae / "config.json").exists()
        self.vae = AutoencoderKLCogVideoX.from_pretrained(self.state.vae) if there else AutoencoderKLCogVideoX(**config.VAE)
        self.vae = self.vae.to(options.device, torch.float32).train()
        self.vae.encoder.requires_grad_(not options.decoder_only)
        self.anchor = None
        if options.anchor:
            self.anchor = AutoencoderKLCogVideoX.from_pretrained(options.anchor).encoder.to(options.device, torch.float32)
            self.anchor = self.anchor.requires_grad_(False)
        self.optimiser = MuonWithAdamW([self.vae], options.lr)
        self.average = Average(list(self.vae.parameters()), 0.998)
        self.rng, self.step, self.spent = np.random.default_rng(options.seed), 0, 0.0
        torch.manual_seed(options.seed)
        self.path = self.state.root / "train-vae" / "state.pt"
        self.stopped = False
        if self.path.exists():
            saved = torch.load(self.path, map_location="cpu", weights_only=False)
            self.vae.load_state_dict(saved["vae"])
            self.optimiser.load_state_dict(saved["optimiser"])
            self.average.steps = saved["average_steps"]
            for value, kept in zip(self.average.values, saved["average"], strict=True):
                value.copy_(kept)
            self.step, self.spent = saved["step"], saved["spent"]
            self.rng.bit_generator.state = saved["rng"]
            torch.set_rng_state(saved["torch_rng"])

    def save(self, spent: float) -> None:
        content = {"vae": self.vae.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average.values,
                   "average_steps": self.average.steps, "step": self.step, "spent": spent,
                   "rng": self.rng.bit_generator.state, "torch_rng": torch.get_rng_state()}
        write_atomically(self.path, lambda part: torch.save(content, part))
        self.average.swap()
        last = self.vae.encoder.conv_out.conv
        kept = last.weight.detach().clone(), last.bias.detach().clone()
        with torch.no_grad():
            if not self.options.decoder_only:
                last.weight[config.CHANNELS:] = 0
                last.bias[config.CHANNELS:] = _LOG_VARIANCE
            replace_folder(self.state.vae, self.vae.save_pretrained)
            last.weight.copy_(kept[0])
            last.bias.copy_(kept[1])
        self.average.swap()

    def train_step(self, rate: float) -> tuple[float, float]:
        """-> PSNR where something moves, the latents' standard deviation"""
        device, decoder_only = self.options.device, self.options.decoder_only
        shapes = _WHOLE_SHAPES if decoder_only else _SHAPES
        video = to_video(draw(self.clips, shapes[self.step % len(shapes)], self.rng), device)
        with torch.autocast(device, torch.bfloat16):
            with torch.set_grad_enabled(not decoder_only):
                latents = self.vae.encode(video).latent_dist.mean
            output = self.vae.decode(latents + _NOISE * torch.randn_like(latents)).sample
        error = loss(output.float(), video, latents.float())
        if self.anchor is not None:
            with torch.autocast(device, torch.bfloat16), torch.no_grad():
                known = self.anchor(video)[0][:, :config.CHANNELS].float()
            error = error + _ANCHOR_WEIGHT * F.mse_loss(latents.float(), known)
        error.backward()
        self.optimiser.step(rate)
        self.average.update()
        self.step += 1
        return _psnr(output.detach().float(), video)["moving"], latents.std().item()

    def run(self) -> None:
        options, began, noted, psnr = self.options, time.monotonic(), time.monotonic(), None
        total, before = options.minutes * 60, self.spent
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: setattr(self, "stopped", True))
        while not self.stopped and (spent := before + time.monotonic() - began) < total:
            rate = options.lr * min(1.0, (self.step + 1) / 50) * max(0.02, min(1.0, (1 - spent / total) / 0.7))
            now, deviation = self.train_step(rate)
            psnr = now if psnr is None else 0.98 * psnr + 0.02 * now
            if self.step % 50 == 0:
                print(f"{spent:.0f} s, step {self.step}: {psnr:.2f} dB on what moves, latents' deviation {deviation:.3f}", flush=True)
            if time.monotonic() - noted > 240:
                self.save(before + time.monotonic() - began)
                noted = time.monotonic()
        self.save(before + time.monotonic() - began)


def _psnr(output: torch.Tensor, video: torch.Tensor) -> dict[str, float]:
    squares = (output - video).pow(2)
    mask = moving(video).expand_as(squares)
    over = {"all": squares.mean().item(), "moving": squares[mask].mean().item() if mask.any() else 0.0}
    return {name: float(10 * np.log10(4 / max(value, 1e-9))) for name, value in over.items()}


def reconstruct(model: AutoencoderKLCogVideoX, video: torch.Tensor) -> torch.Tensor:
    """[n, 3, frames, height, width] in -1..1 -> the same, encoded and decoded"""
    return model.decode(model.encode(video).latent_dist.mean).sample.clamp(-1, 1)


@torch.inference_mode()
def there_and_back(model: AutoencoderKLCogVideoX, frames: np.ndarray) -> np.ndarray:
    """uint8 [frames, height, width, 3] -> the same, encoded and decoded"""
    video = reconstruct(model, to_video(frames[None]))[0]
    return ((video.permute(1, 2, 3, 0) + 1) * 127.5).round().byte().numpy()


@torch.inference_mode()
def measure(folder: Path, seeds: Iterable[int], device: str) -> dict[str, float]:
    """PSNR over all clips together, in dB: {"all": ..., "moving": ...}"""
    model = AutoencoderKLCogVideoX.from_pretrained(folder).to(device, torch.float32).eval()
    sums = {"all": [0.0, 0], "moving": [0.0, 0]}
    for seed in seeds:
        video = to_video(frames_of(seed)[None], device)
        squares = (reconstruct(model, video) - video).pow(2)
        mask = moving(video).expand_as(squares)
        for name, values in (("all", squares), ("moving", squares[mask])):
            sums[name][0] += values.sum().item()
            sums[name][1] += values.numel()
    return {name: float(10 * np.log10(4 * count / max(total, 1e-9))) for name, (total, count) in sums.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "measure"])
    parser.add_argument("--state", required=True)
    parser.add_argument("--model", type=Path, help="Hugging Face folder to measure instead of DIR/vae")
    parser.add_argument("--minutes", type=float, default=120, help="of training in all")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--decoder-only", action="store_true", help="leaves the encoder, and so the meaning of latents, alone")
    parser.add_argument("--anchor", type=Path, help="an autoencoder's folder, whose latents the new ones should stay near")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.what == "train":
        Trainer(options).run()
        return
    folder = options.model / "vae" if options.model else config.State(options.state).vae
    seeds = range(config.VALIDATION_SEEDS, config.VALIDATION_SEEDS + 48)
    print(", ".join(f"{name} {value:.2f} dB" for name, value in measure(folder, seeds, options.device).items()))


if __name__ == "__main__":
    main()
