#!/usr/bin/env python3
"""Converts published weights of CLIP, ViCLIP and YOLOv5 to folders that dreamrunner reads (docs/scorers.md).

    convert_scorers.py clip ViT-L-14.pt --bpe bpe_simple_vocab_16e6.txt.gz scorers/clip
    convert_scorers.py viclip ViClip-InternVid-10M-FLT.pth --bpe bpe_simple_vocab_16e6.txt.gz scorers/viclip
    convert_scorers.py yolov5 yolov5n.pt scorers/yolov5

A CLIP from Hugging Face needs no conversion. dreamrunner never reads pickles, since a pickle can run any program when it is
opened; this script does, once, on files that you have chosen to trust:

- OpenAI's CLIP is a TorchScript archive; its tensors are taken from it, its code is not run.
- ViCLIP's .pth is read with `weights_only`: tensors and plain containers, nothing else.
- YOLOv5's .pt holds the whole model as Python objects, which `weights_only` refuses. They are read by an unpickler that knows
  torch's tensors and makes an empty shell of every other class, so that no code of ultralytics is needed and none is run.

YOLOv5's weights are under the AGPL-3.0 (or a licence bought from Ultralytics), and stay so in any format: mind that before
passing them, or a service that uses them, on. No code or weights of it are part of dreamrunner.

Needs torch and safetensors (numpy too, for some .pt files).
"""

import argparse
import gzip
import json
import pickle
import sys
import types
from pathlib import Path

import torch
from safetensors.torch import save_file

START, END = "<|startoftext|>", "<|endoftext|>"


def write_folder(folder: Path, config: dict, tensors: dict) -> None:
    """Writes config.json and model.safetensors; refuses a folder that has them already."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.safetensors"):
        if (folder / name).exists():
            sys.exit(f"{folder / name} is there already")
    save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    print(f"{folder}: {len(tensors)} tensors, {sum(t.numel() for t in tensors.values()) / 1e6:.1f} M numbers")


def write_vocabulary(bpe: Path, folder: Path, size: int) -> None:
    """OpenAI's list of merges -> vocab.json and merges.txt: bytes, bytes at a word's end, what is merged, special tokens."""
    opened = gzip.open(bpe, "rt", encoding="utf-8") if bpe.suffix == ".gz" else open(bpe, encoding="utf-8")
    with opened:
        lines = opened.read().split("\n")
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]
    merges = lines[1 : size - 2 * 256 - 2 + 1]
    tokens = letters + [letter + "</w>" for letter in letters] + ["".join(pair.split()) for pair in merges] + [START, END]
    if len(tokens) != size or len(set(tokens)) != size:
        sys.exit(f"{bpe}: gives {len(set(tokens))} tokens, the model has {size}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")


def layers_below(tensors: dict, prefix: str) -> int:
    return 1 + max(int(name[len(prefix):].split(".")[0]) for name in tensors if name.startswith(prefix))


def convert_clip(arguments: argparse.Namespace) -> None:
    """OpenAI's names are kept: the program knows them. Heads are 64 wide in every published CLIP."""
    try:
        tensors = dict(torch.jit.load(arguments.weights, map_location="cpu").state_dict())
    except RuntimeError:
        tensors = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    for name in ("input_resolution", "context_length", "vocab_size"):
        tensors.pop(name, None)
    if "visual.conv1.weight" not in tensors:
        sys.exit(f"{arguments.weights}: no CLIP with a vision transformer")
    width, _, patch, _ = tensors["visual.conv1.weight"].shape
    side = round((tensors["visual.positional_embedding"].shape[0] - 1) ** 0.5)
    vocabulary, text_width = tensors["token_embedding.weight"].shape
    shared = {"hidden_act": arguments.activation, "layer_norm_eps": 1e-5}
    config = {
        "model_type": "clip",
        "projection_dim": tensors["text_projection"].shape[1],
        "text_config": {
            **shared, "hidden_size": text_width, "intermediate_size": tensors["transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
            "num_hidden_layers": layers_below(tensors, "transformer.resblocks."), "num_attention_heads": text_width // 64,
            "vocab_size": vocabulary, "max_position_embeddings": tensors["positional_embedding"].shape[0], "eos_token_id": vocabulary - 1},
        "vision_config": {
            **shared, "hidden_size": width, "intermediate_size": tensors["visual.transformer.resblocks.0.mlp.c_fc.weight"].shape[0],
            "num_hidden_layers": layers_below(tensors, "visual.transformer.resblocks."), "num_attention_heads": width // 64,
            "image_size": side * patch, "patch_size": patch}}
    write_vocabulary(arguments.bpe, arguments.folder, vocabulary)
    write_folder(arguments.folder, config, tensors)


def convert_viclip(arguments: argparse.Namespace) -> None:
    """InternVideo's names are kept; what training alone needs is left out."""
    checkpoint = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    tensors = checkpoint.get("model", checkpoint)
    tensors = {name: value for name, value in tensors.items() if name.startswith(("vision_encoder.", "text_encoder.")) or name == "temp"}
    if "vision_encoder.conv1.weight" not in tensors:
        sys.exit(f"{arguments.weights}: no ViCLIP")
    width, _, _, patch, _ = tensors["vision_encoder.conv1.weight"].shape
    side = round((tensors["vision_encoder.positional_embedding"].shape[0] - 1) ** 0.5)
    vocabulary, text_width = tensors["text_encoder.token_embedding.weight"].shape
    config = {
        "_class_name": "ViCLIP",
        "embed_dim": tensors["vision_encoder.proj"].shape[1],
        "preprocess": arguments.preprocess,
        "vision": {"image_size": side * patch, "patch_size": patch, "width": width, "heads": width // 64,
                   "layers": layers_below(tensors, "vision_encoder.transformer.resblocks."),
                   "frames": tensors["vision_encoder.temporal_positional_embedding"].shape[1]},
        "text": {"context_length": tensors["text_encoder.positional_embedding"].shape[0], "width": text_width, "heads": text_width // 64,
                 "layers": layers_below(tensors, "text_encoder.transformer.resblocks."), "vocab_size": vocabulary}}
    write_vocabulary(arguments.bpe, arguments.folder, vocabulary)
    write_folder(arguments.folder, config, tensors)


class Shell:
    """Stands for any class of a pickle that is not torch's own: keeps what it is given, does nothing."""

    def __init__(self, *_arguments, **_named):
        pass

    def __setstate__(self, state):
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})


