"""The reference implementations, each part as one function: stock diffusers and transformers, plus regions as a dense mask.

Shapes: B batch, N conditions (texts), T text tokens, F latent frames, C latent channels, H W latent height and width,
h w token rows and columns, V = F*h*w visual tokens, L = N*T + V.
"""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import diffusers.pipelines.cogvideo.pipeline_cogvideox as pipeline_module
import diffusers.schedulers.scheduling_dpm_cogvideox as dpm_module
import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
)
from diffusers.models.embeddings import apply_rotary_emb, get_3d_rotary_pos_embed
from diffusers.pipelines.cogvideo.pipeline_cogvideox import get_resize_crop_region_for_grid
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from transformers import T5EncoderModel

SAMPLERS = {"ddim": CogVideoXDDIMScheduler, "dpm": CogVideoXDPMScheduler}
VAE_SPATIAL_RATIO = 8


def be_deterministic() -> None:
    """One thread and deterministic kernels: the same files whenever and however often they are made."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_grad_enabled(False)


# --- Regions -------------------------------------------------------------------------------------------------------------


def attention_mask(regions: torch.Tensor, text_length: int) -> torch.Tensor:
    """bool [L, L], row = query, true = may attend, from regions [N, ...] (numerics: text i and region i see each other).

    The sequence is [text 1, ..., text N, visual tokens]. A text sees itself and its region; a visual token sees every visual
    token and the texts of the regions that cover it.
    """
    covers = regions.bool().flatten(1)  # [N, V]
    conditions = covers.shape[0]
    same_text = torch.eye(conditions, dtype=torch.bool).repeat_interleave(text_length, 0).repeat_interleave(text_length, 1)
    text_sees_visual = covers.repeat_interleave(text_length, 0)
    visual_sees_visual = torch.ones(covers.shape[1], covers.shape[1], dtype=torch.bool)
    text_rows = torch.cat([same_text, text_sees_visual], 1)
    visual_rows = torch.cat([text_sees_visual.T, visual_sees_visual], 1)
    return torch.cat([text_rows, visual_rows], 0)


class MaskedAttention:
    """Attention written in the plainest way: every score, a softmax over those that the mask allows, a weighted sum.

    Takes the place of the stock attention processor; `mask` is bool [L, L]. The softmax is in the type of the scores.
    """

    def __init__(self, mask: torch.Tensor) -> None:
        self.mask = mask

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """[B, heads, L, head width] each -> the weighted sums, of the same shape."""
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        return scores.masked_fill(~self.mask, float("-inf")).softmax(dim=-1) @ value

    def __call__(
        self,
        attn: torch.nn.Module,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        image_rotary_emb: tuple[torch.Tensor, torch.Tensor] | None = None,
        **_: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the attended visual tokens and text tokens, in this order (as the stock processor does)."""
        text_tokens = encoder_hidden_states.shape[1]
        tokens = torch.cat([encoder_hidden_states, hidden_states], dim=1)

        def heads_of(projection: torch.nn.Module) -> torch.Tensor:
            return projection(tokens).unflatten(-1, (attn.heads, -1)).movedim(-2, 1)  # [B, heads, L, head width]

        query, key, value = attn.norm_q(heads_of(attn.to_q)), attn.norm_k(heads_of(attn.to_k)), heads_of(attn.to_v)
        if image_rotary_emb is not None:
            query, key = (
                torch.cat([x[:, :, :text_tokens], apply_rotary_emb(x[:, :, text_tokens:], image_rotary_emb)], dim=2)
                for x in (query, key)
            )
        attended = attn.to_out[0](self.attend(query, key, value).movedim(1, -2).flatten(-2))
        return attended[:, text_tokens:], attended[:, :text_tokens]


@contextlib.contextmanager
def with_regions(model: CogVideoXTransformer3DModel, regions: torch.Tensor, text_length: int) -> Iterator[None]:
    """Lets the model take N texts bound to `regions` [N, F, h, w] while the block runs.

    The stock sin-cos embedding refuses another number of texts than one. It is told that its text is N*T tokens long: its
    table has zeros for them whatever their number.
    """
    stock_processors, patch_embed = model.attn_processors, model.patch_embed
    stock_length = patch_embed.max_text_seq_length
    stock_table = getattr(patch_embed, "pos_embedding", None)
    model.set_attn_processor(MaskedAttention(attention_mask(regions, text_length)))
    patch_embed.max_text_seq_length = regions.shape[0] * text_length
    if stock_table is not None:
        sample = (patch_embed.sample_height, patch_embed.sample_width, patch_embed.sample_frames)
        patch_embed.pos_embedding = patch_embed._get_positional_embeddings(*sample)
    try:
        yield
    finally:
        model.set_attn_processor(stock_processors)
        patch_embed.max_text_seq_length = stock_length
        if stock_table is not None:
            patch_embed.pos_embedding = stock_table


# --- Parts of the model --------------------------------------------------------------------------------------------------


