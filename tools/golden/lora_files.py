#!/usr/bin/env python3
"""Makes tests/golden/adapters: LoRA files as PEFT and diffusers write them, and what they do to each linear when the same
libraries load them again.

    lora_files.py [NAME ...]  makes the folder anew, or only these adapters
    lora_files.py --check     makes it elsewhere and compares with what is committed

`ours` and `ours-biased` hold adapters of PEFT's as the program writes them (docs/lora-files.md, "What is written"), written here by
another hand. diffusers must load them without a warning. The program has to write the same files, tensor by tensor, bit by bit.

Every adapter is for the tiny model `tiny-2b`. `expected.safetensors` holds for each linear the answer of the loaded LoRA alone
to the vector `probe.LENGTH`: scale * (B A x + bias). `linears.json` lists the model's linears.
"""
from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

import torch
from diffusers import CogVideoXPipeline, CogVideoXTransformer3DModel
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import load_file, save_file

import check_lora
from case_file import relative_difference
from reference import adapted_linears, load_lora

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import convert_dreamrunner_lora  # noqa: E402  (a script beside this folder)

GOLDEN_FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden"
MODEL = GOLDEN_FOLDER / "models" / "tiny-2b"
ATTENTION = ["to_q", "to_v", "to_out.0"]

# name: (configuration, how it is written and read again)
ADAPTERS = {
    "peft-rslora": (LoraConfig(r=4, lora_alpha=6, use_rslora=True, target_modules=ATTENTION), "peft"),
    "peft-patterns": (
        LoraConfig(
            r=2,
            lora_alpha=5,
            target_modules=[*ATTENTION, "ff.net.2", "norm1.linear", "proj_out", "patch_embed.proj", "text_proj", "linear_1"],
            rank_pattern={r".*transformer_blocks\.1\..*": 3, "patch_embed.proj": 4, "^proj_out": 1},
            alpha_pattern={r"transformer_blocks\.[1-9]\.attn1\.to_(q|out\.0)": 7, "(proj_out|text_proj)": 9},
        ),
        "peft",
    ),
    "peft-bias": (LoraConfig(r=2, lora_alpha=3, lora_bias=True, target_modules=["to_k", "ff.net.0.proj"]), "peft"),
    "diffusers-metadata": (
        LoraConfig(r=2, lora_alpha=8, target_modules=ATTENTION, rank_pattern={"to_v": 4}, alpha_pattern={"to_v": 2}), "diffusers"),
    # Of one rank: without metadata diffusers takes the first module's rank for the alpha of all, so that mixed ranks get a
    # strength that hangs on the order of the keys. The program gives every module 1.
    "diffusers-no-metadata": (LoraConfig(r=2, lora_alpha=8, target_modules=ATTENTION), "plain"),
    # Trained for some steps, so that its numbers are such as a training leaves; strengths 5/3 and 1/2.
    "peft-trained": (
        LoraConfig(r=3, lora_alpha=5, target_modules=[*ATTENTION, "to_k", "ff.net.0.proj", "ff.net.2"], rank_pattern={"to_v": 4}, alpha_pattern={"to_v": 2}),
        "peft",
    ),
}

# name: (the adapter that it holds, what the program's metadata says of it)
OURS = {
    "ours": ("peft-trained", {"kind": "motion", "name": "jumping", "base": "0123abcd", "base_name": "tiny-2b", "blocks": [0, 1], "rank": 3, "alpha": 5.0, "step": 30, "data": {"clip-1": "aa"}}),
    "ours-biased": ("peft-bias", {"kind": "subject", "name": "[v1]", "base": "", "base_name": "", "blocks": [0, 1], "data": {}}),
}

TRAINED_STEPS = 30

# A list as DreamRunner's trainer pickles it, converted by tools/convert_dreamrunner_lora.py.
AUTHORS = "authors-list"
WEIGHTS_NAME = "pytorch_lora_weights.safetensors"


def tiny_transformer() -> CogVideoXTransformer3DModel:
    return CogVideoXTransformer3DModel.from_pretrained(MODEL / "transformer").eval()


def draw_weights(transformer: torch.nn.Module, seed: int) -> None:
    """Gives every factor random numbers: PEFT's own B is zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in transformer.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)


def train_weights(transformer: torch.nn.Module) -> None:
    """A training such as any script does it: from PEFT's own start, AdamW, the mean square of a difference."""
    generator = torch.Generator().manual_seed(4)
    config = transformer.config
    latents, target = (torch.randn(1, 2, config.in_channels, 8, 12, generator=generator) for _ in range(2))
    text = torch.randn(1, config.max_text_seq_length, config.text_embed_dim, generator=generator)
    learnt = [parameter for name, parameter in transformer.named_parameters() if "lora_" in name]
    optimiser = torch.optim.AdamW(learnt, lr=1e-2)
    for _ in range(TRAINED_STEPS):
        loss = (transformer(latents, text, torch.tensor([400])).sample - target).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()


def write_adapter(name: str, folder: Path) -> None:
    config, way = ADAPTERS[name]
    transformer = tiny_transformer()
    torch.manual_seed(len(name))  # PEFT draws A.
    model = get_peft_model(transformer, config)
    if name == "peft-trained":
        train_weights(transformer)
    else:
        draw_weights(transformer, seed=len(name))
    if way == "peft":
        model.save_pretrained(folder, safe_serialization=True)
        (folder / "README.md").unlink()
        # PEFT writes a set, in an order of its own each time.
        file = folder / "adapter_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings["target_modules"] = sorted(settings["target_modules"])
        file.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        return
    metadata = model.peft_config["default"].to_dict()
    metadata["target_modules"] = sorted(metadata["target_modules"])
    layers = {key.removeprefix("base_model.model."): value for key, value in get_peft_model_state_dict(model).items()}
    CogVideoXPipeline.save_lora_weights(
        folder, transformer_lora_layers=layers, transformer_lora_adapter_metadata=metadata if way == "diffusers" else None)


