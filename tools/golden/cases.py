"""The list of golden cases: what goes into each. What comes out is computed by workshop.py."""
from __future__ import annotations

import zlib
from collections.abc import Iterator

import torch

from case_file import Case, Tensors

# (frames, height, width) of the latents. Odd token grids: 3 x 5 tokens of 2 x 2.
ODD = (6, 10)


def all_cases() -> Iterator[Case]:
    """Every case, without its outputs."""
    yield from text_encoder_cases()
    yield from transformer_cases()
    yield from region_cases()
    yield from lora_cases()
    yield from vae_cases()
    yield from denoise_cases()
    yield from scene_cases()
    yield from table_cases()


# --- Text encoder --------------------------------------------------------------------------------------------------------


def text_encoder_cases() -> Iterator[Case]:
    """Lengths 1, 32 and 226 (buckets of far distances begin at 91), padding that is attended, batches."""
    for name, model, vocabulary, batch, length, words in (
        ("t5-length-1", "models/tiny-2b", 120, 1, 1, 0),
        ("t5-length-32", "models/tiny-2b", 120, 2, 32, 9),
        ("t5-length-226", "models/tiny-2b", 120, 1, 226, 225),
        ("t5-other-buckets", "models/tiny-5b", 90, 3, 70, 40),
        ("t5-playset", "playset", 202, 2, 32, 11),
        ("t5-playset-length-1", "playset", 202, 1, 1, 0),
        ("t5-playset-length-226", "playset", 202, 1, 226, 11),
    ):
        draw = _draws(name)
        ids = torch.zeros(batch, length, dtype=torch.int64)
        ids[:, :words] = torch.randint(3, vocabulary, (batch, words), generator=draw)
        ids[:, words] = 1  # </s>; 0 behind it is padding
        yield Case(name, "text-encoder", model, {"input_ids": ids})
    for dtype in ("bf16", "fp16"):
        name = f"t5-in-{dtype}"
        ids = torch.randint(3, 90, (1, 20), generator=_draws(name))
        yield Case(name, "text-encoder", "models/tiny-5b", {"input_ids": ids}, options={"dtype": dtype})


# --- Transformer ---------------------------------------------------------------------------------------------------------

# name -> (text length, text width) of the tiny models and the playset, as their configs say.
TEXT_SHAPES = {
    "models/tiny-2b": (12, 44),
    "models/tiny-5b": (10, 32),
    "models/tiny-sharded": (8, 40),
    "models/tiny-leading": (6, 24),
    "playset": (32, 192),
}


def transformer_cases() -> Iterator[Case]:
    """One text, no regions: the home size, other sizes, odd token grids, batches, first and last timestep."""
    for name, model, frames, size, timesteps in (
        ("sincos-home-size", "models/tiny-2b", 3, (8, 12), [999]),
        ("sincos-batch", "models/tiny-2b", 3, (8, 12), [999, 19]),
        ("sincos-odd-grid", "models/tiny-2b", 4, ODD, [500]),
        ("sincos-one-frame", "models/tiny-2b", 1, (8, 12), [0]),
        ("sincos-larger-than-home", "models/tiny-2b", 4, (12, 14), [260]),
        ("sincos-fp16-shards", "models/tiny-sharded", 4, (6, 10), [740]),
        ("sincos-fp16-shards-portrait", "models/tiny-sharded", 2, (10, 4), [740, 20]),
        ("rotary-home-size", "models/tiny-5b", 3, (12, 16), [999]),
        ("rotary-odd-grid", "models/tiny-5b", 3, ODD, [500, 40]),
        ("rotary-portrait", "models/tiny-5b", 2, (16, 6), [60]),
        ("rotary-larger-than-home", "models/tiny-5b", 2, (14, 22), [333]),
        ("playset", "playset", 8, (12, 18), [700]),
        ("playset-odd-grid-batch", "playset", 3, ODD, [999, 39]),
    ):
        yield _transformer_case(f"transformer-{name}", model, frames, size, timesteps)
    for name, model, dtype in (("bf16", "models/tiny-5b", "bf16"), ("fp16", "models/tiny-sharded", "fp16")):
        case = _transformer_case(f"transformer-in-{name}", model, 3, ODD, [600])
        case.options["dtype"] = dtype
        yield case