def rotary_table(
    head_dim: int, grid: tuple[int, int, int], sample_grid: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """cos and sin [F*h*w, head_dim] of CogVideoX 1.0 for a token grid (F, h, w); sample_grid is (rows, columns) of the config."""
    frames, rows, columns = grid
    crops = get_resize_crop_region_for_grid((rows, columns), sample_grid[1], sample_grid[0])
    return get_3d_rotary_pos_embed(head_dim, crops, (rows, columns), frames)


def run_transformer(
    model: CogVideoXTransformer3DModel,
    hidden_states: torch.Tensor,
    encoder_hidden_states: torch.Tensor,
    timestep: torch.Tensor,
    regions: torch.Tensor | None = None,
) -> torch.Tensor:
    """[B, F, C, H, W], [B, N*T, D], [B] and optionally [N, F, h, w] -> the prediction [B, F, C, H, W]."""
    config = model.config
    patch = config.patch_size
    rotary = None
    if config.use_rotary_positional_embeddings:
        _, frames, _, height, width = hidden_states.shape
        sample_grid = (config.sample_height // patch, config.sample_width // patch)
        rotary = rotary_table(config.attention_head_dim, (frames, height // patch, width // patch), sample_grid)
    bound = contextlib.nullcontext()
    if regions is not None:
        bound = with_regions(model, regions, encoder_hidden_states.shape[1] // regions.shape[0])
    with bound:
        return model(hidden_states, encoder_hidden_states, timestep, image_rotary_emb=rotary).sample


def load_lora(transformer: CogVideoXTransformer3DModel, folder: Path, weight: float = 1.0) -> CogVideoXTransformer3DModel:
    """The transformer with a LoRA in its linears at a weight: a folder of PEFT's by PEFT, another by diffusers' pipeline."""
    if (folder / "adapter_config.json").is_file():
        PeftModel.from_pretrained(transformer, folder)  # Puts its layers into the transformer itself.
    else:
        pipeline = CogVideoXPipeline(tokenizer=None, text_encoder=None, vae=None, transformer=transformer, scheduler=None)
        pipeline.load_lora_weights(folder)
    for layer in adapted_linears(transformer).values():
        layer.scale_layer(weight)
    return transformer


def adapted_linears(transformer: torch.nn.Module) -> dict[str, LoraLayer]:
    """The linears that a LoRA is in."""
    return {name: layer for name, layer in transformer.named_modules() if isinstance(layer, LoraLayer)}


def run_text_encoder(model: T5EncoderModel, input_ids: torch.Tensor) -> torch.Tensor:
    """[B, L] -> [B, L, D]. No mask is given, as the pipeline gives none: padding is attended."""
    return model(input_ids).last_hidden_state


def run_vae_encode(model: AutoencoderKLCogVideoX, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """[B, 3, F, H, W] in -1..1 -> mean and clamped log variance of the latents."""
    posterior = model.encode(pixels).latent_dist
    return posterior.mean, posterior.logvar


def run_vae_decode(model: AutoencoderKLCogVideoX, latents: torch.Tensor) -> torch.Tensor:
    """Latents [B, C, F, H, W] as the decoder takes them (already divided by the scaling factor) -> pixels, not clamped."""
    return model.decode(latents).sample


# --- Denoising -----------------------------------------------------------------------------------------------------------


def denoise(
    model: CogVideoXTransformer3DModel,
    scheduler: CogVideoXDDIMScheduler | CogVideoXDPMScheduler,
    latents: torch.Tensor,
    prompt_embeds: torch.Tensor,
    negative_prompt_embeds: torch.Tensor,
    steps: int,
    guidance_scale: float,
    generator: torch.Generator,
    regions: torch.Tensor | None = None,
) -> torch.Tensor:
    """[1, F, C, H, W] and texts [N, T, D] -> denoised latents. Guidance of 1 or less leaves the unconditional branch out."""
    guided = guidance_scale > 1.0
    texts = prompt_embeds.flatten(0, 1)[None]
    if guided:
        texts = torch.cat([negative_prompt_embeds.flatten(0, 1)[None], texts])
    scheduler.set_timesteps(steps)
    previous_timestep, previous_original = None, None
    for timestep in scheduler.timesteps:
        branches = latents.expand(len(texts), -1, -1, -1, -1)
        velocity = run_transformer(model, branches, texts, timestep.expand(len(texts)), regions)
        if guided:
            unconditional, conditional = velocity.chunk(2)
            velocity = unconditional + guidance_scale * (conditional - unconditional)
        if isinstance(scheduler, CogVideoXDPMScheduler):
            latents, previous_original = scheduler.step(
                velocity, previous_original, timestep, previous_timestep, latents, generator=generator,
                return_dict=False,
            )
        else:
            latents = scheduler.step(velocity, timestep, latents, generator=generator, return_dict=False)[0]
        previous_timestep = timestep
    return latents


def run_scene(pipeline: CogVideoXPipeline, sampler: str, options: dict[str, Any]) -> torch.Tensor:
    """The stock pipeline from a prompt to latents [1, F, C, H, W]: its own draw of the noise, from a CPU generator."""
    pipeline.scheduler = SAMPLERS[sampler].from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        prompt=options["prompt"],
        negative_prompt=options["negative_prompt"],
        height=options["height"],
        width=options["width"],
        num_frames=options["num_frames"],
        num_inference_steps=options["steps"],
        guidance_scale=options["guidance_scale"],
        generator=torch.Generator("cpu").manual_seed(options["seed"]),
        max_sequence_length=pipeline.transformer.config.max_text_seq_length,
        output_type="latent",
    ).frames


@contextlib.contextmanager
def noise_drawn_in_fp32() -> Iterator[None]:
    """Makes the schedulers and the pipeline draw in fp32 and convert, so that a run in double meets the same noise."""
    stock = dpm_module.randn_tensor

    def draw(shape: Any, generator: Any = None, device: Any = None, dtype: Any = None) -> torch.Tensor:
        return stock(shape, generator=generator, device=device, dtype=torch.float32).to(dtype)

    with mock.patch.object(dpm_module, "randn_tensor", draw), mock.patch.object(pipeline_module, "randn_tensor", draw):
        yield
