"""Runs golden cases through the reference: loads each model once, and computes what a case gives in a chosen precision."""
from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXPipeline, CogVideoXTransformer3DModel
from diffusers.models.transformers.cogvideox_transformer_3d import CogVideoXPatchEmbed
from transformers import T5EncoderModel

import reference
from case_file import FP32_TOLERANCE, Case, Tensors, relative_difference

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
PART_OF_CASE = {
    "text-encoder": "text_encoder",
    "transformer": "transformer",
    "denoise": "transformer",
    "vae-encode": "vae",
    "vae-decode": "vae",
    "frame-counts": "vae",
}
CLASSES = {"text_encoder": T5EncoderModel, "transformer": CogVideoXTransformer3DModel, "vae": AutoencoderKLCogVideoX}
# Where the LoRA files of lora_files.py lie, which are not made together with the cases.
COMMITTED = Path(__file__).resolve().parents[2] / "tests" / "golden"
# A LoRA's strength that is off by a thousandth must show.
LORA_TOLERANCE = 1e-5
TABLE_PARTS = ("scheduler", "frame-counts", "rotary", "sincos")
EXACT = (0.0, "whole numbers")
ANGLE = (1e-5, "angles of up to 85 radians in fp32, whose last digit is worth 8e-6")
TABLE_TOLERANCES = {
    "alphas_cumprod": (1e-12, "double precision on both sides, a product of 1000 factors"),
    **dict.fromkeys(("cos", "sin", "cos_mean", "sin_mean", "table", "table_mean"), ANGLE),
}


class Workshop:
    """`golden_folder` holds models/; `playset` is the folder of the playset model."""

    def __init__(self, golden_folder: Path, playset: Path) -> None:
        self.golden_folder = golden_folder
        self.playset = playset
        self._parts: dict[tuple[str, str, torch.dtype], torch.nn.Module] = {}

    def folder(self, model: str) -> Path:
        """The folder that a case's `model` names."""
        return self.playset if model == "playset" else self.golden_folder / model

    def part(self, model: str, part: str, dtype: torch.dtype) -> torch.nn.Module:
        """A part of a model with its weights converted to `dtype`, loaded once."""
        key = (model, part, dtype)
        if key not in self._parts:
            # The text encoder as a pipeline loads it: in fp16 some of its weights stay in fp32.
            loaded = dtype if part == "text_encoder" else torch.float32
            module = CLASSES[part].from_pretrained(self.folder(model) / part, torch_dtype=loaded)
            self._parts[key] = (module if part == "text_encoder" else module.to(dtype)).eval()
        return self._parts[key]

    def _adapted(self, case: Case, dtype: torch.dtype) -> torch.nn.Module:
        """The case's transformer with its LoRA, of its own: a LoRA stays in a model."""
        ((name, weight),) = case.options["loras"]
        transformer = CLASSES["transformer"].from_pretrained(self.folder(case.model) / "transformer", torch_dtype=torch.float32)
        return reference.load_lora(transformer, COMMITTED / name, weight).to(dtype).eval()

    def finish(self, case: Case) -> None:
        """Computes the case's outputs and settles how close another program has to come, and why."""
        if "dtype" in case.options:
            self._finish_in_low_precision(case)
            return
        case.outputs = self.run(case, torch.float32)
        if case.part in TABLE_PARTS:
            case.tolerances = {name: TABLE_TOLERANCES.get(name, EXACT) for name in case.outputs}
            return
        with reference.noise_drawn_in_fp32():
            precise = self.run(case, torch.float64)
        for name, value in case.outputs.items():
            rounding = relative_difference(value, precise[name])
            tolerance = LORA_TOLERANCE if "loras" in case.options else FP32_TOLERANCE
            if 2 * rounding > tolerance:  # two programs may be off to opposite sides
                raise RuntimeError(f"{case.name}: fp32 itself is off by {rounding:.1e} in {name}: the case proves too little")
            reason = f"fp32 on both sides; the reference in fp32 is {rounding:.0e} from itself in double"
            case.tolerances[name] = (tolerance, reason)

    def _finish_in_low_precision(self, case: Case) -> None:
        dtype = case.options["dtype"]
        case.outputs = {name: value.float() for name, value in self.run(case, DTYPES[dtype]).items()}
        precise = self.run(case, torch.float32)
        for name, value in case.outputs.items():
            rounding = relative_difference(value, precise[name])
            reason = (
                f"{dtype} arithmetic puts the reference {rounding:.0e} from fp32; a program that rounds elsewhere may be as far"
                " on the other side, so three times that"
            )
            case.tolerances[name] = (_round_up(3 * rounding), reason)

    def run(self, case: Case, dtype: torch.dtype) -> Tensors:
        """The outputs of a case with weights and inputs in `dtype`."""
        inputs = {name: x.to(dtype) if x.is_floating_point() else x for name, x in case.inputs.items()}
        if case.part == "scene":
            return {"latents": self._run_scene(case, dtype)}
        if case.part == "scheduler":
            return _scheduler_table(case.options)
        if case.part == "rotary":
            return _rotary_rows(case.options, inputs["rows"])
        if case.part == "sincos":
            return _sincos_rows(case.options, inputs["rows"])
        module = self._adapted(case, dtype) if "loras" in case.options else self.part(case.model, PART_OF_CASE[case.part], dtype)
        if PART_OF_CASE[case.part] == "vae":
            module.use_tiling = case.options.get("vae_tiling", False)
        if case.part == "text-encoder":
            return {"last_hidden_state": reference.run_text_encoder(module, inputs["input_ids"])}
        if case.part == "transformer":
            return {"sample": reference.run_transformer(module, **inputs)}
        if case.part == "vae-encode":
            return dict(zip(("mean", "logvar"), reference.run_vae_encode(module, inputs["pixels"])))
        if case.part == "vae-decode":
            return {"pixels": reference.run_vae_decode(module, inputs["latents"])}
        if case.part == "denoise":
            return {"latents": self._run_denoise(case, module, inputs)}
        if case.part == "frame-counts":
            return _count_frames(module, inputs)
        raise ValueError(f"{case.name}: no part {case.part!r}")

    def _run_denoise(self, case: Case, module: torch.nn.Module, inputs: Tensors) -> torch.Tensor:
        options = case.options
        stored = CogVideoXDDIMScheduler.load_config(self.folder(case.model) / "scheduler")
        return reference.denoise(
            module,
            reference.SAMPLERS[options["sampler"]].from_config(stored),
            **inputs,
            steps=options["steps"],
            guidance_scale=options["guidance_scale"],
            generator=torch.Generator("cpu").manual_seed(options["seed"]),
        )

    def _run_scene(self, case: Case, dtype: torch.dtype) -> torch.Tensor:
        pipeline = CogVideoXPipeline.from_pretrained(self.folder(case.model), torch_dtype=torch.float32).to(dtype)
        return reference.run_scene(pipeline, case.options["sampler"], case.options)


