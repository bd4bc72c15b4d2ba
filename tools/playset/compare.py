"""Makes one scene of a film in several ways and puts them below each other, a row a way: what a prior or a switch does.

    compare.py --program ../../build/dreamrunner --film ../../examples/cartwheel --scene 1 --out priors.png \\
        --way "without any prior=--no-priors" --way "all priors, each in its region="

A way is a label and, after the first "=", options of `dreamrunner make`. The film itself is not touched: each way is made
in a copy. What is learnt is kept in the library that the environment names, so that ways share it.
"""
from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

import films

MADE = ("scenes", "film.mp4", ".dreamrunner", "prior.safetensors")  # what a copy leaves behind


@contextmanager
def made(program: Path, film: Path, scene: int, options: str) -> Iterator[Path]:
    """-> a copy of the film with this scene made, while the context lasts"""
    with tempfile.TemporaryDirectory(dir=film.parent) as folder:  # beside it, so that paths in film.toml hold
        copy = Path(folder)
        shutil.copytree(film, copy, ignore=shutil.ignore_patterns(*MADE), dirs_exist_ok=True)
        subprocess.run([program, "make", copy, "--scene", str(scene), *shlex.split(options)], check=True, stdout=subprocess.DEVNULL)
        yield copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=Path)
    parser.add_argument("--film", required=True, type=Path)
    parser.add_argument("--scene", type=int, default=1)
    parser.add_argument("--way", action="append", required=True, metavar="LABEL=OPTIONS")
    parser.add_argument("--frames", type=int, nargs="+", default=[0, 2, 4, 6, 8, 10, 12, 15])
    parser.add_argument("--scale", type=int, default=1, help="pixels of the page for one of the film")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    rows = []
    for way in options.way:
        label, _, switches = way.partition("=")
        with made(options.program.resolve(), options.film.resolve(), options.scene, switches) as copy:
            frames = films.read_scene(copy, options.scene)
        rows.append(films.labelled(label, films.enlarged(frames[options.frames], options.scale)))
    cv2.imwrite(options.out, cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
