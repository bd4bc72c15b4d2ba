#!/usr/bin/env python3
"""Makes tests/golden/training: LoRA trained for some steps by diffusers, PEFT and torch.optim, for the program to follow.

    training.py [NAME]     make every trajectory and the forward pass, or one of them

The draws are those that src/learn/trainer.h promises, from torch's own CPU generators.
"""
from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from peft import LoraConfig
from safetensors.torch import save_file

GOLDEN_FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden"
LINEARS = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "ff.net.0.proj", "ff.net.2")
PAPER_LINEARS = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "ff.net.2")


@dataclass(frozen=True)
class Trajectory:
    """One training. Names are those of PriorRecipe in src/stages/priors.h."""

    name: str
    kind: str
    seed: int = 11
    steps: int = 20
    rank: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    videos: int = 3
    linears: tuple[str, ...] = LINEARS
    debias: bool = True
    beta: float = 1.0
    spatial_loras: bool = True
    spatial_skip: float = 0.2
    loss_frames: str = "first"
    mask: bool = False
    flip: float = 0.0
    accumulate: int = 1


TRAJECTORIES = (
    Trajectory("motion", "motion"),
    Trajectory("motion-plain", "motion", seed=5, debias=False, spatial_loras=False, accumulate=2, flip=0.5, steps=10),
    Trajectory("motion-beta", "motion", seed=6, beta=0.5, spatial_skip=0.7, linears=PAPER_LINEARS, steps=10),
    Trajectory("subject", "subject"),
    Trajectory("subject-random-masked", "subject", seed=7, loss_frames="random", mask=True, steps=10),
)


def generator(seed: int) -> torch.Generator:
    """A CPU generator."""
    return torch.Generator().manual_seed(seed)


def names_of(blocks: list[int], linears: tuple[str, ...]) -> list[str]:
    """The linears that a LoRA on `blocks` changes, in the order in which they are drawn."""
    return [f"transformer_blocks.{block}.{linear}" for block in blocks for linear in linears]


def add_lora(model: CogVideoXTransformer3DModel, adapter: str, names: list[str], rank: int, draws: torch.Generator) -> dict[str, torch.nn.Parameter]:
    """Adds an adapter whose factors are drawn from `draws`; returns them by "LINEAR.down" and "LINEAR.up"."""
    model.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=names, init_lora_weights=False), adapter_name=adapter)
    parameters = {}
    for name in names:
        layer = model.get_submodule(name)
        down, up = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
        with torch.no_grad():
            down.copy_(torch.randn(down.shape, generator=draws) / rank)
            up.zero_()
        parameters[f"{name}.down"], parameters[f"{name}.up"] = down, up
    return parameters


