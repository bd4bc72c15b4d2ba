"""The peer of bench/part_worker.cpp: the same part in torch and diffusers, with the same words on standard input.

Regions go through the model as DreamRunner's authors have it: one dense boolean mask for torch's scaled_dot_product_attention.
"""
from __future__ import annotations

import functools
import json
import sys
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from safetensors.torch import load_file, save_file

from measure import status_kb

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools" / "golden"))
import reference  # noqa: E402  (the reference's parts, as the goldens use them)

GUIDANCE = 6.0


class DenseMaskAttention(reference.MaskedAttention):
    """Region attention by the L x L mask, computed by torch's fused attention where it can be."""

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=self.mask)


@functools.cache
def mask_once(regions: torch.Tensor, text_length: int, make=reference.attention_mask) -> torch.Tensor:
    """The mask, made once for the same regions: the peer is not charged for making it anew at every step."""
    return make(regions, text_length)


def attention_job(tensors: dict, dtype: torch.dtype, gradients: bool):
    q, k, v = (tensors[name].to(dtype).clone().requires_grad_(gradients) for name in "qkv")
    regions = tensors["regions"]
    length = (q.shape[2] - regions.shape[1]) // regions.shape[0]
    attention = DenseMaskAttention(reference.attention_mask(regions, length))

    def run() -> dict:
        with torch.set_grad_enabled(gradients):
            out = attention.attend(q, k, v)
        if not gradients:
            return {"out": out}
        for tensor in (q, k, v):
            tensor.grad = None
        out.backward(torch.ones_like(out))
        return {"out": out.detach(), "dq": q.grad, "dk": k.grad, "dv": v.grad}

    return run


class LoraLinear(torch.nn.Module):
    """A linear with several LoRAs, each on the tokens of its region, as DreamRunner's authors have it: each of them sees all
    tokens, those of others as zeros."""

    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.loras: list[tuple[torch.nn.Parameter, torch.nn.Parameter, torch.Tensor | None]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        for down, up, mask in self.loras:
            masked = x if mask is None else x * mask
            y = y + torch.nn.functional.linear(torch.nn.functional.linear(masked, down), up)
        return y


def add_loras(model: CogVideoXTransformer3DModel, tensors: dict, dtype: torch.dtype, gradients: bool) -> dict[str, torch.nn.Parameter]:
    """Puts the case's LoRAs into the model and takes them out of `tensors`; returns their factors, as gradients are named."""
    regions = tensors.pop("lora_regions", None)
    factors = {name: torch.nn.Parameter(tensors.pop(name), gradients) for name in sorted(tensors) if name.startswith("lora.")}
    for name, down in factors.items():
        if not name.endswith(".down"):
            continue
        _, number, linear = name.removesuffix(".down").split(".", 2)
        layer = model.get_submodule(linear)
        if not isinstance(layer, LoraLinear):
            layer = LoraLinear(layer)
            model.set_submodule(linear, layer)
        mask = None if regions is None else regions[int(number), :, None].to(dtype)
        layer.loras.append((down, factors[f"{name.removesuffix('.down')}.up"], mask))
    return {name.replace("lora.", "d.", 1): factor for name, factor in factors.items()}


def transformer_job(model: CogVideoXTransformer3DModel, tensors: dict, dtype: torch.dtype, gradients: bool):
    model.requires_grad_(False)
    factors = add_loras(model, tensors, dtype, gradients)

    def run() -> dict:
        with torch.set_grad_enabled(gradients):
            sample = reference.run_transformer(model, **tensors)
        if not gradients:
            return {"sample": sample}
        for factor in factors.values():
            factor.grad = None
        sample.backward(torch.ones_like(sample))
        return {"sample": sample.detach()} | {name: factor.grad for name, factor in factors.items()}

    return run


def make_job(part: str, folder: str, tensors: dict, dtype: torch.dtype):
    if part.startswith("attention"):
        return attention_job(tensors, dtype, part == "attention-gradients")
    cast = {name: x.to(dtype) if x.is_floating_point() else x for name, x in tensors.items()}
    if part in ("transformer", "transformer-gradients"):
        model = CogVideoXTransformer3DModel.from_pretrained(Path(folder) / "transformer", torch_dtype=dtype).eval()
        return transformer_job(model, cast, dtype, part == "transformer-gradients")
    vae = AutoencoderKLCogVideoX.from_pretrained(Path(folder) / "vae", torch_dtype=dtype).eval()
    if part == "vae-encode":
        return lambda: {"mean": reference.run_vae_encode(vae, cast["pixels"])[0]}
    if part == "vae-decode":
        return lambda: {"pixels": reference.run_vae_decode(vae, cast["latents"])}
    model = CogVideoXTransformer3DModel.from_pretrained(Path(folder) / "transformer", torch_dtype=dtype).eval()
    stored = CogVideoXDDIMScheduler.load_config(Path(folder) / "scheduler")

    def scene() -> dict:
        latents = reference.denoise(
            model, CogVideoXDDIMScheduler.from_config(stored), cast["latents"], cast["prompt_embeds"], cast["negative_prompt_embeds"],
            steps=int(tensors["steps"]), guidance_scale=GUIDANCE, generator=torch.Generator().manual_seed(0), regions=tensors["regions"],
        )
        pixels = reference.run_vae_decode(vae, latents.permute(0, 2, 1, 3, 4) / vae.config.scaling_factor).float()
        pictures = ((pixels * 0.5 + 0.5).clamp(0, 1) * 255).round()[0].permute(1, 2, 3, 0)
        return {"latents": latents, "pictures": pictures}

    return scene


def main() -> None:
    part, folder, source, target, dtype, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_grad_enabled(False)
    reference.MaskedAttention, reference.attention_mask = DenseMaskAttention, mask_once
    job = make_job(part, folder, load_file(source), torch.bfloat16 if dtype == "bf16" else torch.float32)
    result: dict = {}
    rest = status_kb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    for line in sys.stdin:
        word, *count = line.split()
        if word == "save":
            save_file({name: x.float().contiguous() for name, x in result.items()}, target)
            print("{}", flush=True)
            continue
        runs = int(count[0])
        start, start_cpu = time.perf_counter(), time.process_time()
        for _ in range(runs):
            result = {}
            result = job()
        took, took_cpu = (time.perf_counter() - start) / runs, (time.process_time() - start_cpu) / runs
        print(json.dumps({"wall_ms": took * 1e3, "cpu_ms": took_cpu * 1e3, "extra_mb": (status_kb("VmHWM") - rest) / 1024}), flush=True)


if __name__ == "__main__":
    main()
