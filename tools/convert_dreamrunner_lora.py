#!/usr/bin/env python3
"""Converts a LoRA of DreamRunner's own trainer to safetensors with names, as diffusers and `dreamrunner` read it.

    convert_dreamrunner_lora.py CHECKPOINT.pt OUT.safetensors --kind motion --name cartwheeling
    convert_dreamrunner_lora.py checkpoint-160/spatial/lora OUT.safetensors --kind subject --name "[v4]"
    convert_dreamrunner_lora.py --self-test

Those checkpoints are pickles of a plain list of matrices, without names: for each block of the prior's half, in order, the linears
to_q, to_k, to_v, to_out.0, ff.net.0.proj and ff.net.2, each with its up matrix [out, rank], then its down matrix [rank, in]. Motion
is on blocks 0, 2, 4, ..., subjects on 1, 3, 5, ... (the trainer counts from 1). A file of several LoRAs, one a video, holds those
of a linear side by side; --pick says which is wanted. They act as x -> W x + up(down(x)), strength 1.

A pickle can run code when it is read. This one is read with PyTorch's `weights_only`, which rebuilds tensors and refuses all else.
Needs torch and safetensors.
"""
from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

LINEARS = ("attn1.to_q", "attn1.to_k", "attn1.to_v", "attn1.to_out.0", "ff.net.0.proj", "ff.net.2")
FIRST_BLOCK = {"motion": 0, "subject": 1}
ATTENTION_LINEARS = 4


class Refusal(Exception):
    """Why a file cannot be converted."""


@dataclass
class Prior:
    """What goes into the file besides the matrices."""

    kind: str
    name: str = ""
    base: str = ""
    base_name: str = ""
    pick: int | None = None


def find_checkpoint(path: Path) -> Path:
    """The file itself, or the one in a folder that the trainer wrote: its name has "transformer" in it."""
    if not path.is_dir():
        return path
    found = sorted(file for file in path.iterdir() if file.is_file() and "transformer" in file.name)
    if len(found) != 1:
        raise Refusal(f"{path}: {len(found)} files with \"transformer\" in their name, 1 expected; name the file")
    return found[0]