class ShellUnpickler(pickle.Unpickler):
    """Reads tensors and plain containers; makes shells of everything else, modules included."""

    ALLOWED = {
        ("collections", "OrderedDict"), ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_parameter"), ("torch", "Size"),
        ("torch", "device"), ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "slice"), ("_codecs", "encode"),
        *(("torch", f"{kind}Storage") for kind in ("Float", "Half", "Double", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")),
        *(("torch", kind) for kind in ("float32", "float16", "float64", "bfloat16", "int64"))}

    def find_class(self, module, name):
        if (module, name) in self.ALLOWED:
            return super().find_class(module, name)
        return type(name, (Shell,), {"__module__": "shell"})


def read_shells(path: Path):
    """The object in a .pt file, with shells for classes."""
    module = types.ModuleType("shells")
    module.Unpickler, module.load, module.__name__ = ShellUnpickler, lambda file, **_: ShellUnpickler(file).load(), "shells"
    return torch.load(path, map_location="cpu", pickle_module=module, weights_only=False)


def tensors_of(shell, prefix: str = "") -> dict:
    """What `state_dict` of the module would give, from the fields of its shell."""
    found = {}
    for field in ("_parameters", "_buffers"):
        for name, value in (shell.__dict__.get(field) or {}).items():
            if isinstance(value, torch.Tensor):
                found[prefix + name] = value
    for name, child in (shell.__dict__.get("_modules") or {}).items():
        if child is not None:
            found.update(tensors_of(child, f"{prefix}{name}."))
    return found


def convert_yolov5(arguments: argparse.Namespace) -> None:
    """Ultralytics' names are kept. Depth and width come from the model's own description."""
    checkpoint = read_shells(arguments.weights)
    model = (checkpoint.get("ema") or checkpoint["model"]) if isinstance(checkpoint, dict) else checkpoint
    description = model.__dict__.get("yaml") or {}
    tensors = tensors_of(model)
    if "model.0.conv.weight" not in tensors or "model.24.m.0.weight" not in tensors:
        sys.exit(f"{arguments.weights}: no YOLOv5 of 25 layers (versions 6 and 7)")
    if tensors["model.0.conv.weight"].shape[-1] != 6:
        sys.exit(f"{arguments.weights}: a YOLOv5 of version 5 or older (its first layer is another)")
    anchors = tensors["model.24.anchors"].float() * torch.tensor([8.0, 16.0, 32.0]).view(3, 1, 1)
    classes = tensors["model.24.m.0.weight"].shape[0] // 3 - 5
    names = model.__dict__.get("names") or [str(i) for i in range(classes)]
    names = [names[i] for i in range(classes)]
    config = {
        "_class_name": "YOLOv5", "depth_multiple": description["depth_multiple"], "width_multiple": description["width_multiple"], "nc": classes,
        "names": names, "anchors": [[round(float(x), 3) for x in level.flatten()] for level in anchors], "strides": [8, 16, 32],
        "image_size": arguments.image_size, "person_class": names.index("person") if "person" in names else 0}
    write_folder(arguments.folder, config, tensors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True, metavar="clip|viclip|yolov5")
    for name, convert in (("clip", convert_clip), ("viclip", convert_viclip), ("yolov5", convert_yolov5)):
        kind = kinds.add_parser(name)
        kind.add_argument("weights", type=Path)
        kind.add_argument("folder", type=Path)
        kind.set_defaults(convert=convert)
        if name != "yolov5":
            kind.add_argument("--bpe", type=Path, required=True, help="bpe_simple_vocab_16e6.txt.gz, from OpenAI's CLIP or from InternVideo")
        if name == "clip":
            kind.add_argument("--activation", default="quick_gelu", choices=["quick_gelu", "gelu"])
        if name == "viclip":
            kind.add_argument("--preprocess", default="B", choices=["A", "B"], help="A: InternVid's demonstration; B: VBench")
        if name == "yolov5":
            kind.add_argument("--image-size", type=int, default=640)
    arguments = parser.parse_args()
    arguments.convert(arguments)


if __name__ == "__main__":
    main()
