"""What bench/bench.py measures: parts of the program with their inputs, for both sides."""
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXTransformer3DModel

REPOSITORY = Path(__file__).resolve().parents[1]
PLAYSET = REPOSITORY / "models" / "playset"
TEXTS, HEADS, HEAD_WIDTH = 8, 6, 64
LORA_RANK = 32
LORA_LINEARS = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "ff.net.0.proj", "ff.net.2")


@dataclass
class Case:
    """One comparison. `model` is a folder for both workers, `inputs` the tensors they read.

    A transformer's LoRAs are among them: `lora.K.LINEAR.down` [rank, in] and `lora.K.LINEAR.up` [out, rank], and where they act,
    `lora_regions` [K, L], or everywhere without.
    """

    name: str
    part: str
    inputs: dict[str, torch.Tensor]
    dtype: str = "fp32"
    model: Path = PLAYSET


def all_cases(scratch: Path) -> list[Case]:
    """Every case; models with random weights are written below `scratch`."""
    return [*scene_cases(), *region_lora_cases(), *vae_cases(scratch), *block_cases(scratch), *attention_cases()]


def regions_of(visual: int) -> torch.Tensor:
    """[N, V]: seven stretches of a sixth of the tokens that overlap their neighbours, and the background."""
    regions = torch.zeros(TEXTS, visual, dtype=torch.uint8)
    for i in range(TEXTS - 1):
        regions[i, i * visual // 8 : i * visual // 8 + visual // 6] = 1
    regions[-1] = regions.sum(0) == 0
    return regions


def lora_of(number: int, blocks: range, width: int) -> dict[str, torch.Tensor]:
    """A LoRA of the paper's rank on all linears of some blocks, as large as a trained one is."""
    tensors = {}
    for block in blocks:
        for linear in LORA_LINEARS:
            rows, columns = {"ff.net.0.proj": (4 * width, width), "ff.net.2": (width, 4 * width)}.get(linear, (width, width))
            name = f"lora.{number}.transformer_blocks.{block}.{linear}"
            tensors[f"{name}.down"] = torch.randn(LORA_RANK, columns) / LORA_RANK
            tensors[f"{name}.up"] = torch.randn(rows, LORA_RANK) * 0.02
    return tensors


def region_masks(regions: torch.Tensor, text_length: int) -> torch.Tensor:
    """[N, L]: the tokens of each text and of its region, from regions [N, ...]."""
    count = regions.shape[0]
    texts = torch.eye(count, dtype=torch.uint8).repeat_interleave(text_length, 1)
    return torch.cat([texts, regions.flatten(1)], 1)


def region_lora_cases() -> list[Case]:
    """One step of a playset scene with guidance and eight regions, each with a LoRA or none: by turns a motion's, on every
    other block, and a character's, on the others."""
    config = json.loads((PLAYSET / "transformer" / "config.json").read_text(encoding="utf-8"))
    width = config["num_attention_heads"] * config["attention_head_dim"]
    frames, rows, columns = 8, 6, 9
    regions = torch.zeros(9, frames, rows, columns, dtype=torch.uint8)
    for i in range(8):  # Two by four boxes that overlap by a row or a column.
        top, left = 3 * (i // 4), 2 * (i % 4)
        regions[i, :, top : top + 4, left : left + 3] = 1
    regions[8] = regions.sum(0) == 0
    plain = {
        "hidden_states": torch.randn(2, frames, 16, 2 * rows, 2 * columns),
        "encoder_hidden_states": torch.randn(2, 9 * 32, 192) * 0.2,
        "timestep": torch.tensor([500]),
        "regions": regions,
    }
    cases = [Case("playset step, 8 regions, no LoRA", "transformer", plain)]
    for count in (1, 4, 8):
        inputs = plain | {"lora_regions": region_masks(regions, 32)[:count]}
        for number in range(count):
            inputs |= lora_of(number, range(number % 2, config["num_layers"], 2), width)
        cases.append(Case(f"playset step, 8 regions, {count} region LoRA{'s' if count > 1 else ''}", "transformer", inputs))
    return cases


def attention_cases() -> list[Case]:
    cases = []
    for part in ("attention", "attention-gradients"):
        for dtype in ("fp32", "bf16"):
            for text_length in (32, 226):
                for visual in (768, 2048):
                    rows = TEXTS * text_length + visual
                    inputs = {name: torch.randn(1, HEADS, rows, HEAD_WIDTH) for name in "qkv"} | {"regions": regions_of(visual)}
                    kind = "forward" if part == "attention" else "forward and backward"
                    cases.append(Case(f"region attention, {kind}, T={text_length}, V={visual}", part, inputs, dtype))
    return cases


def block_cases(scratch: Path) -> list[Case]:
    """One block as wide as CogVideoX-2B's (1,920, 30 heads), random weights, 8 texts of 226, 768 visual tokens."""
    folder = scratch / "block"
    model = CogVideoXTransformer3DModel(num_layers=1, sample_height=32, sample_width=32, sample_frames=9)
    model.save_pretrained(folder / "transformer")
    states = torch.randn(1, 3, 16, 32, 32)
    step = {"timestep": torch.tensor([500])}
    plain = {"hidden_states": states, "encoder_hidden_states": torch.randn(1, 226, 4096)} | step
    bound = {"hidden_states": states, "encoder_hidden_states": torch.randn(1, TEXTS * 226, 4096), "regions": regions_of(768).view(TEXTS, 3, 16, 16)} | step
    learnt = lora_of(0, range(1), 1920)
    acting = {"lora_regions": region_masks(bound["regions"], 226)[:8]}
    for number in range(8):
        acting |= lora_of(number, range(1), 1920)
    return [
        Case(f"transformer of one block, {what}", part, inputs, dtype, folder)
        for what, part, inputs in (
            ("one text", "transformer", plain),
            ("8 regions", "transformer", bound),
            ("8 regions with a LoRA each", "transformer", bound | acting),
            ("one text, a LoRA's gradients", "transformer-gradients", plain | learnt),
            ("8 regions, a LoRA's gradients", "transformer-gradients", bound | learnt),
        )
        for dtype in ("fp32", "bf16")
    ]


def vae_cases(scratch: Path) -> list[Case]:
    """The playset's autoencoder at the playset's size, and CogVideoX's own (random weights) at a small one."""
    folder = scratch / "vae"
    AutoencoderKLCogVideoX().save_pretrained(folder / "vae")
    cases = []
    for what, model, latents, pixels in (
        ("playset, 16 frames of 96 x 144", PLAYSET, (1, 16, 8, 12, 18), (1, 3, 16, 96, 144)),
        ("CogVideoX's, 9 frames of 64 x 96", folder, (1, 16, 3, 8, 12), (1, 3, 9, 64, 96)),
    ):
        cases.append(Case(f"VAE decode, {what}", "vae-decode", {"latents": torch.randn(latents)}, "fp32", model))
        cases.append(Case(f"VAE encode, {what}", "vae-encode", {"pixels": torch.rand(pixels) * 2 - 1}, "fp32", model))
    return cases


def scene_cases() -> list[Case]:
    """Ten steps of a playset scene with guidance and four regions, and its pictures."""
    regions = torch.zeros(4, 8, 6, 9, dtype=torch.uint8)
    regions[0, :, 1:5, 0:3] = regions[1, :, 2:6, 3:6] = regions[2, :4, 0:4, 5:9] = 1
    regions[3] = regions.sum(0) == 0
    inputs = {
        "latents": torch.randn(1, 8, 16, 12, 18),
        "prompt_embeds": torch.randn(4, 32, 192) * 0.2,
        "negative_prompt_embeds": torch.randn(4, 32, 192) * 0.2,
        "regions": regions,
        "steps": torch.tensor(10),
    }
    return [Case("playset scene, 10 steps, 4 regions, decoded", "scene", inputs)]