def read_list(path: Path) -> list[torch.Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # torch has no one type for what is wrong with a file, and its words advise to read it unsafely
        raise Refusal(f"{path}: not a pickle of tensors alone; nothing else is read, for it could run code") from error
    if not isinstance(content, list) or not all(isinstance(item, torch.Tensor) for item in content):
        raise Refusal(f"{path}: {type(content).__name__} found, a list of tensors expected")
    return [item.detach().float() for item in content]


def count_loras(matrices: list[torch.Tensor]) -> int:
    """How many LoRAs lie side by side: four times that many pairs come before the wider matrix of the feed-forward."""
    width = matrices[0].shape[0]
    pairs = next((i for i in range(0, len(matrices), 2) if matrices[i].shape[0] != width), len(matrices)) // 2
    if pairs == 0 or pairs % ATTENTION_LINEARS != 0 or len(matrices) % (2 * len(LINEARS) * (pairs // ATTENTION_LINEARS)) != 0:
        raise Refusal(f"{len(matrices)} matrices, {pairs} pairs before the feed-forward: not a list of {', '.join(LINEARS)} by blocks")
    return pairs // ATTENTION_LINEARS


def name_matrices(matrices: list[torch.Tensor], prior: Prior) -> dict[str, torch.Tensor]:
    """The chosen LoRA's matrices by the names that diffusers gives them."""
    if len(matrices) < 2 * len(LINEARS) or any(matrix.ndim != 2 for matrix in matrices):
        raise Refusal(f"{len(matrices)} tensors found, matrices of at least one block expected")
    loras = count_loras(matrices)
    if prior.pick is None and loras > 1:
        raise Refusal(f"{loras} LoRAs side by side; choose one with --pick 0 to --pick {loras - 1}")
    pick = prior.pick or 0
    if not 0 <= pick < loras:
        raise Refusal(f"--pick {pick}: from 0 to {loras - 1} expected")
    width, rank = matrices[0].shape
    sizes = {name: (width, width) for name in LINEARS[:ATTENTION_LINEARS]}
    wide = matrices[2 * ATTENTION_LINEARS * loras].shape[0]
    sizes |= {"ff.net.0.proj": (width, wide), "ff.net.2": (wide, width)}
    named = {}
    for index in range(len(matrices) // (2 * len(LINEARS) * loras)):
        block = FIRST_BLOCK[prior.kind] + 2 * index
        for place, linear in enumerate(LINEARS):
            at = 2 * ((index * len(LINEARS) + place) * loras + pick)
            up, down = matrices[at], matrices[at + 1]
            inputs, outputs = sizes[linear]
            if up.shape != (outputs, rank) or down.shape != (rank, inputs):
                raise Refusal(
                    f"block {block}, {linear}: up {list(up.shape)} and down {list(down.shape)} found, "
                    f"[{outputs}, {rank}] and [{rank}, {inputs}] expected")
            if not (up.isfinite().all() and down.isfinite().all()):
                raise Refusal(f"block {block}, {linear}: values that are NaN or infinite")
            name = f"transformer.transformer_blocks.{block}.{linear}"
            named[f"{name}.lora_A.weight"], named[f"{name}.lora_B.weight"] = down.contiguous(), up.contiguous()
    return named


def metadata_of(named: dict[str, torch.Tensor], prior: Prior, source: Path) -> dict[str, str]:
    modules = sorted({name.split(".lora_")[0].removeprefix("transformer.") for name in named})
    rank = next(iter(named.values())).shape[0]
    config = {
        "transformer.alpha_pattern": {}, "transformer.lora_alpha": rank, "transformer.lora_bias": False, "transformer.r": rank,
        "transformer.rank_pattern": {}, "transformer.target_modules": modules,
    }
    info = {
        "schema": 1, "kind": prior.kind, "name": prior.name, "base": prior.base, "base_name": prior.base_name,
        "blocks": sorted({int(module.split(".")[1]) for module in modules}), "rank": rank, "alpha": rank,
        "data": {"converted from": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()},
    }
    step = re.match(r"(\d+)_transformer", source.name)
    if step:
        info["step"] = int(step.group(1))
    return {"format": "pt", "lora_adapter_metadata": json.dumps(config), "dreamrunner": json.dumps(info)}


def convert(source: Path, target: Path, prior: Prior) -> str:
    """Writes `target`; returns one line about it."""
    source = find_checkpoint(source)
    named = name_matrices(read_list(source), prior)
    metadata = metadata_of(named, prior, source)
    save_file(named, target, metadata=metadata)
    info = json.loads(metadata["dreamrunner"])
    return f"{target}: {prior.kind}, rank {info['rank']}, {len(named) // 2} linears of blocks {info['blocks']}"


def self_test() -> int:
    """Converts lists that are made here, right ones and wrong ones."""
    failed = 0

    def check(what: str, right: bool) -> None:
        nonlocal failed
        failed += not right
        print(f"{'ok' if right else 'FAILED':<7} {what}")

    def refused(what: str, content, prior: Prior, words: str) -> None:
        torch.save(content, folder / "wrong_transformer.pt")
        try:
            convert(folder / "wrong_transformer.pt", folder / "none.safetensors", prior)
        except Refusal as refusal:
            check(f"{what}: {refusal}", words in str(refusal))
        else:
            check(f"{what}: was converted", False)

    generator = torch.Generator().manual_seed(0)

    def matrices(blocks: int, loras: int = 1, width: int = 8, rank: int = 3) -> list[torch.nn.Parameter]:
        sizes = [(width, width)] * ATTENTION_LINEARS + [(width, 4 * width), (4 * width, width)]
        return [
            torch.nn.Parameter(torch.randn(shape, generator=generator))
            for _ in range(blocks) for inputs, outputs in sizes for _ in range(loras) for shape in ((outputs, rank), (rank, inputs))
        ]

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "lora").mkdir()
        out = folder / "out.safetensors"
        plain = matrices(blocks=3)
        torch.save(plain, folder / "lora" / "160_transformer.pt")
        for kind, blocks in (("motion", [0, 2, 4]), ("subject", [1, 3, 5])):
            convert(folder / "lora", out, Prior(kind, name="[v1]"))
            tensors = load_file(out)
            expected = {
                f"transformer.transformer_blocks.{block}.{linear}.lora_{side}.weight": plain[12 * i + 2 * k + (side == "A")]
                for i, block in enumerate(blocks) for k, linear in enumerate(LINEARS) for side in "AB"
            }
            check(f"{kind}: 36 matrices under their names", tensors.keys() == expected.keys())
            check(f"{kind}: up is B and down is A", all(torch.equal(tensors[name], expected[name]) for name in expected))
        from safetensors import safe_open

        with safe_open(out, "pt") as opened:
            info = json.loads(opened.metadata()["dreamrunner"])
        check("metadata says kind, name, step, blocks, rank", (info["kind"], info["name"], info["step"], info["blocks"], info["rank"])
              == ("subject", "[v1]", 160, [1, 3, 5], 3))
        both = matrices(blocks=2, loras=2)
        torch.save(both, folder / "lora" / "160_transformer.pt")
        convert(folder / "lora", out, Prior("subject", pick=1))
        check("the second of two LoRAs side by side", torch.equal(load_file(out)["transformer.transformer_blocks.3.ff.net.2.lora_B.weight"], both[-2]))
        refused("two LoRAs and no choice", both, Prior("subject"), "--pick")
        refused("a third of two", both, Prior("subject", pick=2), "from 0 to 1")
        refused("a list cut short", plain[:-2], Prior("motion"), "matrices")
        refused("up and down exchanged", [plain[i ^ 1] for i in range(len(plain))], Prior("motion"), "")
        refused("another thing than a list", {"a": torch.ones(2)}, Prior("motion"), "dict found")
        refused("an empty list", [], Prior("motion"), "0 tensors")
        refused("values that are none", [*plain[:-1], plain[-1] * float("nan")], Prior("motion"), "NaN")
        refused("a pickle that runs code", RunsCode(folder / "trace"), Prior("motion"), "could run code")
        check("and that code did not run", not (folder / "trace").exists())
    return 1 if failed else 0


class RunsCode:
    """Leaves a trace on the disk when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", metavar="CHECKPOINT")
    parser.add_argument("target", type=Path, nargs="?", metavar="OUT")
    parser.add_argument("--kind", choices=sorted(FIRST_BLOCK), help="motion (temporal) or subject (spatial)")
    parser.add_argument("--name", default="", help="the motion, or the character's token such as [v1]")
    parser.add_argument("--base", default="", help="fingerprint of the model it was learnt on, if known")
    parser.add_argument("--base-name", default="", help="name of that model, such as CogVideoX-2b")
    parser.add_argument("--pick", type=int, help="which of several LoRAs side by side, from 0")
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.target is None or arguments.kind is None:
        parser.error("CHECKPOINT, OUT and --kind are needed")
    try:
        print(convert(arguments.source, arguments.target, Prior(arguments.kind, arguments.name, arguments.base, arguments.base_name, arguments.pick)))
    except (Refusal, OSError) as error:
        print(f"convert_dreamrunner_lora: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
