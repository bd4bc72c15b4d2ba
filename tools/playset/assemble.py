"""Puts the model together: tokenizer, text encoder, transformer, autoencoder and scheduler, fp16, in the Hugging Face layout.

    assemble.py --state DIR                          DIR/model, with the averaged weights of the training
    assemble.py --state DIR --out models/playset     what the repository ships; commit it rarely
"""
from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKLCogVideoX, CogVideoXDDIMScheduler, CogVideoXPipeline, CogVideoXTransformer3DModel
from transformers import T5EncoderModel, T5Tokenizer

import config
from files import replace_folder, write_atomically

_MOST_BYTES = 24 * 10**6  # of the folder
_MOST_BYTES_A_FILE = 16 * 10**6


def assemble(state: config.State, out: Path) -> None:
    weights = state.train / "average"
    half = {"torch_dtype": torch.float16}
    pipeline = CogVideoXPipeline(
        tokenizer=T5Tokenizer.from_pretrained(str(state.tokenizer), legacy=True),
        text_encoder=T5EncoderModel.from_pretrained(weights / "text_encoder", **half),
        transformer=CogVideoXTransformer3DModel.from_pretrained(weights / "transformer", **half),
        vae=AutoencoderKLCogVideoX.from_pretrained(state.vae, **half),
        scheduler=CogVideoXDDIMScheduler(**config.SCHEDULER),
    )

    def write(folder: Path) -> None:
        pipeline.save_pretrained(folder)
        for path in folder.rglob("*.json"):
            _drop_origin(path)
        sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        if sum(sizes.values()) > _MOST_BYTES or max(sizes.values()) > _MOST_BYTES_A_FILE:
            raise SystemExit(f"the model is too large to be shipped: {sum(sizes.values())} bytes")

    whole = state.root / "assembled"
    replace_folder(whole, write)
    for part in whole.iterdir():  # one by one: what else lies there (scorers, library, characters) stays
        if part.is_dir():
            replace_folder(out / part.name, lambda folder, part=part: shutil.copytree(part, folder, dirs_exist_ok=True))
        else:
            write_atomically(out / part.name, lambda copy, part=part: shutil.copyfile(part, copy))
    shutil.rmtree(whole)
    print(f"{out}: {(weights / 'made.json').read_text().strip()}")


def _drop_origin(path: Path) -> None:
    """Takes out the folder that a part was read from: it says where it was made and means nothing elsewhere."""
    settings = json.loads(path.read_text())
    if isinstance(settings, dict) and settings.pop("_name_or_path", None) is not None:
        path.write_text(json.dumps(settings, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    parser.add_argument("--out", help="default: DIR/model")
    options = parser.parse_args()
    state = config.State(options.state)
    assemble(state, Path(options.out) if options.out else state.model)


if __name__ == "__main__":
    main()