def region_cases() -> Iterator[Case]:
    """Region attention: N = 1, 3, 4, 8 and 19; boxes that move and overlap, empty regions, tokens that no region covers."""
    for name, model, frames, size, timesteps, kind, conditions in (
        ("sincos-regions-1-whole", "models/tiny-2b", 3, (8, 12), [600], "whole", 1),
        ("sincos-regions-1-part", "models/tiny-2b", 3, ODD, [600], "scattered", 1),
        ("sincos-regions-3", "models/tiny-2b", 3, (8, 12), [999, 59], "moving", 3),
        ("sincos-regions-8", "models/tiny-2b", 2, ODD, [320], "moving", 8),
        ("sincos-regions-3-fp16-shards", "models/tiny-sharded", 4, (6, 10), [480], "moving", 3),
        ("rotary-regions-1-part", "models/tiny-5b", 2, ODD, [800], "scattered", 1),
        ("rotary-regions-3-empty", "models/tiny-5b", 3, (12, 16), [200], "one-empty", 3),
        ("rotary-regions-8", "models/tiny-5b", 2, (8, 10), [900, 100], "moving", 8),
        ("rotary-regions-19", "models/tiny-5b", 2, ODD, [440], "scattered", 19),
        ("playset-regions-3", "playset", 8, (12, 18), [800], "moving", 3),
        ("playset-regions-4-empty", "playset", 3, (12, 18), [400], "one-empty", 4),
    ):
        yield _transformer_case(f"transformer-{name}", model, frames, size, timesteps, kind, conditions)
    case = _transformer_case("transformer-rotary-regions-in-bf16", "models/tiny-5b", 3, ODD, [640], "moving", 3)
    case.options["dtype"] = "bf16"
    yield case


def lora_cases() -> Iterator[Case]:
    """LoRA files that PEFT, diffusers and the program wrote (lora_files.py), loaded by the libraries that they are for."""
    for adapter, weight, kind, conditions in (
        ("peft-trained", 1.0, "", 1),
        ("ours", 1.0, "", 1),
        ("ours", 0.6, "moving", 3),
        ("ours-biased", 1.0, "", 1),
        ("peft-patterns", 1.0, "", 1),
        ("diffusers-metadata", 1.5, "", 1),
    ):
        case = _transformer_case(f"transformer-lora-{adapter}{f'-regions-{conditions}' if kind else ''}", "models/tiny-2b", 2, ODD, [400], kind, conditions)
        case.options["loras"] = [[f"adapters/{adapter}", weight]]
        yield case


