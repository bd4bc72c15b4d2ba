#!/usr/bin/env python3
"""Runs the forward cases through a program that has `forward PART`, and compares what it gives.

    check_program.py build/dreamrunner                every case that `forward` can run
    check_program.py build/dreamrunner --only vae     only cases whose name begins so
"""
from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors.torch import load_file

from case_file import relative_difference

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN_FOLDER = REPOSITORY / "tests" / "golden"
FORWARD_PARTS = ("text-encoder", "transformer", "vae-encode", "vae-decode", "denoise")


def main() -> int:
    """Prints a line for each case; returns 1 if any is beyond its tolerance or the program fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", default="", metavar="PREFIX")
    arguments = parser.parse_args()
    failed = passed = 0
    for folder in sorted((GOLDEN_FOLDER / "cases").glob(f"{arguments.only}*")):
        case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
        if case["part"] not in FORWARD_PARTS:
            continue
        faults, verdict = run_case(arguments.program.resolve(), folder, case)
        failed, passed = failed + (faults > 0), passed + (faults == 0)
        print(f"{'FAILED' if faults else 'ok':<7} {folder.name}: {verdict}", flush=True)
    print(f"{passed} cases passed, {failed} failed")
    return 1 if failed or not passed else 0


def run_case(program: Path, folder: Path, case: dict) -> tuple[int, str]:
    """How many outputs are wrong, and how far each is from the reference (or what the program said)."""
    model = "models/playset" if case["model"] == "playset" else f"tests/golden/{case['model']}"
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "out.safetensors"
        command = [program, "forward", case["part"], "--model", REPOSITORY / model, "--in", folder / "in.safetensors", "--out", out]
        for file, weight in case["options"].pop("loras", []):
            command += ["--lora", f"{GOLDEN_FOLDER / file}={weight}"]
        for option, value in case["options"].items():
            command += [f"--{option.replace('_', '-')}"] if value is True else [f"--{option.replace('_', '-')}", value]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return 1, f"exit code {done.returncode}: {done.stderr.strip()}"
        got = load_file(out)
    want = load_file(folder / "out.safetensors")
    faults, lines = 0, []
    for name, bounds in case["outputs"].items():
        difference = relative_difference(got[name].float(), want[name]) if name in got else float("inf")
        faults += difference > bounds["tolerance"]
        lines.append(f"{name} differs by {difference:.1e} ({bounds['tolerance']:g} allowed)")
    return faults, ", ".join(lines)


if __name__ == "__main__":
    sys.exit(main())
