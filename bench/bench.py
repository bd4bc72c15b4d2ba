#!/usr/bin/env python3
"""Measures the program beside torch and diffusers, in turn, and writes the tables of docs/performance.md.

    bench.py BUILD [--only WORD] [--repetitions N] [--threads N] [--clock cpu] [--json FILE]

Of each case two resident workers are started, ours and the peer's. After two warm-ups each they take turns (ours, peer, peer,
ours), so that a machine that is busy for a while is busy for both; a turn lasts a fifth of a second or more. Printed are medians
with a bootstrap 95 % interval, the ratio of medians with its own, the most memory that runs took beyond weights and inputs, and
the largest difference of the two results relative to the largest number of the peer's. Run it with the Python of `make oracle`.
"""
from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from measure import OUR_WAITING, interval
from part_cases import PLAYSET, Case, all_cases

REPOSITORY = Path(__file__).resolve().parents[1]
WARM_UPS = 2
TURN_MS = 200  # short runs are repeated: within a scene one follows the other, and no thread has gone to sleep
PAUSE_S = 0.05  # until the threads of the last turn have stopped spinning


@dataclass
class Side:
    times_ms: list[float] = field(default_factory=list)
    extra_mb: float = 0.0


class Worker:
    """A process that runs one part whenever it is asked."""

    def __init__(self, command: list[str], threads: int, settings: dict[str, str]) -> None:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)} | settings
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def ask(self, word: str) -> dict:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args[0]} ended with {self.process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


# --- Measuring -------------------------------------------------------------------------------------------------------------


def measure(case: Case, build: Path, scratch: Path, repetitions: int, threads: int, clock: str) -> dict:
    source, outputs = scratch / "in.safetensors", [scratch / "ours.safetensors", scratch / "peer.safetensors"]
    save_file({name: x.contiguous() for name, x in case.inputs.items()}, source)
    programs = [[str(build / "part_worker")], [sys.executable, str(REPOSITORY / "bench" / "peer_worker.py")]]
    waiting = [OUR_WAITING, {}]  # each side's own: torch leaves OpenMP's default
    workers = [
        Worker([*program, case.part, str(case.model), str(source), str(out), case.dtype, str(threads)], threads, settings)
        for program, out, settings in zip(programs, outputs, waiting)
    ]
    sides = [Side(), Side()]
    runs = [1, 1]
    for round_number in range(WARM_UPS + repetitions):
        for who in (0, 1) if round_number % 2 == 0 else (1, 0):
            time.sleep(PAUSE_S)
            answer = workers[who].ask(f"run {runs[who]}")
            if round_number < WARM_UPS:
                runs[who] = max(1, round(TURN_MS / answer["wall_ms"]))
            else:
                sides[who].times_ms.append(answer[f"{clock}_ms"])
                sides[who].extra_mb = answer["extra_mb"]
    for worker in workers:
        worker.ask("save")
        worker.close()
    ours, peer = sides
    return {
        "case": case.name,
        "dtype": case.dtype,
        "ours_ms": interval(ours.times_ms),
        "peer_ms": interval(peer.times_ms),
        "ratio": ratio_interval(ours.times_ms, peer.times_ms),
        "ours_mb": ours.extra_mb,
        "peer_mb": peer.extra_mb,
        "difference": difference(*outputs),
    }


def ratio_interval(ours: list[float], peer: list[float]) -> tuple[float, float, float]:
    """How many times faster we are; turns are drawn in pairs, as they were run."""
    draw = random.Random(1)
    ratios = []
    for _ in range(2000):
        turns = draw.choices(range(len(ours)), k=len(ours))
        ratios.append(statistics.median(peer[i] for i in turns) / statistics.median(ours[i] for i in turns))
    ratios.sort()
    return statistics.median(peer) / statistics.median(ours), ratios[50], ratios[1949]


def difference(ours: Path, peer: Path) -> float:
    """The largest difference of any result, relative to the largest number of the peer's."""
    mine, theirs = load_file(ours), load_file(peer)
    return max(float((mine[name] - theirs[name]).abs().max() / theirs[name].abs().max()) for name in theirs)


def start_up(build: Path, scratch: Path, repetitions: int) -> list[dict]:
    """How long commands take from start to end, in turn; the peer of the first tensor is Python with diffusers."""
    program = str(build / "dreamrunner")
    save_file(
        {"hidden_states": torch.zeros(1, 1, 16, 2, 2), "encoder_hidden_states": torch.zeros(1, 32, 192), "timestep": torch.tensor([500])},
        scratch / "in.safetensors",
    )
    first = "import sys, torch; from diffusers import CogVideoXTransformer3DModel as M; m = M.from_pretrained(sys.argv[1]); " \
        "torch.set_grad_enabled(False); m(torch.zeros(1, 1, 16, 2, 2), torch.zeros(1, 32, 192), torch.tensor([500]))"
    commands = {
        "dreamrunner --help": [program, "--help"],
        "dreamrunner plan --check": [program, "plan", "--check", str(REPOSITORY / "examples" / "witch" / "plan" / "plan.json")],
        "first tensor: forward transformer, playset": [
            program, "forward", "transformer", "--model", str(PLAYSET), "--in", str(scratch / "in.safetensors"), "--out", str(scratch / "out.safetensors"),
        ],
        "first tensor: the same in Python with diffusers": [sys.executable, "-c", first, str(PLAYSET / "transformer")],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for round_number in range(WARM_UPS + repetitions):
        for name, command in commands.items():
            if "Python" in name and round_number > WARM_UPS + 7:
                continue
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if round_number >= WARM_UPS:
                times[name].append((time.perf_counter() - start) * 1e3)
    return [{"case": name, "ms": interval(values)} for name, values in times.items()]


# --- Printing --------------------------------------------------------------------------------------------------------------


def time_text(values: tuple[float, float, float]) -> str:
    return f"{values[0]:.3g} ({values[1]:.3g} to {values[2]:.3g})"


def row(result: dict) -> str:
    cells = [result["case"], result["dtype"], time_text(result["ours_ms"]), time_text(result["peer_ms"]),
             "{:.2f} ({:.2f} to {:.2f})".format(*result["ratio"]), f"{result['ours_mb']:.0f} / {result['peer_mb']:.0f}", f"{result['difference']:.0e}"]
    return "| " + " | ".join(cells) + " |"


def machine(threads: int) -> str:
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{names[0] if names else platform.processor()}, {threads} threads of {len(names)}; torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}; load {load}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="the build folder, with part_worker and dreamrunner")
    parser.add_argument("--only", default="", help="cases whose name has this word")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="cpu: processor time, for a machine that others use")
    parser.add_argument("--json", type=Path, help="all results, for later")
    arguments = parser.parse_args()
    torch.manual_seed(1)
    results = {"machine": machine(arguments.threads), "start_up": [], "cases": []}
    print(f"{results['machine']}; {arguments.clock} time\n")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        if arguments.only in "start-up":
            results["start_up"] = start_up(arguments.build, scratch, max(20, arguments.repetitions))
            print("| command | ms |\n|---|---|")
            print("\n".join(f"| {one['case']} | {time_text(one['ms'])} |" for one in results["start_up"]), "\n", flush=True)
        print("| case | type | ours, ms | peer, ms | times faster | MB, ours / peer | difference |\n|---|---|---|---|---|---|---|", flush=True)
        for case in all_cases(scratch):
            if arguments.only in case.name:
                results["cases"].append(measure(case, arguments.build, scratch, arguments.repetitions, arguments.threads, arguments.clock))
                print(row(results["cases"][-1]), flush=True)
    print("\nload at the end:", ", ".join(f"{x:.1f}" for x in os.getloadavg()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
