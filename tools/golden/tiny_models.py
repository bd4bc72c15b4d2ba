"""Tiny models with random weights, in the Hugging Face layout, made by the reference classes themselves.

Sizes are small and unlike each other, so that a mix-up of two of them cannot pass unseen. Weights are drawn so that every
layer's output is of order one and every bias, norm weight and gate moves the result.
"""
from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXDPMScheduler, CogVideoXTransformer3DModel
from transformers import T5Config, T5EncoderModel

PART_CLASSES = {
    "text_encoder": ("transformers", "T5EncoderModel"),
    "transformer": ("diffusers", "CogVideoXTransformer3DModel"),
    "vae": ("diffusers", "AutoencoderKLCogVideoX"),
}
SHARD_SIZES = {"transformer": "150KB", "vae": "700KB"}


@dataclass(frozen=True)
class TinyModel:
    """What a tiny model has. A part whose settings are None is absent. `clamps`: the VAE's log variance passes its bounds."""

    name: str
    about: str
    seed: int
    dtype: torch.dtype
    transformer: dict[str, Any] | None
    scheduler: dict[str, Any]
    scheduler_class: type = CogVideoXDDIMScheduler
    text_encoder: dict[str, Any] | None = None
    vae: dict[str, Any] | None = None
    sharded: bool = False
    clamps: bool = False


# What the published scheduler files say, whatever the class defaults are.
SCHEDULER = {
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "clip_sample": False,
    "timestep_spacing": "trailing",
}
TRANSFORMER = {"in_channels": 16, "out_channels": 16, "attention_head_dim": 16, "num_attention_heads": 3}
BLOCKS = {
    "down_block_types": ("CogVideoXDownBlock3D",) * 4,
    "up_block_types": ("CogVideoXUpBlock3D",) * 4,
    "latent_channels": 16,
}

TINY_MODELS = [
    TinyModel(
        name="tiny-2b",
        about="like CogVideoX-2B: sin-cos positions scaled by 1.875, temporal ratio 4, fp32 in one file",
        seed=2,
        dtype=torch.float32,
        transformer={
            **TRANSFORMER,
            "num_layers": 2,
            "time_embed_dim": 40,
            "text_embed_dim": 44,
            "max_text_seq_length": 12,
            "sample_height": 8,
            "sample_width": 12,
            "sample_frames": 9,
            "temporal_compression_ratio": 4,
            "spatial_interpolation_scale": 1.875,
        },
        scheduler={**SCHEDULER, "snr_shift_scale": 3.0},
        text_encoder={
            "vocab_size": 120, "d_model": 44, "d_kv": 12, "num_heads": 4, "d_ff": 80, "num_layers": 3,
        },
        vae={
            **BLOCKS,
            "block_out_channels": (8, 8, 8, 12),
            "layers_per_block": 2,
            "norm_num_groups": 4,
            "temporal_compression_ratio": 4,
            "sample_height": 64,
            "sample_width": 96,
        },
        clamps=True,
    ),
    TinyModel(
        name="tiny-5b",
        about="like CogVideoX-5B: rotary positions, DPM, bf16 weights; temporal ratio 2",
        seed=5,
        dtype=torch.bfloat16,
        transformer={
            **TRANSFORMER,
            "num_layers": 2,
            "attention_head_dim": 32,
            "num_attention_heads": 2,
            "time_embed_dim": 24,
            "text_embed_dim": 32,
            "max_text_seq_length": 10,
            "sample_height": 12,
            "sample_width": 16,
            "sample_frames": 9,
            "temporal_compression_ratio": 2,
            "use_rotary_positional_embeddings": True,
        },
        scheduler={**SCHEDULER, "snr_shift_scale": 1.0},
        scheduler_class=CogVideoXDPMScheduler,
        text_encoder={
            "vocab_size": 90, "d_model": 32, "d_kv": 8, "num_heads": 3, "d_ff": 48, "num_layers": 2,
            "relative_attention_num_buckets": 16, "relative_attention_max_distance": 64,
        },
        vae={
            **BLOCKS,
            "block_out_channels": (16, 16, 16, 16),
            "layers_per_block": 1,
            "norm_num_groups": 8,
            "temporal_compression_ratio": 2,
            "sample_height": 96,
            "sample_width": 128,
            "scaling_factor": 0.7,
        },
    ),
    TinyModel(
        name="tiny-sharded",
        about="fp16 weights in several files; unscaled sin-cos positions, temporal ratio 2; no bias where the config can leave it out",
        seed=7,
        dtype=torch.float16,
        sharded=True,
        transformer={
            **TRANSFORMER,
            "num_layers": 3,
            "attention_head_dim": 8,
            "num_attention_heads": 6,
            "time_embed_dim": 32,
            "text_embed_dim": 40,
            "max_text_seq_length": 8,
            "sample_height": 6,
            "sample_width": 10,
            "sample_frames": 8,
            "temporal_compression_ratio": 2,
            "spatial_interpolation_scale": 1.0,
            "patch_bias": False,
            "attention_bias": False,
        },
        scheduler={**SCHEDULER, "snr_shift_scale": 1.0, "timestep_spacing": "linspace"},
        vae={
            # Two levels only: a picture is halved once.
            "down_block_types": ("CogVideoXDownBlock3D",) * 2,
            "up_block_types": ("CogVideoXUpBlock3D",) * 2,
            "latent_channels": 16,
            "block_out_channels": (32, 32),
            "layers_per_block": 1,
            "norm_num_groups": 32,
            "temporal_compression_ratio": 2,
            "sample_height": 12,
            "sample_width": 20,
        },
    ),
    TinyModel(
        name="tiny-leading",
        about="one block; a schedule with leading spacing, an offset, and a last step that ends at the table's first entry",
        seed=11,
        dtype=torch.float32,
        transformer={
            **TRANSFORMER,
            "num_layers": 1,
            "attention_head_dim": 16,
            "num_attention_heads": 2,
            "time_embed_dim": 16,
            "text_embed_dim": 24,
            "max_text_seq_length": 6,
            "sample_height": 4,
            "sample_width": 6,
            "sample_frames": 5,
            "temporal_compression_ratio": 2,
            "spatial_interpolation_scale": 1.0,
        },
        scheduler={
            **SCHEDULER, "snr_shift_scale": 3.0, "timestep_spacing": "leading", "steps_offset": 1, "set_alpha_to_one": False,
        },
    ),
    TinyModel(
        name="tiny-tiles",
        about="a VAE alone, made for 96 x 80 pixels: its tiles of 6 x 5 latents are divided by their overlaps of 1/6 and 1/5",
        seed=13,
        dtype=torch.float16,
        transformer=None,
        scheduler={**SCHEDULER, "snr_shift_scale": 1.0},
        vae={
            **BLOCKS,
            "block_out_channels": (8, 8, 8, 8),
            "layers_per_block": 1,
            "norm_num_groups": 4,
            "temporal_compression_ratio": 2,
            "sample_height": 96,
            "sample_width": 80,
        },
    ),
]