def add_noise(x: torch.Tensor, noise: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Noised latents and the velocity in them."""
    return alpha**0.5 * x + (1 - alpha) ** 0.5 * noise, alpha**0.5 * noise - (1 - alpha) ** 0.5 * x


def train(trajectory: Trajectory) -> dict[str, torch.Tensor]:
    """Returns everything that the test needs: inputs, losses and the factors at the end."""
    t = trajectory
    folder = GOLDEN_FOLDER / "models" / "tiny-2b"
    model = CogVideoXTransformer3DModel.from_pretrained(folder / "transformer", torch_dtype=torch.float32)
    model.requires_grad_(False)
    alphas = CogVideoXDDIMScheduler.from_pretrained(folder / "scheduler").alphas_cumprod.double()
    inputs = generator(t.seed + 1000)
    config = model.config
    shape = (t.videos, 4, config.in_channels, 8, 12)
    latents = torch.randn(shape, generator=inputs)
    mirrored = torch.randn(shape, generator=inputs)
    texts = torch.randn((t.videos, config.max_text_seq_length, config.text_embed_dim), generator=inputs)
    masks = (torch.rand((t.videos, 8, 12), generator=inputs) < 0.5).float()

    draws = generator(t.seed)
    own_parity = 0 if t.kind == "motion" else 1
    blocks = [block for block in range(config.num_layers) if block % 2 == own_parity]
    others = [block for block in range(config.num_layers) if block % 2 != own_parity]
    prior = add_lora(model, "prior", names_of(blocks, t.linears), t.rank, draws)
    spatial = []
    if t.kind == "motion" and t.spatial_loras:
        spatial = [add_lora(model, f"video{i}", names_of(others, t.linears), t.rank, draws) for i in range(t.videos)]

    def optimiser(parameters: dict[str, torch.nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.AdamW(parameters.values(), lr=t.learning_rate, weight_decay=t.weight_decay)

    prior_optimiser = optimiser(prior)
    spatial_optimisers = [optimiser(parameters) for parameters in spatial]
    losses = []
    for step in range(t.steps):
        total = 0.0
        for micro in range(t.accumulate):
            number = step * t.accumulate + micro
            order = torch.randperm(t.videos, generator=generator(t.seed + 1 + number // t.videos))
            video = int(order[number % t.videos])
            draw = generator(1_000_003 * (t.seed + 1) + number)
            is_mirrored = torch.rand((1,), generator=draw).item() < t.flip
            x = (mirrored if is_mirrored else latents)[video : video + 1]
            timestep = int(torch.randint(0, 1000, (1,), generator=draw))
            noise = torch.randn(x.shape, generator=draw)
            skip = torch.rand((1,), generator=draw).item() < t.spatial_skip
            frame = int(torch.randint(0, x.shape[1], (1,), generator=draw))
            anchor = int(torch.randint(0, x.shape[1], (1,), generator=draw))
            noised, target = add_noise(x, noise, float(alphas[timestep]))

            def predict(adapters: list[str]) -> torch.Tensor:
                model.set_adapters(adapters)
                return model(noised, texts[video : video + 1], torch.tensor([timestep])).sample

            with_video = bool(spatial) and not skip
            if with_video:
                loss = (predict([f"video{video}"])[:, frame] - target[:, frame]).square().mean()
                loss.backward()
                spatial_optimisers[video].step()
                spatial_optimisers[video].zero_grad()
            prediction = predict(([f"video{video}"] if with_video else []) + ["prior"])
            if t.kind == "motion":
                loss = (prediction - target).square().mean()
                if t.debias:
                    root = (t.beta**2 + 1) ** 0.5
                    phi = lambda e: root * e - t.beta * e[:, anchor : anchor + 1]  # noqa: E731
                    loss = loss + (phi(prediction) - phi(target)).square().mean()
            else:
                which = 0 if t.loss_frames == "first" else frame
                squares = (prediction[:, which] - target[:, which]).square()
                weights = masks[video].expand_as(squares) if t.mask else torch.ones_like(squares)
                loss = (squares * weights).sum() / weights.sum()
            (loss / t.accumulate).backward()
            if with_video:
                spatial_optimisers[video].zero_grad()
            total += loss.item()
        prior_optimiser.step()
        prior_optimiser.zero_grad()
        losses.append(total / t.accumulate)
    result = {"latents": latents, "mirrored": mirrored, "texts": texts, "masks": masks, "losses": torch.tensor(losses)}
    return result | {f"prior.{name}": value.detach().clone() for name, value in prior.items()}


def forward_with_two() -> dict[str, torch.Tensor]:
    """The model's output with two adapters of different ranks, at strengths 1.5 and 0.5, by PEFT."""
    model = CogVideoXTransformer3DModel.from_pretrained(GOLDEN_FOLDER / "models" / "tiny-2b" / "transformer", torch_dtype=torch.float32)
    draws = generator(77)
    tensors = {}
    every_linear = (*LINEARS, "norm1.linear", "norm2.linear")
    for adapter, names, rank in (("first", names_of([0, 1], LINEARS), 4), ("second", [*names_of([1], every_linear), "proj_out", "patch_embed.text_proj"], 2)):
        for name, value in add_lora(model, adapter, names, rank, draws).items():
            if name.endswith(".up"):
                with torch.no_grad():
                    value.copy_(torch.randn(value.shape, generator=draws) * 0.3)
            tensors[f"{adapter}.{name}"] = value.detach().clone()
    model.set_adapters(["first", "second"], weights=[1.5, 0.5])
    hidden_states = torch.randn((2, 4, model.config.in_channels, 8, 12), generator=draws)
    texts = torch.randn((2, model.config.max_text_seq_length, model.config.text_embed_dim), generator=draws)
    with torch.no_grad():
        sample = model(hidden_states, texts, torch.tensor([501, 20])).sample
    return tensors | {"hidden_states": hidden_states, "encoder_hidden_states": texts, "timestep": torch.tensor([501, 20]), "sample": sample}


def main() -> int:
    """Returns the exit code."""
    torch.set_num_threads(1)
    folder = GOLDEN_FOLDER / "training"
    folder.mkdir(exist_ok=True)
    if len(sys.argv) < 2 or sys.argv[1] == "forward":
        save_file({name: tensor.contiguous() for name, tensor in forward_with_two().items()}, folder / "forward.safetensors")
    for trajectory in TRAJECTORIES:
        if len(sys.argv) > 1 and trajectory.name != sys.argv[1]:
            continue
        tensors = train(trajectory)
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / f"{trajectory.name}.safetensors")
        print(f"{trajectory.name}: losses {tensors['losses'][0]:.4f} ... {tensors['losses'][-1]:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