def _scheduler_table(options: dict[str, Any]) -> Tensors:
    """alphas_cumprod [1000] f64 and timesteps [steps] i64; DDIM and DPM must agree on both."""
    tables = []
    for scheduler_class in reference.SAMPLERS.values():
        scheduler = scheduler_class.from_config(options["config"])
        scheduler.set_timesteps(options["steps"])
        tables.append({"alphas_cumprod": scheduler.alphas_cumprod.double(), "timesteps": scheduler.timesteps})
    ddim, dpm = tables
    if any(not torch.equal(ddim[name], dpm[name]) for name in ddim):
        raise RuntimeError("the two schedulers of the reference have different tables")
    return ddim


def _rotary_rows(options: dict[str, Any], rows: torch.Tensor) -> Tensors:
    """Rows of the rotary table for a picture size, and the sum over all rows of each channel."""
    patch = options["patch_size"]
    in_tokens = reference.VAE_SPATIAL_RATIO * patch
    cosine, sine = reference.rotary_table(
        options["attention_head_dim"],
        (options["latent_frames"], options["height"] // in_tokens, options["width"] // in_tokens),
        (options["sample_height"] // patch, options["sample_width"] // patch),
    )
    return {"cos": cosine[rows], "sin": sine[rows], "cos_mean": cosine.double().mean(0), "sin_mean": sine.double().mean(0)}


def _sincos_rows(options: dict[str, Any], rows: torch.Tensor) -> Tensors:
    """Rows of the sin-cos table of visual tokens for a token grid, and the mean over all rows of each channel."""
    frames, height, width = options["grid"]
    embed = CogVideoXPatchEmbed(
        patch_size=1,
        in_channels=1,
        embed_dim=options["width"],
        text_embed_dim=1,
        sample_height=height,
        sample_width=width,
        sample_frames=(frames - 1) * options["temporal_compression_ratio"] + 1,
        temporal_compression_ratio=options["temporal_compression_ratio"],
        max_text_seq_length=0,
        spatial_interpolation_scale=options["spatial_interpolation_scale"],
        temporal_interpolation_scale=options["temporal_interpolation_scale"],
        use_positional_embeddings=True,
        use_learned_positional_embeddings=False,
    )
    table = embed.pos_embedding[0]
    return {"table": table[rows].float(), "table_mean": table.double().mean(0)}


def _count_frames(vae: torch.nn.Module, inputs: Tensors) -> Tensors:
    """How many frames come out for each number that goes in, found by running the VAE on the smallest picture."""
    dtype = next(vae.parameters()).dtype
    decoded = [vae.decode(torch.zeros(1, 16, int(n), 1, 1, dtype=dtype)).sample.shape[2] for n in inputs["latent_frames"]]
    encoded = [vae.encode(torch.zeros(1, 3, int(n), 8, 8, dtype=dtype)).latent_dist.mean.shape[2] for n in inputs["pixel_frames"]]
    return {"decoded_frames": torch.tensor(decoded), "encoded_frames": torch.tensor(encoded)}


def _round_up(value: float) -> float:
    """To one digit: 0.0234 -> 0.03."""
    unit = 10.0 ** math.floor(math.log10(value))
    return float(f"{math.ceil(value / unit) * unit:.0e}")
