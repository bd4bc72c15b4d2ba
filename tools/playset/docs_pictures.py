"""Makes the pictures of docs/pictures that show the playset, anew: after other weights, or a change that could alter a film.

    docs_pictures.py --state DIR --program ../../build/dreamrunner
    docs_pictures.py --state DIR --program ../../build/dreamrunner --only cartwheel

`--state` holds the tokenizer and judge's helpers, as for sample.py. What is learnt goes where DREAMRUNNER_PRIORS says.
"""
from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2

import compare

ROOT = Path(__file__).resolve().parents[2]
TOOLS, PICTURES, EXAMPLES = ROOT / "tools" / "playset", ROOT / "docs" / "pictures", ROOT / "examples"

CARTWHEEL_WAYS = ("the model alone=--no-priors", "characters' priors=--prior-weight cartwheeling=0",
                  "the motion's prior=--prior-weight witch=0 --prior-weight cat=0 --prior-weight cartwheeling=1", "all three, each in its region=",
                  "all three, everywhere=--lora-scope global")


def witch(options: argparse.Namespace) -> None:
    """The contact sheet of README and docs/region-attention.md: full attention and hard."""
    for name, switches in (("witch-scene-3.png", ""), ("witch-scene-3-hard.png", "--visual-attn hard")):
        with compare.made(options.program, EXAMPLES / "witch", 3, switches) as film:
            shutil.copyfile(film / "scenes" / "03" / "sheet.png", PICTURES / name)


def cartwheel(options: argparse.Namespace) -> None:
    """The picture of docs/priors.md."""
    ways = [part for way in CARTWHEEL_WAYS for part in ("--way", way)]
    subprocess.run([sys.executable, TOOLS / "compare.py", "--program", options.program, "--film", EXAMPLES / "cartwheel", "--scene", "1",
                    "--frames", "0", "3", "6", "9", "12", "15", "--out", PICTURES / "cartwheel-priors.png", *ways], check=True)


def plans(options: argparse.Namespace) -> None:
    """The 24 plans of docs/playset.md."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.png"
        subprocess.run([sys.executable, TOOLS / "sample.py", "--state", options.state, "--program", options.program, "--model", ROOT / "models" / "playset",
                        "--seed", "1", "--scale", "1", "--steps", "50", "--out", page], check=True)
        cv2.imwrite(str(PICTURES / "playset-24.jpg"), cv2.imread(str(page)), [cv2.IMWRITE_JPEG_QUALITY, 85])


def main() -> None:
    pages = {"witch": witch, "cartwheel": cartwheel, "plans": plans}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--only", choices=pages, action="append")
    options = parser.parse_args()
    options.program, options.state = options.program.resolve(), options.state.resolve()
    for name in options.only or pages:
        pages[name](options)


if __name__ == "__main__":
    main()
