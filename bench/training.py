#!/usr/bin/env python3
"""A training step of a motion prior (one loss with its debiased term, rank-wide LoRA on the even blocks, AdamW) in the program and in
diffusers with PEFT, in turn, on the same model, sizes and threads.

    training.py [--model models/playset] [--turns 7] [--repeats 3] [--threads 2]

Prints a table: seconds a step (median and 95 % bootstrap interval) and memory above the loaded model, with and without
recomputation. Run it with the oracle's Python (make oracle); needs build/training_bench.
"""
from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from measure import OUR_WAITING, interval, status_kb

REPOSITORY = Path(__file__).resolve().parents[1]


def peer(model: str, frames: int, rank: int, recompute: bool, repeats: int) -> None:
    """The other side: diffusers and PEFT, speaking as training_bench does."""
    import torch
    from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
    from peft import LoraConfig

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    transformer = CogVideoXTransformer3DModel.from_pretrained(f"{model}/transformer", torch_dtype=torch.float32)
    transformer.requires_grad_(False)
    alphas = CogVideoXDDIMScheduler.from_pretrained(f"{model}/scheduler").alphas_cumprod
    config = transformer.config
    linears = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "ff.net.0.proj", "ff.net.2")
    names = [f"transformer_blocks.{block}.{linear}" for block in range(0, config.num_layers, 2) for linear in linears]
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=names))
    if recompute:
        transformer.enable_gradient_checkpointing()
    transformer.train()
    optimiser = torch.optim.AdamW([p for p in transformer.parameters() if p.requires_grad], lr=5e-4, weight_decay=1e-4)
    torch.manual_seed(1)
    videos = torch.randn(2, frames, config.in_channels, config.sample_height, config.sample_width)
    texts = torch.randn(2, config.max_text_seq_length, config.text_embed_dim)

    def step(number: int) -> None:
        x, text = videos[number % 2][None], texts[number % 2][None]
        t = int(torch.randint(0, 1000, (1,)))
        noise = torch.randn_like(x)
        a = float(alphas[t])
        noised, target = a**0.5 * x + (1 - a) ** 0.5 * noise, a**0.5 * noise - (1 - a) ** 0.5 * x
        prediction = transformer(noised, text, torch.tensor([t])).sample
        anchor = int(torch.randint(0, frames, (1,)))
        phi = lambda e: 2**0.5 * e - e[:, anchor : anchor + 1]  # noqa: E731
        loss = (prediction - target).square().mean() + (phi(prediction) - phi(target)).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    before = status_kb("VmRSS")
    number = 0
    print("ready", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        for _ in range(repeats):
            step(number)
            number += 1
        print(f"{(time.perf_counter() - started) / repeats:.6f}", flush=True)
    print(before, status_kb("VmHWM"), flush=True)


class Side:
    """One program, waiting for its turns."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.times: list[float] = []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        assert self.process.stdout.readline().strip() == "ready", name

    def turn(self) -> float:
        """Seconds a step in this turn."""
        self.process.stdin.write("turn\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def finish(self) -> float:
        """MB of memory that training took above the loaded model."""
        self.process.stdin.close()
        before, peak = map(int, self.process.stdout.readline().split())
        self.process.wait()
        return (peak - before) / 1000


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=str(REPOSITORY / "models" / "playset"))
    parser.add_argument("--program", default=str(REPOSITORY / "build" / "training_bench"))
    parser.add_argument("--frames", type=int, default=8, help="latent frames")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", choices=("on", "off"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        peer(arguments.model, arguments.frames, arguments.rank, arguments.peer == "on", arguments.repeats)
        return 0
    environment = os.environ | {"OMP_NUM_THREADS": str(arguments.threads)}
    print(f"model {Path(arguments.model).name}, {arguments.frames} latent frames, rank {arguments.rank}, fp32, {arguments.threads} threads\n")
    print("| recomputation | program, s a step | diffusers + PEFT, s a step | ratio | program, MB | diffusers + PEFT, MB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for recompute in ("off", "on"):
        sizes = [str(arguments.frames), str(arguments.rank), recompute, str(arguments.repeats)]
        ours = Side("program", [arguments.program, arguments.model, *sizes], environment | OUR_WAITING)
        theirs = Side("peer", [sys.executable, "-W", "ignore", __file__, "--model", arguments.model, "--frames", sizes[0], "--rank", sizes[1],
                               "--repeats", sizes[3], "--peer", recompute], environment)
        for turn in range(arguments.turns + 2):
            for side in (ours, theirs, theirs, ours):
                seconds = side.turn()
                if turn >= 2:
                    side.times.append(seconds)
        cells = []
        for side in (ours, theirs):
            cells.append("{:.4f} ({:.4f} to {:.4f})".format(*interval(side.times)))
        ratio = statistics.median(theirs.times) / statistics.median(ours.times)
        memory = ours.finish(), theirs.finish()
        print(f"| {recompute} | {cells[0]} | {cells[1]} | {ratio:.2f} | {memory[0]:.0f} | {memory[1]:.0f} | {memory[0] / memory[1]:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
