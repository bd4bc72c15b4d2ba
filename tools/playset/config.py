"""Sizes of the playset model, and the names of what lies in a state folder.

The playset is CogVideoX made small: the same classes of diffusers, read by the same code of the program, with numbers
that two cores can train and run. `README.md` says why each number is what it is.
"""
from __future__ import annotations

from pathlib import Path

# The stage, in pixels and frames. The model folder, the world and the program's examples all agree on these.
WIDTH, HEIGHT, FRAMES, FPS = 144, 96, 16, 8

# A latent is [CHANNELS, LATENT_FRAMES, 12, 18]; with patches of 2 x 2 it becomes 8 x 6 x 9 = 432 visual tokens.
CHANNELS, LATENT_FRAMES, LATENT_HEIGHT, LATENT_WIDTH = 16, 8, 12, 18
TOKEN_GRID = (LATENT_FRAMES, LATENT_HEIGHT // 2, LATENT_WIDTH // 2)
VISUAL_TOKENS = TOKEN_GRID[0] * TOKEN_GRID[1] * TOKEN_GRID[2]
TEXT_TOKENS = 32

VAE = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ["CogVideoXDownBlock3D"] * 4,
    "up_block_types": ["CogVideoXUpBlock3D"] * 4,
    "block_out_channels": [16, 32, 48, 96],
    "latent_channels": CHANNELS,
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "temporal_compression_ratio": 2,
    "sample_height": HEIGHT,
    "sample_width": WIDTH,
    "scaling_factor": 1.0,  # `render.py measure` writes the measured one
}

TEXT_ENCODER = {
    "vocab_size": 512,
    "d_model": 192,
    "d_kv": 32,
    "d_ff": 384,
    "num_layers": 3,
    "num_heads": 6,
    "feed_forward_proj": "gated-gelu",
    "is_encoder_decoder": False,
    "use_cache": False,
    "dropout_rate": 0.0,
}

TRANSFORMER = {
    "num_attention_heads": 6,
    "attention_head_dim": 32,
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "time_embed_dim": 192,
    "text_embed_dim": TEXT_ENCODER["d_model"],
    "num_layers": 6,
    "sample_width": LATENT_WIDTH,
    "sample_height": LATENT_HEIGHT,
    "sample_frames": FRAMES,
    "patch_size": 2,
    "temporal_compression_ratio": 2,
    "max_text_seq_length": TEXT_TOKENS,
    "spatial_interpolation_scale": 1.0,
    "temporal_interpolation_scale": 1.0,
    "use_rotary_positional_embeddings": False,
}

SCHEDULER = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": True,
    "steps_offset": 0,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "snr_shift_scale": 1.0,
    "timestep_spacing": "trailing",
}

# Seeds of the world. Training counts up from 0; nothing ever trains on a seed of the other two ranges.
VALIDATION_SEEDS = 10_000_000
JUDGE_SEEDS = 20_000_000


class State:
    """Where the tools keep what they make. The folder lies outside the repository and may be deleted at any time."""

    def __init__(self, folder: str | Path):
        self.root = Path(folder)
        self.tokenizer = self.root / "tokenizer"  # sentencepiece in T5's layout
        self.vae = self.root / "vae"  # diffusers folder, fp32
        self.clips = self.root / "clips"  # raw clips for the autoencoder's training
        self.latents = self.root / "latents"  # shards that the transformer learns from
        self.validation = self.root / "validation"  # shards of unseen seeds
        self.train = self.root / "train"  # the transformer's training state and its averaged weights
        self.classifiers = self.root / "classifiers"  # what judge.py looks with
        self.model = self.root / "model"  # the assembled Hugging Face folder, fp16