def _transformer_case(
    name: str, model: str, frames: int, size: tuple[int, int], timesteps: list[int], kind: str = "", conditions: int = 1
) -> Case:
    draw = _draws(name)
    text_length, text_width = TEXT_SHAPES[model]
    batch = len(timesteps)
    inputs = {
        "hidden_states": torch.randn(batch, frames, 16, *size, generator=draw),
        "encoder_hidden_states": torch.randn(batch, conditions * text_length, text_width, generator=draw),
        "timestep": torch.tensor(timesteps),
    }
    if kind:
        inputs["regions"] = draw_regions(kind, conditions, (frames, size[0] // 2, size[1] // 2), draw)
    return Case(name, "transformer", model, inputs)


def draw_regions(kind: str, conditions: int, grid: tuple[int, int, int], draw: torch.Generator) -> torch.Tensor:
    """uint8 [N, F, h, w] of one kind.

    whole: everything; scattered: each token by chance, some covered by no region; moving: a box for each condition but the
    last that jumps from frame to frame, may overlap others and is absent now and then, the last being what is left;
    one-empty: as moving, but the second condition is nowhere.
    """
    if kind == "whole":
        return torch.ones(conditions, *grid, dtype=torch.uint8)
    if kind == "scattered":
        return (torch.rand(conditions, *grid, generator=draw) < 0.4).to(torch.uint8)
    regions = torch.zeros(conditions, *grid, dtype=torch.uint8)
    frames, rows, columns = grid
    for condition in range(conditions - 1):
        for frame in range(frames):
            if torch.rand((), generator=draw) < 0.15:
                continue
            top, bottom = _interval(rows, draw)
            left, right = _interval(columns, draw)
            regions[condition, frame, top:bottom, left:right] = 1
    if kind == "one-empty":
        regions[1] = 0
    regions[-1] = 1 - regions[:-1].amax(0)
    return regions


def _interval(size: int, draw: torch.Generator) -> tuple[int, int]:
    first, second = torch.randint(0, size + 1, (2,), generator=draw).tolist()
    start = min(first, second, size - 1)
    return start, max(first, second, start + 1)


# --- VAE -----------------------------------------------------------------------------------------------------------------

# Ratio -> latent frames that give 1, 9, 13 (ratio 2 only: it cannot come out of ratio 4), 16, 24, 48 and 49 frames.
FRAME_COUNTS = (1, 9, 13, 16, 24, 48)
LATENT_COUNTS = {4: (1, 3, 4, 6, 12, 13), 2: (1, 5, 7, 8, 12, 24)}


def vae_cases() -> Iterator[Case]:
    """Encode and decode of 1 to 48 frames at temporal ratios 4 (4 groups) and 2 (8 groups), with 32 groups, and the playset."""
    for ratio, model in ((4, "models/tiny-2b"), (2, "models/tiny-5b")):
        for frames in FRAME_COUNTS:
            size = (16, 24) if frames <= 9 else (16, 16) if frames <= 16 else (16, 8)
            yield _encode_case(f"vae-encode-ratio-{ratio}-frames-{frames}", model, frames, size)
        for frames in LATENT_COUNTS[ratio]:
            size = (2, 3) if frames * ratio <= 12 else (2, 2) if frames * ratio <= 16 else (2, 1)
            yield _decode_case(f"vae-decode-ratio-{ratio}-latents-{frames}", model, frames, size)
    yield _encode_case("vae-encode-batch", "models/tiny-2b", 5, (32, 16), batch=2)
    yield _decode_case("vae-decode-batch", "models/tiny-2b", 3, (3, 2), batch=2)
    yield _encode_case("vae-encode-32-groups", "models/tiny-sharded", 11, (16, 24))
    yield _decode_case("vae-decode-32-groups", "models/tiny-sharded", 5, (6, 8))
    yield _encode_case("vae-encode-playset", "playset", 16, (24, 32))
    yield _decode_case("vae-decode-playset", "playset", 8, (3, 4))
    # Pictures of 3 x 3 and 2 x 2 tiles, the last of each row and column cut short.
    for tiles, frames, size in (("3x3", 1, (14, 11)), ("2x2", 2, (7, 6))):
        decode = _decode_case(f"vae-decode-tiled-{tiles}", "models/tiny-tiles", frames, size)
        encode = _encode_case(f"vae-encode-tiled-{tiles}", "models/tiny-tiles", frames, (8 * size[0], 8 * size[1]))
        decode.options["vae_tiling"] = encode.options["vae_tiling"] = True
        yield decode
        yield encode
    case = _decode_case("vae-decode-in-bf16", "models/tiny-5b", 4, (2, 3))
    case.options["dtype"] = "bf16"
    yield case


def _encode_case(name: str, model: str, frames: int, size: tuple[int, int], batch: int = 1) -> Case:
    draw = _draws(name)
    coarse = torch.randn(batch, 3, max(1, frames // 4), size[0] // 8, size[1] // 8, generator=draw)
    picture = torch.nn.functional.interpolate(coarse, (frames, *size), mode="trilinear", align_corners=False)
    pixels = (0.6 * picture + 0.15 * torch.randn(picture.shape, generator=draw)).clamp(-1, 1)
    return Case(name, "vae-encode", model, {"pixels": pixels})


def _decode_case(name: str, model: str, frames: int, size: tuple[int, int], batch: int = 1) -> Case:
    latents = torch.randn(batch, 16, frames, *size, generator=_draws(name))
    return Case(name, "vae-decode", model, {"latents": latents})


# --- Denoising and whole scenes ------------------------------------------------------------------------------------------


def denoise_cases() -> Iterator[Case]:
    """Both samplers over 50 and over 7 steps (where the last DPM step leaves noise), every spacing, with and without regions."""
    for name, model, sampler, steps, guidance, conditions in (
        ("ddim-50", "models/tiny-2b", "ddim", 50, 6.0, 0),
        ("ddim-7", "models/tiny-2b", "ddim", 7, 6.0, 0),
        ("dpm-50", "models/tiny-2b", "dpm", 50, 6.0, 0),
        ("dpm-7", "models/tiny-2b", "dpm", 7, 6.0, 0),
        ("unguided-dpm-7", "models/tiny-2b", "dpm", 7, 1.0, 0),
        ("rotary-ddim-7", "models/tiny-5b", "ddim", 7, 4.5, 0),
        ("rotary-dpm-50", "models/tiny-5b", "dpm", 50, 4.5, 0),
        ("regions-ddim-50", "models/tiny-2b", "ddim", 50, 6.0, 3),
        ("regions-rotary-dpm-7", "models/tiny-5b", "dpm", 7, 9.0, 4),
        ("linspace-ddim-50", "models/tiny-sharded", "ddim", 50, 3.0, 0),
        ("linspace-dpm-7", "models/tiny-sharded", "dpm", 7, 3.0, 2),
        ("leading-ddim-7", "models/tiny-leading", "ddim", 7, 6.0, 0),
        ("leading-dpm-50", "models/tiny-leading", "dpm", 50, 6.0, 0),
    ):
        draw = _draws(name)
        text_length, text_width = TEXT_SHAPES[model]
        grid = (3, 3, 5)
        texts = max(conditions, 1)
        negative = torch.randn(1, text_length, text_width, generator=draw).expand(texts, -1, -1)
        inputs: Tensors = {
            "latents": torch.randn(1, grid[0], 16, *ODD, generator=draw),
            "prompt_embeds": torch.randn(texts, text_length, text_width, generator=draw),
            "negative_prompt_embeds": negative,
        }
        if conditions:
            inputs["regions"] = draw_regions("moving", conditions, grid, draw)
        options = {"steps": steps, "guidance_scale": guidance, "sampler": sampler, "seed": 1234}
        yield Case(f"denoise-{name}", "denoise", model, inputs, options=options)


def scene_cases() -> Iterator[Case]:
    """The whole pipeline from a prompt and a seed, as diffusers' own CogVideoXPipeline runs it."""
    for name, prompt, negative, seed, (frames, height, width), steps, guidance, sampler in (
        ("ddim", "a red witch is walking to the left in the forest", "", 7, (16, 96, 144), 20, 6.0, "ddim"),
        ("dpm", "a blue cat is sitting, then jumping on the beach", "", 42, (16, 96, 144), 20, 4.0, "dpm"),
        ("negative-prompt", "a green fish is swimming", "a yellow fish is floating", 2**31 + 5, (9, 64, 96), 7, 4.5, "dpm"),
    ):
        options = {
            "prompt": prompt, "negative_prompt": negative, "seed": seed, "num_frames": frames, "height": height,
            "width": width, "steps": steps, "guidance_scale": guidance, "sampler": sampler,
        }
        yield Case(f"scene-{name}", "scene", "playset", options=options)


# --- Tables --------------------------------------------------------------------------------------------------------------


def table_cases() -> Iterator[Case]:
    """Schedules, position tables (some rows and the sum of each column) and frame counts."""
    base = {
        "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "steps_offset": 0,
    }
    for name, spacing, shift, steps, other in (
        ("2b-50", "trailing", 3.0, 50, {}),
        ("5b-50", "trailing", 1.0, 50, {}),
        ("trailing-7", "trailing", 3.0, 7, {}),
        ("leading-50", "leading", 3.0, 50, {}),
        ("leading-7-offset", "leading", 1.0, 7, {"steps_offset": 1}),
        ("linspace-50", "linspace", 3.0, 50, {}),
        ("linspace-7", "linspace", 1.0, 7, {}),
        ("no-zero-snr", "trailing", 1.0, 3, {"rescale_betas_zero_snr": False}),
    ):
        config = {**base, "timestep_spacing": spacing, "snr_shift_scale": shift, **other}
        yield Case(f"scheduler-{name}", "scheduler", "", options={"config": config, "steps": steps})

    for name, height, width, frames, head_dim in (
        ("480x720", 480, 720, 13, 64),
        ("720x480", 720, 480, 13, 64),
        ("256x256", 256, 256, 12, 64),
        ("768x1360", 768, 1360, 2, 64),
        ("48x80-head-32", 48, 80, 3, 32),
    ):
        options = {
            "attention_head_dim": head_dim, "sample_height": 60, "sample_width": 90, "patch_size": 2,
            "height": height, "width": width, "latent_frames": frames,
        }
        yield Case(f"rotary-{name}", "rotary", "", _rows(name, frames * (height // 16) * (width // 16)), options=options)

    for name, width, ratio, scale, time_scale, (frames, rows, columns) in (
        ("2b-49-frames", 1920, 4, 1.875, 1.0, (13, 30, 45)),
        ("2b-48-frames-portrait", 1920, 4, 1.875, 1.0, (12, 45, 30)),
        ("playset", 192, 2, 1.0, 1.0, (8, 6, 9)),
        ("odd-grid-scaled-time", 48, 4, 1.5, 2.0, (3, 3, 5)),
    ):
        options = {
            "width": width, "temporal_compression_ratio": ratio, "spatial_interpolation_scale": scale,
            "temporal_interpolation_scale": time_scale, "grid": [frames, rows, columns],
        }
        yield Case(f"sincos-{name}", "sincos", "", _rows(name, frames * rows * columns), options=options)

    for ratio, model in ((4, "models/tiny-2b"), (2, "models/tiny-5b")):
        counts = {"latent_frames": torch.arange(1, 15), "pixel_frames": torch.arange(1, 50)}
        yield Case(f"frame-counts-ratio-{ratio}", "frame-counts", model, counts)


def _rows(name: str, count: int, wanted: int = 5) -> Tensors:
    """The first row, the last row and some between."""
    between = torch.randperm(count - 2, generator=_draws(name))[: wanted - 2] + 1
    return {"rows": torch.cat([torch.tensor([0]), between.sort().values, torch.tensor([count - 1])])}


def _draws(name: str) -> torch.Generator:
    """Each case has numbers of its own, which stay the same when cases are added or removed."""
    return torch.Generator().manual_seed(zlib.crc32(name.encode()))
