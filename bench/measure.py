"""What the benchmarks' scripts measure with."""
from __future__ import annotations

import random
import statistics
from pathlib import Path

OUR_WAITING = {"GOMP_SPINCOUNT": "3000"}  # how the program lets OpenMP's threads wait: src/stages/engine_loader.cpp


def status_kb(name: str) -> int:
    """This process's line `name` in /proc/self/status, such as "VmHWM", in kB; 0 where it is not there."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])
    return 0


def interval(values: list[float]) -> tuple[float, float, float]:
    """The median and its bootstrap 95 % interval."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(2000))
    return statistics.median(values), medians[50], medians[1949]
