#!/usr/bin/env python3
"""Checks that diffusers loads a LoRA file that the program wrote, without a warning, and finds in it what the file holds.

    check_lora.py LORA.safetensors --model MODEL      MODEL: the folder of the model that it is for
    check_lora.py --self-test                         of the checks, on a file that is right and on files that are not

The file is loaded by `CogVideoXPipeline.load_lora_weights` and by the transformer's `load_lora_adapter`. Every module must be
there, with strength 1 and the file's own B A.
"""
from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import warnings
from pathlib import Path

import torch
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from peft.tuners.lora import LoraLayer
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from case_file import relative_difference

REPOSITORY = Path(__file__).resolve().parents[2]
TINY_MODEL = REPOSITORY / "tests" / "golden" / "models" / "tiny-2b"


class Listener(logging.Handler):
    """Gathers what libraries log and warn of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())

    def __enter__(self) -> "Listener":
        self.catcher = warnings.catch_warnings(record=True)
        self.caught = self.catcher.__enter__()
        warnings.simplefilter("always")
        for name in ("diffusers", "peft", "transformers"):
            logging.getLogger(name).addHandler(self)
        return self

    def __exit__(self, *exception) -> None:
        for name in ("diffusers", "peft", "transformers"):
            logging.getLogger(name).removeHandler(self)
        self.heard += [str(warning.message) for warning in self.caught]
        self.catcher.__exit__(*exception)


def faults_of(file: Path, model: Path) -> list[str]:
    """What is wrong with the file, in words; empty when all is well."""
    with safe_open(file, "pt") as opened:
        metadata = opened.metadata() or {}
    faults = [f"no metadata {key}" for key in ("format", "lora_adapter_metadata", "dreamrunner") if key not in metadata]
    if "dreamrunner" in metadata and json.loads(metadata["dreamrunner"]).get("schema") != 1:
        faults.append("metadata dreamrunner has no schema 1")
    tensors = {name.removeprefix("transformer."): tensor.float() for name, tensor in load_file(file).items()}
    for way, load in (("pipeline", through_the_pipeline), ("transformer", into_the_transformer)):
        transformer = CogVideoXTransformer3DModel.from_pretrained(model / "transformer")
        try:
            with Listener() as listener:
                load(file, transformer)
        except Exception as error:  # Whatever diffusers thinks of the file is the answer.
            faults.append(f"{way}: {type(error).__name__}: {error}")
            continue
        faults += [f"{way}: warning: {heard}" for heard in listener.heard]
        faults += [f"{way}: {fault}" for fault in differences(transformer, tensors)]
    return faults


def through_the_pipeline(file: Path, transformer: CogVideoXTransformer3DModel) -> None:
    pipeline = CogVideoXPipeline(tokenizer=None, text_encoder=None, vae=None, transformer=transformer, scheduler=None)
    pipeline.load_lora_weights(file.parent, weight_name=file.name)


def into_the_transformer(file: Path, transformer: CogVideoXTransformer3DModel) -> None:
    transformer.load_lora_adapter(file.parent, weight_name=file.name)


def differences(transformer: CogVideoXTransformer3DModel, tensors: dict[str, torch.Tensor]) -> list[str]:
    faults = []
    loaded = {name: layer for name, layer in transformer.named_modules() if isinstance(layer, LoraLayer)}
    for name in sorted({name.split(".lora_")[0] for name in tensors} ^ set(loaded)):
        faults.append(f"{name}: {'not loaded' if name not in loaded else 'loaded, but not in the file'}")
    for name, layer in loaded.items():
        if f"{name}.lora_B.weight" not in tensors:
            continue
        (adapter,) = layer.active_adapters
        delta = (tensors[f"{name}.lora_B.weight"] @ tensors[f"{name}.lora_A.weight"])
        difference = relative_difference(layer.get_delta_weight(adapter).float(), delta)
        if layer.scaling[adapter] != 1 or difference > 1e-5:
            faults.append(f"{name}: strength {layer.scaling[adapter]}, B A differs by {difference:.1e}")
        bias = tensors.get(f"{name}.lora_B.bias")
        if bias is not None and not torch.equal(layer.lora_B[adapter].bias.float(), bias):
            faults.append(f"{name}: the bias differs")
    return faults


def self_test() -> int:
    """A right file must pass and each wrong one be found."""
    name = "transformer_blocks.0.attn1.to_q"
    right = {f"transformer.{name}.lora_A.weight": torch.randn(2, 48), f"transformer.{name}.lora_B.weight": torch.randn(48, 2)}
    config = {"transformer.r": 2, "transformer.lora_alpha": 2, "transformer.rank_pattern": {}, "transformer.target_modules": [name]}
    cases = {
        "right": (right, config, 0),
        "another strength": (right, config | {"transformer.lora_alpha": 8}, 1),
        "an alpha tensor": (right | {f"transformer.{name}.alpha": torch.ones(())}, config, 1),
        "without the prefix": ({key.removeprefix("transformer."): value for key, value in right.items()}, config, 1),
    }
    failed = 0
    for title, (tensors, settings, expected) in cases.items():
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "lora.safetensors"
            metadata = {"format": "pt", "lora_adapter_metadata": json.dumps(settings), "dreamrunner": '{"schema": 1}'}
            save_file({key: value.contiguous() for key, value in tensors.items()}, file, metadata=metadata)
            faults = faults_of(file, TINY_MODEL)
        verdict = "ok" if bool(faults) == bool(expected) else "FAILED"
        failed += verdict != "ok"
        print(f"{verdict:<7} {title}: {faults[0][:100] if faults else 'no fault'}")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, default=TINY_MODEL)
    parser.add_argument("--self-test", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    if arguments.file is None:
        parser.error("a file is needed")
    faults = faults_of(arguments.file.resolve(), arguments.model)
    for fault in faults:
        print(f"FAILED {fault}")
    print("ok" if not faults else f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
