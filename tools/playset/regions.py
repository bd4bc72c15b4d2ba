"""Region attention on CogVideoX's transformer, and a forward pass that may leave visual tokens out.

Every condition is a text with a region of the latent (a set of visual tokens). A text sees itself and its region, a
visual token sees all visual tokens and the texts whose regions hold it. Here that is a dense mask, which is slow but
plain: the reference for the program's block-wise attention.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import CogVideoXTransformer3DModel

import config

Box = Sequence[float]  # left, top, right, bottom in 0..1


def region_of(boxes: Sequence[Box | None]) -> torch.Tensor:
    """One box (or none) a latent frame -> bool [VISUAL_TOKENS]. A box covers one token at least."""
    frames, rows, columns = config.TOKEN_GRID
    region = torch.zeros(frames, rows, columns, dtype=torch.bool)
    for frame, box in enumerate(boxes):
        if box is None:
            continue
        left, right = _span(box[0], box[2], columns)
        top, bottom = _span(box[1], box[3], rows)
        region[frame, top:bottom, left:right] = True
    return region.flatten()


def _span(low: float, high: float, cells: int) -> tuple[int, int]:
    low, high = min(max(low, 0.0), 1.0), min(max(high, 0.0), 1.0)
    first, last = round(low * cells), round(high * cells)
    if last <= first:
        first = min(cells - 1, int((low + high) / 2 * cells))
        last = first + 1
    return first, last


def attention_mask(regions: torch.Tensor) -> torch.Tensor:
    """regions: bool [..., texts, visual] -> bool [..., L, L] with L = texts * TEXT_TOKENS + visual, True: may attend."""
    *batch, texts, visual = regions.shape
    rows = regions.repeat_interleave(config.TEXT_TOKENS, dim=-2)
    own = torch.eye(texts, dtype=torch.bool, device=regions.device)
    own = own.repeat_interleave(config.TEXT_TOKENS, 0).repeat_interleave(config.TEXT_TOKENS, 1).expand(*batch, -1, -1)
    everything = torch.ones(*batch, visual, visual, dtype=torch.bool, device=regions.device)
    return torch.cat([torch.cat([own, rows], -1), torch.cat([rows.mT, everything], -1)], -2)


def _attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """[batch, heads, tokens, width] -> the same. mask: bool [batch, 1, tokens, tokens] or None.

    For training on a CPU this is written out: heads of 32 and a few hundred tokens are too little work for the fused
    kernel, which takes more than twice the time of plain products, forwards and backwards.
    """
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    batch, heads, tokens, width = q.shape
    q, k, v = (q * width**-0.5).flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
    if mask is None:
        scores = q @ k.mT
    else:
        bias = torch.zeros(mask.shape, dtype=q.dtype).masked_fill_(~mask, -1e4)  # in bf16, e^-10000 is nothing
        scores = torch.baddbmm(bias.expand(-1, heads, -1, -1).flatten(0, 1), q, k.mT)
    return (scores.softmax(-1, dtype=scores.dtype) @ v).unflatten(0, (batch, heads))


class JointAttention:
    """Attention of texts and visual tokens together, with a mask that `Denoiser` sets for the call."""

    def __init__(self) -> None:
        self.mask: torch.Tensor | None = None

    def __call__(self, attn, hidden_states, encoder_hidden_states, attention_mask=None, image_rotary_emb=None):
        texts = encoder_hidden_states.shape[1]
        x = torch.cat([encoder_hidden_states, hidden_states], 1)
        q, k, v = (layer(x).unflatten(2, (attn.heads, -1)).transpose(1, 2) for layer in (attn.to_q, attn.to_k, attn.to_v))
        q, k = attn.norm_q(q).to(v.dtype), attn.norm_k(k).to(v.dtype)
        x = attn.to_out[0](_attend(q, k, v, self.mask).transpose(1, 2).flatten(2))
        return x[:, texts:], x[:, :texts]


def to_tokens(latents: torch.Tensor) -> torch.Tensor:
    """[batch, channels, frames, height, width] -> [batch, VISUAL_TOKENS, channels * 4], as the transformer puts them out."""
    b, c, t, h, w = latents.shape
    return latents.view(b, c, t, h // 2, 2, w // 2, 2).permute(0, 2, 3, 5, 1, 4, 6).reshape(b, t * h * w // 4, c * 4)


def to_latents(tokens: torch.Tensor) -> torch.Tensor:
    """The way back."""
    (t, h, w), b, c = config.TOKEN_GRID, tokens.shape[0], tokens.shape[2] // 4
    return tokens.view(b, t, h, w, c, 2, 2).permute(0, 4, 1, 2, 5, 3, 6).reshape(b, c, t, h * 2, w * 2)


class Denoiser(torch.nn.Module):
    """A CogVideoX transformer that takes any number of texts, a mask, and if wanted only some of the visual tokens."""

    def __init__(self, transformer: CogVideoXTransformer3DModel):
        super().__init__()
        self.transformer = transformer
        self.attention = JointAttention()
        transformer.set_attn_processor(self.attention)

    def forward(self, latents: torch.Tensor, texts: torch.Tensor, timesteps: torch.Tensor,
                regions: torch.Tensor | None = None, visible: torch.Tensor | None = None) -> torch.Tensor:
        """latents [B, C, T, H, W]; texts [B, texts * TEXT_TOKENS, width]; timesteps [B]; regions bool [B, texts, V] or
        None (all see all); visible: indices [B, K] of the tokens to work on, None: all.
        -> prediction [B, K or V, C * 4]"""
        model, embed = self.transformer, self.transformer.patch_embed
        b, c, t, h, w = latents.shape
        x = embed.proj(latents.transpose(1, 2).reshape(b * t, c, h, w)).flatten(2).transpose(1, 2).reshape(b, -1, embed.embed_dim)
        x = x + embed.pos_embedding[:, embed.max_text_seq_length:].to(x.dtype)
        if visible is not None:
            x = x.gather(1, visible[:, :, None].expand(-1, -1, x.shape[2]))
            if regions is not None:
                regions = regions.gather(2, visible[:, None].expand(-1, regions.shape[1], -1))
        y = embed.text_proj(texts)
        self.attention.mask = None if regions is None else attention_mask(regions)[:, None]
        time = model.time_embedding(model.time_proj(timesteps).to(x.dtype))
        for block in model.transformer_blocks:
            x, y = block(hidden_states=x, encoder_hidden_states=y, temb=time, image_rotary_emb=None)
        return model.proj_out(model.norm_out(model.norm_final(x), temb=time))
