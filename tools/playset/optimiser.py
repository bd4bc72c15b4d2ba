"""Muon for matrices, AdamW for everything else.

Muon replaces the momentum of a weight matrix by the nearest matrix with orthogonal rows (or columns), so that every
direction of a layer learns at one speed, and it keeps one moment instead of two. Embeddings, the first and the last
projection, norms and biases are not maps between hidden spaces and stay with AdamW.
"""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch

# Coefficients of a quintic iteration that drives singular values towards one; five rounds leave them in about 0.7..1.2.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5

# Parts of parameter names that AdamW takes although they are matrices.
_NOT_HIDDEN = ("patch_embed", "proj_out", "shared", "embed_tokens", "relative_attention_bias", "time_embedding",
               "encoder.conv_in", "decoder.conv_out")


def orthogonalise(matrices: torch.Tensor) -> torch.Tensor:
    """[n, rows, columns] -> the same shape, each with singular values near one."""
    x = matrices.bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    for _ in range(_ROUNDS):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Convolution kernels are taken as matrices of [out, in * kernel]."""

    def __init__(self, params: Iterable[torch.nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.01):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[tuple[torch.nn.Parameter, torch.Tensor]]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = p.grad.lerp(state["momentum"], group["momentum"]).flatten(1)  # Nesterov
                by_shape[update.shape].append((p, update))
            for shape, entries in by_shape.items():  # one batch of matrices a shape: far fewer small products
                updates = orthogonalise(torch.stack([update for _, update in entries]))
                # 0.2 * sqrt(larger side) gives an update the size that AdamW's would have, so learning rates carry over.
                rate = group["lr"] * 0.2 * max(shape) ** 0.5
                for (p, _), update in zip(entries, updates):
                    p.mul_(1 - group["lr"] * group["weight_decay"]).add_(update.view_as(p), alpha=-rate)


class MuonWithAdamW:
    """Both optimisers over the parameters of some modules, under one learning rate."""

    ADAMW_SHARE = 0.4  # of the learning rate

    def __init__(self, modules: Iterable[torch.nn.Module], lr: float, not_hidden: tuple[str, ...] = _NOT_HIDDEN):
        hidden, rest = [], []
        for module in modules:
            for name, p in module.named_parameters():
                is_map = p.ndim >= 2 and min(p.shape[0], p[0].numel()) > 8
                (hidden if is_map and not any(part in name for part in not_hidden) else rest).append(p)
        self.rest = rest
        self.muon = Muon(hidden, lr)
        self.adamw = torch.optim.AdamW(rest, lr=lr * self.ADAMW_SHARE, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, lr: float) -> None:
        for group in self.muon.param_groups:
            group["lr"] = lr
        for group in self.adamw.param_groups:
            group["lr"] = lr * self.ADAMW_SHARE
        torch.nn.utils.clip_grad_norm_(self.rest, 1.0)  # Muon's updates have a fixed size already
        self.muon.step()
        self.adamw.step()
        self.muon.zero_grad(set_to_none=True)
        self.adamw.zero_grad(set_to_none=True)

    def state_dict(self) -> dict:
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])


class Average:
    """An exponential moving average of parameters, which generates better than the last weights do."""

    def __init__(self, params: list[torch.nn.Parameter], decay: float):
        self.params, self.decay, self.steps = params, decay, 0
        self.values = [p.detach().clone() for p in params]

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))  # short at first: it must forget where it began
        torch._foreach_lerp_(self.values, [p.detach() for p in self.params], 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the average and the parameters; a second call puts them back."""
        for value, p in zip(self.values, self.params):
            kept = p.detach().clone()
            p.copy_(value)
            value.copy_(kept)