def write_as_we_do(name: str, adapters: Path) -> None:
    """Writes an adapter of PEFT's as docs/lora-files.md says that the program does, and has diffusers load it."""
    source, info = OURS[name]
    layers = adapted_linears(load_lora(tiny_transformer(), adapters / source))
    tensors, ranks = {}, {}
    for linear, layer in layers.items():
        (adapter,) = layer.active_adapters
        down, up = layer.lora_A[adapter].weight.detach(), layer.lora_B[adapter]
        tensors[f"transformer.{linear}.lora_A.weight"] = down.contiguous()
        tensors[f"transformer.{linear}.lora_B.weight"] = up.weight.detach() * layer.scaling[adapter]
        if up.bias is not None:
            tensors[f"transformer.{linear}.lora_B.bias"] = up.bias.detach() * layer.scaling[adapter]
        ranks[linear] = down.shape[0]
    rank = Counter(ranks.values()).most_common(1)[0][0]
    others = {linear: own for linear, own in ranks.items() if own != rank}
    config = {
        "r": rank, "lora_alpha": rank, "rank_pattern": others, "alpha_pattern": others, "target_modules": sorted(layers),
        "lora_bias": any(key.endswith(".bias") for key in tensors),
    }
    metadata = {
        "format": "pt",
        "lora_adapter_metadata": json.dumps({f"transformer.{key}": value for key, value in config.items()}),
        "dreamrunner": json.dumps({"schema": 1} | info),
    }
    file = adapters / name / WEIGHTS_NAME
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file, metadata=metadata)
    if faults := check_lora.faults_of(file, MODEL):
        raise RuntimeError(f"{name}: diffusers does not take it as it is meant: {'; '.join(faults)}")


def probe(length: int) -> torch.Tensor:
    return torch.cos(torch.arange(length, dtype=torch.float64) * 0.7 + 0.3).float()


def answers(transformer: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What the LoRA of each linear adds to the probe's answer."""
    result = {}
    for name, layer in adapted_linears(transformer).items():
        (adapter,) = layer.active_adapters
        delta = layer.get_delta_weight(adapter).flatten(1)
        result[name] = delta @ probe(delta.shape[1])
        bias = layer.lora_B[adapter].bias
        if bias is not None:
            result[name] = result[name] + layer.scaling[adapter] * bias
        result[f"probe.{delta.shape[1]}"] = probe(delta.shape[1])
    return {name: value.detach().contiguous() for name, value in result.items()}


def write_authors_list(folder: Path) -> None:
    """A motion prior of one block, and its answers by the trainer's own formula: up(down(x))."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(3)
    layers = dict(tiny_transformer().named_modules())
    matrices, expected = [], {}
    for linear in convert_dreamrunner_lora.LINEARS:
        name = f"transformer_blocks.0.{linear}"
        out_features, in_features = layers[name].weight.shape
        up, down = (torch.randn(shape, generator=generator) for shape in ((out_features, 3), (3, in_features)))
        matrices += [torch.nn.Parameter(up), torch.nn.Parameter(down)]
        expected |= {name: up @ (down @ probe(in_features)), f"probe.{in_features}": probe(in_features)}
    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = Path(scratch) / "120_transformer.pt"
        torch.save(matrices, checkpoint)
        convert_dreamrunner_lora.convert(
            checkpoint, folder / WEIGHTS_NAME, convert_dreamrunner_lora.Prior("motion", name="jumping"))
    save_file(expected, folder / "expected.safetensors")


def linears() -> list[dict]:
    """The linears of the model, its patch convolution laid flat; norms and the like have no LoRA."""
    found = []
    for name, module in tiny_transformer().named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            weight = module.weight.flatten(1)
            found.append({"name": name, "in": weight.shape[1], "out": weight.shape[0]})
    return found


def make(folder: Path, only: list[str] | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "linears.json").write_text(json.dumps(linears(), indent=1) + "\n", encoding="utf-8")
    for name in [*ADAPTERS, *OURS]:
        if only and name not in only:
            continue
        if name in OURS:
            write_as_we_do(name, folder)
        else:
            write_adapter(name, folder / name)
        save_file(answers(load_lora(tiny_transformer(), folder / name)), folder / name / "expected.safetensors")
    if not only or AUTHORS in only:
        write_authors_list(folder / AUTHORS)


def check(folder: Path) -> int:
    """Compares what is made now with what is committed; returns 1 if anything differs."""
    faults = 0
    with tempfile.TemporaryDirectory() as scratch:
        make(Path(scratch))
        for made in sorted(Path(scratch).rglob("*.safetensors")):
            committed, now = load_file(folder / made.relative_to(scratch)), load_file(made)
            worst = max(relative_difference(now[name], committed[name]) for name in now) if now.keys() == committed.keys() else float("inf")
            faults += worst > 1e-6
            print(f"{'FAILED' if worst > 1e-6 else 'ok':<7} {made.relative_to(scratch)}: differs by {worst:.1e}")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    folder = GOLDEN_FOLDER / "adapters"
    if arguments.check:
        return check(folder)
    make(folder, arguments.names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
