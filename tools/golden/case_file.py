"""The format of a golden case: one folder with what goes in, what the reference gives, and how close is close enough."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]

# The bound for fp32: the largest difference over the largest value of the reference.
FP32_TOLERANCE = 1e-4


@dataclass
class Case:
    """One forward case. `inputs` and `outputs` are what the two safetensors files hold.

    part: what is run ("transformer", "vae-decode", ...); model: a folder under tests/golden, "playset", or "" for none;
    options: values that are not tensors; tolerances: for each output its bound and the reason for it.
    """

    name: str
    part: str
    model: str
    inputs: Tensors = field(default_factory=dict)
    outputs: Tensors = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    tolerances: dict[str, tuple[float, str]] = field(default_factory=dict)


def relative_difference(got: torch.Tensor, want: torch.Tensor) -> float:
    """max|got - want| / max|want|, in double; infinite for another shape or a value that is not a number."""
    if got.shape != want.shape:
        return float("inf")
    got, want = got.double(), want.double()
    if not (torch.isfinite(got).all() and torch.isfinite(want).all()):
        return float("inf")
    scale = want.abs().max().item()
    difference = (got - want).abs().max().item()
    return difference / scale if scale > 0 else difference


def write_case(case: Case, cases_folder: Path) -> None:
    """Writes case.json, in.safetensors (if there is any input) and out.safetensors."""
    folder = cases_folder / case.name
    folder.mkdir(parents=True, exist_ok=True)
    outputs = {
        name: {"tolerance": case.tolerances[name][0], "reason": case.tolerances[name][1]} for name in case.outputs
    }
    description = {"part": case.part, "model": case.model, "options": case.options, "outputs": outputs}
    (folder / "case.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for name, tensors in (("in", case.inputs), ("out", case.outputs)):
        if tensors:
            save_file({k: v.contiguous() for k, v in tensors.items()}, folder / f"{name}.safetensors")


def compare_folders(made: Path, committed: Path, tolerance: float) -> list[str]:
    """Says how the files under two folders differ: missing, surplus, other JSON (reasons aside), tensors beyond `tolerance`."""
    faults: list[str] = []
    names = {p.relative_to(root) for root in (made, committed) for p in root.rglob("*") if p.is_file()}
    for name in sorted(names):
        new, old = made / name, committed / name
        if not old.is_file():
            faults.append(f"{name}: is made, but not committed")
        elif not new.is_file():
            faults.append(f"{name}: is committed, but nothing makes it")
        elif name.suffix == ".safetensors":
            faults += [f"{name}: {fault}" for fault in _compare_tensors(load_file(new), load_file(old), tolerance)]
        elif name.suffix == ".json" and _without_reasons(_read_json(new)) != _without_reasons(_read_json(old)):
            faults.append(f"{name}: other content")
    return faults


def _compare_tensors(new: Tensors, old: Tensors, tolerance: float) -> list[str]:
    if new.keys() != old.keys():
        return [f"tensors {sorted(new)} are made, {sorted(old)} are committed"]
    faults = []
    for name, want in old.items():
        got = new[name]
        if got.dtype != want.dtype or got.shape != want.shape:
            faults.append(f"{name} is {got.dtype} {list(got.shape)}, committed {want.dtype} {list(want.shape)}")
        elif (difference := relative_difference(got, want)) > tolerance:
            faults.append(f"{name} differs by {difference:.2e}")
    return faults


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _without_reasons(value: Any) -> Any:
    """Reasons quote a rounding that was measured, which is another on another processor."""
    if isinstance(value, dict):
        return {k: _without_reasons(v) for k, v in value.items() if k != "reason"}
    return value
