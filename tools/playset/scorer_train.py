"""One training loop for all scorers, that may be stopped at any second and goes on as if it had not been.

A step's random numbers come from its own number, so the state is the weights, the optimiser's moments and the step.
"""
from __future__ import annotations

import fcntl
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn

from files import write_atomically
from optimiser import Average, MuonWithAdamW

WARM_UP = 100  # steps
COOLDOWN = 0.35  # of all steps: the learning rate falls to nothing
_REPORT, _SAVE_SECONDS = 50, 60


class Trainer:
    """`loss_of(rng)` draws a batch and returns what to minimise and what to report (shares, losses). `not_hidden`: parts of
    names of the parameters that AdamW takes although they are matrices."""

    def __init__(self, folder: Path, net: nn.Module, lr: float, steps: int, loss_of: Callable[[np.random.Generator], tuple[torch.Tensor, dict[str, float]]],
                 not_hidden: tuple[str, ...], average: float = 0.998):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.net, self.lr, self.steps, self.loss_of = folder, net, lr, steps, loss_of
        self.optimiser = MuonWithAdamW([net], lr, not_hidden)
        self.averaged = [*net.parameters(), *(buffer for buffer in net.buffers() if buffer.is_floating_point())]
        self.average = Average(self.averaged, average)
        self.step, self.seconds = 0, 0.0  # of the processor: a shared machine's clock says little
        self.notes: dict[str, float] = {}
        self.stopped = False
        self._load()

    def _load(self) -> None:
        if not (self.folder / "state.pt").exists():
            return
        saved = torch.load(self.folder / "state.pt", weights_only=False)
        self.net.load_state_dict(saved["net"])
        self.optimiser.load_state_dict(saved["optimiser"])
        for value, kept in zip(self.average.values, saved["average"], strict=True):
            value.copy_(kept)
        self.average.steps = self.step = saved["step"]
        self.seconds, self.notes = saved["seconds"], saved["notes"]

    def save(self) -> None:
        content = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict(), "average": self.average.values,
                   "step": self.step, "seconds": self.seconds, "notes": self.notes}
        write_atomically(self.folder / "state.pt", lambda part: torch.save(content, part))

    def learning_rate(self) -> float:
        left = (self.steps - self.step) / (COOLDOWN * self.steps)
        return self.lr * min(1.0, (self.step + 1) / WARM_UP, max(0.0, left))

    def train_step(self) -> None:
        loss, notes = self.loss_of(np.random.default_rng([7, self.step]))
        loss.backward()
        self.optimiser.step(self.learning_rate())
        self.average.update()
        self.step += 1
        for name, value in {"loss": loss.item(), **notes}.items():
            self.notes[name] = 0.98 * self.notes.get(name, value) + 0.02 * value

    def run(self) -> None:
        """To the last step, or until a signal asks to stop; afterwards the net holds the averaged weights."""
        with open(self.folder / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit(f"{self.folder}: another process is training this") from None
            self._load()  # another process may have come further since
            self._run()
        self.use_average()

    def _run(self) -> None:
        print(f"step {self.step} of {self.steps}", flush=True)
        before = {name: signal.signal(name, lambda *_: setattr(self, "stopped", True)) for name in (signal.SIGTERM, signal.SIGINT)}
        torch.manual_seed(self.step)
        self.net.train()
        saved = time.monotonic()
        while not self.stopped and self.step < self.steps:
            started = time.process_time()
            self.train_step()
            self.seconds += time.process_time() - started
            now = time.monotonic()
            if self.step % _REPORT == 0:
                self._report()
            if now - saved > _SAVE_SECONDS:
                self.save()
                saved = now
        self.save()
        for name, handler in before.items():
            signal.signal(name, handler)

    def use_average(self) -> None:
        self.average.swap()
        self.net.eval()

    def _report(self) -> None:
        line = {"step": self.step, "CPU minutes": round(self.seconds / 60, 2), **{name: round(value, 4) for name, value in self.notes.items()}}
        with open(self.folder / "log.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{self.step} of {self.steps}, " + ", ".join(f"{name} {value}" for name, value in line.items() if name != "step"), flush=True)