def write_tiny_model(model: TinyModel, models_folder: Path) -> None:
    """Draws the weights of every part and writes the folder."""
    folder = models_folder / model.name
    index: dict[str, Any] = {"_class_name": "CogVideoXPipeline", "_diffusers_version": "0.35.2"}
    makers: dict[str, Callable[[], torch.nn.Module]] = {
        "transformer": lambda: CogVideoXTransformer3DModel(**model.transformer),
        "text_encoder": lambda: T5EncoderModel(_t5_config(model.text_encoder)),
        "vae": lambda: AutoencoderKLCogVideoX(**model.vae),
    }
    for number, (part, make) in enumerate(makers.items()):
        if getattr(model, part) is None:
            continue
        module = make().eval()
        draw_weights(module, torch.Generator().manual_seed(100 * model.seed + number))
        if part == "vae" and model.clamps:
            _pass_the_clamp(module)
        limits = {"max_shard_size": SHARD_SIZES[part]} if model.sharded else {}
        module.to(model.dtype).save_pretrained(folder / part, safe_serialization=True, **limits)
        index[part] = list(PART_CLASSES[part])
    model.scheduler_class(**model.scheduler).save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", model.scheduler_class.__name__]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def draw_weights(module: torch.nn.Module, generator: torch.Generator) -> None:
    """Draws every parameter by its kind. Matrices keep the size of what passes through; norm weights lie around one."""
    norms = {
        name
        for name, child in module.named_modules()
        if isinstance(child, (torch.nn.LayerNorm, torch.nn.GroupNorm)) or type(child).__name__ == "T5LayerNorm"
    }
    for name, parameter in module.named_parameters():
        owner, _, kind = name.rpartition(".")
        noise = torch.randn(parameter.shape, generator=generator)
        if kind == "bias":
            value = 0.3 * noise + (1.0 if owner.endswith("conv_y.conv") else 0.0)
        elif owner in norms:
            value = 1.0 + 0.3 * noise
        elif owner.endswith(("shared", "embed_tokens", "relative_attention_bias")):
            value = noise
        elif owner.endswith("SelfAttention.q"):
            # T5 does not divide its scores by the root of the width; its query weights are small instead.
            value = noise / (parameter.shape[1] * _t5_head_width(module)) ** 0.5
        else:
            value = noise / parameter[0].numel() ** 0.5
        parameter.copy_(value)


def _t5_config(settings: dict[str, Any] | None) -> T5Config:
    fixed = {"feed_forward_proj": "gated-gelu", "is_encoder_decoder": False, "use_cache": False, "dropout_rate": 0.0}
    return T5Config(**fixed, **(settings or {}))


def _t5_head_width(module: torch.nn.Module) -> int:
    return module.config.d_kv


def _pass_the_clamp(vae: AutoencoderKLCogVideoX) -> None:
    """Moves two channels of the log variance to its bounds, -30 and 20, so that some of their values lie beyond."""
    convolution = vae.encoder.conv_out.conv
    low = vae.config.latent_channels
    for channel, bias in ((low, -30.0), (low + 1, 20.0)):
        convolution.bias[channel] = bias
        convolution.weight[channel] *= 10
