"""Shows that the tiny models' goldens see every weight: a program that ignored one would fail some case."""
from __future__ import annotations

import torch

from case_file import Case
from cases import all_cases
from workshop import PART_OF_CASE, Workshop

# A weight counts as seen if leaving it out moves a case's output by this many times its tolerance.
WANTED_MARGIN = 10.0
# Cases that together run every part of every tiny model, cheaply.
PARTS = ("text-encoder", "transformer", "vae-encode", "vae-decode")


def report_blind_spots(workshop: Workshop) -> int:
    """Leaves each weight out in turn (biases 0, norm weights 1, matrices 0) and prints those that no case misses; 1 if any."""
    cases: dict[tuple[str, str], list[Case]] = {}
    for case in all_cases():
        if case.part in PARTS and case.model != "playset" and not {"dtype", "loras"} & case.options.keys():
            cases.setdefault((case.model, PART_OF_CASE[case.part]), []).append(case)
    faults = 0
    for (model, part), group in cases.items():
        for case in group:
            workshop.finish(case)
        module = workshop.part(model, part, torch.float32)
        weakest = float("inf")
        for name, parameter in module.named_parameters():
            margin = _margin(workshop, group, name, parameter)
            if margin < WANTED_MARGIN:
                faults += 1 if _must_be_seen(model, name) else 0
                note = "" if _must_be_seen(model, name) else " (cannot matter: see the README)"
                print(f"{model} {part} {name}: moves the output by {margin:.1g} tolerances{note}", flush=True)
            else:
                weakest = min(weakest, margin)
        print(f"{model} {part}: every other weight is seen, the weakest by {weakest:.0f} tolerances", flush=True)
    return 1 if faults else 0


def _margin(workshop: Workshop, group: list[Case], name: str, parameter: torch.nn.Parameter) -> float:
    """By how many tolerances the case that misses the weight most moves; stops at the first that moves enough."""
    kept = parameter.clone()
    is_scale = parameter.dim() == 1 and name.endswith("weight")
    parameter.fill_(1.0 if is_scale else 0.0)
    largest = 0.0
    for case in group:
        moved = workshop.run(case, torch.float32)
        for output, want in case.outputs.items():
            difference = (moved[output] - want).abs().max() / want.abs().max()
            largest = max(largest, difference.item() / case.tolerances[output][0])
        if largest >= WANTED_MARGIN:
            break
    parameter.copy_(kept)
    return largest


def _must_be_seen(model: str, name: str) -> bool:
    """False for what no program can show.

    The bias of a key's norm adds the same number to all scores of a query, unless rotary positions turn it. Where a norm has
    as many groups as channels, it takes away whatever number was added to a channel: the biases of the convolutions before.
    """
    if name.endswith("norm_k.bias"):
        return model == "models/tiny-5b"
    return not (model == "models/tiny-sharded" and name.endswith((".conv.bias", "conv_shortcut.bias")))
