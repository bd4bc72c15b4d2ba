"""Trains the text encoder and the transformer together, on what `render.py latents` has encoded so far.

    train_transformer.py --state DIR --start MODEL      begins with the weights of a Hugging Face folder
    train_transformer.py --state DIR                    begins from nothing, or goes on where it was
    train_transformer.py --state DIR --processes 2      two processes of one thread: a quarter faster than one of two

It may be stopped at any second (a signal saves first, a power cut loses the last few minutes) and started again with
the same command. Latents that appear while it runs are picked up. `DIR/train/log.jsonl` has the losses.
"""
from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
import torch.nn.functional as F
from diffusers import CogVideoXDDIMScheduler, CogVideoXTransformer3DModel
from transformers import T5Config, T5EncoderModel

import config
import samples
from files import replace_folder, write_atomically
from latents import Latents
from optimiser import Average, MuonWithAdamW
from regions import Denoiser, to_tokens

REGIONAL_SHARE = 0.65  # of the batches
WARM_UP = 200  # steps
GROUP = 3  # batches drawn together and sorted by their number of texts, so that little is padding


class Team:
    """Processes that train together: each works on a batch of its own, and all apply the mean of their gradients.

    At these sizes two processes of one thread do a quarter more than one process of two threads, whose threads wait
    for each other at hundreds of small operations a step.
    """

    def __init__(self, rank: int, size: int, meeting_place: Path):
        self.rank, self.size = rank, size
        self._sum: torch.Tensor | None = None
        if size > 1:
            distributed.init_process_group("gloo", init_method=f"file://{meeting_place.resolve()}", rank=rank, world_size=size,
                                           timeout=datetime.timedelta(days=7))  # one of them may be stopped for long

    def share(self, params: list[torch.nn.Parameter], stop: bool) -> bool:
        """Replaces every gradient by the mean over all processes. -> whether any of them wants to stop"""
        if self.size == 1:
            return stop
        if self._sum is None:
            self._sum = torch.empty(sum(p.numel() for p in params) + 1)
        parts = self._sum[:-1].split([p.numel() for p in params])
        for p, part in zip(params, parts):
            part.zero_() if p.grad is None else part.copy_(p.grad.flatten())
        self._sum[-1] = float(stop)
        distributed.all_reduce(self._sum)
        for p, part in zip(params, parts):
            p.grad = (part / self.size).view_as(p)
        return bool(self._sum[-1] > 0)


class Trainer:
    def __init__(self, options: argparse.Namespace, team: Team):
        self.options, self.state, self.team = options, config.State(options.state), team
        self.latents = Latents(self.state.latents)
        if len(self.latents) < options.batch * GROUP:
            raise SystemExit(f"{self.state.latents}: {len(self.latents)} clips are too few; run render.py latents first")
        self.words = samples.Words(self.state.tokenizer)
        self.scale = json.loads((self.state.vae / "config.json").read_text())["scaling_factor"]
        self.alphas = CogVideoXDDIMScheduler(**config.SCHEDULER).alphas_cumprod.float()
        if options.start:
            start = Path(options.start)
            transformer = CogVideoXTransformer3DModel.from_pretrained(start / "transformer")
            text_encoder = T5EncoderModel.from_pretrained(start / "text_encoder")
        else:
            transformer = CogVideoXTransformer3DModel(**config.TRANSFORMER)
            text_encoder = T5EncoderModel(T5Config(**config.TEXT_ENCODER))
        self.denoiser = Denoiser(transformer).to(options.device, torch.float32).train()
        self.text_encoder = text_encoder.to(options.device, torch.float32).train()
        if options.compile:
            for block in transformer.transformer_blocks:
                block.compile(dynamic=True)
        self.optimiser = MuonWithAdamW([transformer, self.text_encoder], options.lr)
        self.params = [*transformer.parameters(), *self.text_encoder.parameters()]
        self.average = Average(self.params, options.average)
        self.step, self.seen = 0, 0
        self.shape = random.Random(options.seed)  # what kind of batch comes: the same in all processes, as they wait for each other
        self._seed(options.seed if team.rank == 0 else hash((options.seed, team.rank)))
        self.queue: list[np.ndarray] = []
        self.shares = np.empty(0)
        self.losses: dict[str, float] = {}
        self.asked_to_stop = self.stopped = False
        if (self.state.train / "state.pt").exists():
            self.load()

    def _seed(self, seed: int) -> None:
        seed %= 2**32
        self.rng, self.choice = np.random.default_rng(seed), random.Random(seed)
        torch.manual_seed(seed)

    # ------------------------------------------------------------ state on disk

    def load(self) -> None:
        saved = torch.load(self.state.train / "state.pt", map_location="cpu", weights_only=False)
        self.denoiser.transformer.load_state_dict(saved["transformer"])
        self.text_encoder.load_state_dict(saved["text_encoder"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average.steps = saved["average_steps"]
        for value, kept in zip(self.average.values, saved["average"], strict=True):
            value.copy_(kept)
        self.step, self.seen, self.losses = saved["step"], saved["seen"], saved["losses"]
        self.shape.setstate(saved["shape"])
        if self.team.rank == 0:
            self.rng.bit_generator.state = saved["rng"]
            self.choice.setstate(saved["choice"])
            torch.set_rng_state(saved["torch_rng"])
        else:  # only the first process keeps its place in the stream; the others begin one of their own
            self._seed(hash((self.options.seed, self.team.rank, self.step)))
            return
        print(f"goes on at step {self.step}, {self.seen} samples seen", flush=True)

    def save(self) -> None:
        content = {
            "transformer": self.denoiser.transformer.state_dict(), "text_encoder": self.text_encoder.state_dict(),
            "optimiser": self.optimiser.state_dict(), "average": self.average.values, "average_steps": self.average.steps,
            "step": self.step, "seen": self.seen, "losses": self.losses, "rng": self.rng.bit_generator.state,
            "choice": self.choice.getstate(), "shape": self.shape.getstate(), "torch_rng": torch.get_rng_state(),
        }
        write_atomically(self.state.train / "state.pt", lambda part: torch.save(content, part))
        self.average.swap()
        try:
            replace_folder(self.state.train / "average", self._write_weights)
        finally:
            self.average.swap()

    def _write_weights(self, folder: Path) -> None:
        self.denoiser.transformer.save_pretrained(folder / "transformer")
        self.text_encoder.save_pretrained(folder / "text_encoder")
        (folder / "made.json").write_text(json.dumps({"step": self.step, "samples": self.seen}) + "\n")

    # ------------------------------------------------------------ one step

    def learning_rate(self) -> float:
        lr = self.options.lr * min(1.0, (self.average.steps + 1) / WARM_UP)
        if self.options.until and self.options.cooldown:
            lr *= min(1.0, max(0.0, (self.options.until - self.step) / self.options.cooldown))
        return lr

    def _clips(self, count: int) -> np.ndarray:
        if len(self.shares) != len(self.latents):
            self.shares = samples.shares(self.latents.records, self.options.animals)
        return self.rng.choice(len(self.latents), count, p=self.shares)

    def draw(self, regional: bool) -> tuple[np.ndarray, list[samples.Conditions]]:
        """Which clips the next batch holds, and what they are told. Sorting within a group keeps every clip's chance."""
        if not regional:
            clips = self._clips(self.options.batch)
            return clips, [samples.whole(self.latents.records[k], self.choice) for k in clips]
        if not self.queue:
            clips = self._clips(self.options.batch * GROUP)
            clips = clips[np.argsort([len(self.latents.records[k]["conditions"]) for k in clips], kind="stable")]
            self.queue = np.split(clips, GROUP)
            self.shape.shuffle(self.queue)
        clips = self.queue.pop()
        return clips, [samples.regional(self.latents.records[k], self.choice) for k in clips]

    def train_step(self) -> None:
        options, device = self.options, self.options.device
        regional, thinned = self.shape.random() < REGIONAL_SHARE, self.shape.random() < options.thin
        clips, conditions = self.draw(regional)
        batch = samples.collate(conditions, self.words)
        clean = torch.from_numpy(self.latents.take(clips)) * self.scale
        steps = torch.from_numpy(samples.timesteps(len(clips), self.rng))
        alpha = self.alphas[steps].view(-1, 1, 1, 1, 1)
        noise = torch.randn_like(clean)
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        target = to_tokens(alpha.sqrt() * noise - (1 - alpha).sqrt() * clean)
        inside, visible = batch.inside, None
        if thinned:
            visible = samples.visible_tokens(inside, options.keep)
            target = target.gather(1, visible[:, :, None].expand(-1, -1, target.shape[2]))
            inside = inside.gather(1, visible)

        noisy, steps, target, inside, which = (x.to(device) for x in (noisy, steps, target, inside, batch.which))
        regions, visible = (None if x is None else x.to(device) for x in (batch.regions, visible))
        with torch.autocast(device, torch.bfloat16):
            texts = self.text_encoder(batch.tokens.to(device)).last_hidden_state[which].flatten(1, 2)
            predicted = self.denoiser(noisy, texts, steps, regions, visible)
        errors = F.mse_loss(predicted.float(), target, reduction="none").mean(2)  # [B, tokens]
        weights = 1 + options.inside_weight * inside
        ((errors * weights).sum() / weights.sum()).backward()
        self.stopped = self.team.share(self.params, self.asked_to_stop)
        self.optimiser.step(self.learning_rate())
        self.average.update()
        self.step += 1
        self.seen += len(clips) * self.team.size
        kind = "regional" if regional else "plain"
        self._note(f"{kind} inside", errors.detach(), inside)
        self._note(f"{kind} outside", errors.detach(), ~inside)

    def _note(self, name: str, errors: torch.Tensor, where: torch.Tensor) -> None:
        if where.any():
            value = errors[where].mean().item()
            self.losses[name] = 0.98 * self.losses.get(name, value) + 0.02 * value

    # ------------------------------------------------------------ the loop

    def run(self) -> None:
        options, first_process = self.options, self.team.rank == 0
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop if first_process else signal.SIG_IGN)
        if first_process:
            print(f"{len(self.latents)} clips; Muon and AdamW, batches of {options.batch * self.team.size}", flush=True)
        started = saved = time.monotonic()
        first, cpu = self.step, time.process_time()
        while not self.stopped and (not options.until or self.step < options.until):
            self.train_step()
            now = time.monotonic()
            if self.step % options.report == 0:
                done = self.step - first
                if first_process:
                    self._report(now - started, (now - started) / done, (time.process_time() - cpu) / done)
                if self.latents.refresh():
                    self.queue = self.queue[:GROUP]
            if first_process and now - saved > options.save_minutes * 60:
                self.save()
                saved = time.monotonic()
            if options.minutes and now - started > options.minutes * 60:
                self.asked_to_stop = True
        if first_process:
            self.save()
            print(f"stopped at step {self.step}, {self.seen} samples seen", flush=True)

    def _stop(self, *_) -> None:
        self.asked_to_stop = True  # after the next step, when all processes have heard of it

    def _report(self, seconds: float, a_step: float, cpu_a_step: float) -> None:
        losses = {name: round(value, 4) for name, value in sorted(self.losses.items())}
        line = {"time": int(time.time()), "step": self.step, "samples": self.seen, "clips": len(self.latents),
                "lr": round(self.learning_rate(), 6), **losses}
        with open(self.state.train / "log.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        words = ", ".join(f"{name} {value:.4f}" for name, value in losses.items())
        print(f"{seconds:.0f} s, step {self.step} ({a_step:.2f} s, {cpu_a_step:.2f} CPU s a step): {words}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True, help="folder for everything that is made, outside the repository")
    parser.add_argument("--start", help="Hugging Face folder to take the first weights from, if there is no state yet")
    parser.add_argument("--batch", type=int, default=24, help="of each process")
    parser.add_argument("--lr", type=float, default=1.5e-3)
    parser.add_argument("--average", type=float, default=0.9995, help="decay of the averaged weights")
    parser.add_argument("--inside-weight", type=float, default=4.0, help="what a token with a character counts for, beyond one")
    parser.add_argument("--animals", type=float, default=2.0, help="how many times as often clips with animals are drawn as others")
    parser.add_argument("--thin", type=float, default=0.85, help="share of the batches that work on some tokens only")
    parser.add_argument("--keep", type=int, default=160, help="tokens of a thinned batch, of 432")
    parser.add_argument("--until", type=int, help="step to stop at")
    parser.add_argument("--cooldown", type=int, default=0, help="steps before --until in which the learning rate goes to nothing")
    parser.add_argument("--minutes", type=float, help="to stop after")
    parser.add_argument("--save-minutes", type=float, default=4.0)
    parser.add_argument("--report", type=int, default=50, help="steps between two lines of the log")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, help="of each process; default: 2, of several processes 1")
    parser.add_argument("--processes", type=int, default=1, help="that train together (on the CPU only)")
    parser.add_argument("--compile", action="store_true", help="compiles the blocks (needs a C++ compiler)")
    options = parser.parse_args()
    if options.processes > 1 and options.device != "cpu":
        parser.error("--processes is for the CPU")
    state = config.State(options.state)
    state.train.mkdir(parents=True, exist_ok=True)
    meeting_place = state.root / "train.meeting"
    meeting_place.unlink(missing_ok=True)
    pid = state.root / "train.pid"
    pid.write_text(f"{os.getpid()}\n")
    spawn = multiprocessing.get_context("spawn")
    for rank in range(1, options.processes):
        spawn.Process(target=work, args=(options, rank, meeting_place), daemon=True).start()
    try:
        work(options, 0, meeting_place)
    finally:
        pid.unlink(missing_ok=True)
        meeting_place.unlink(missing_ok=True)


def work(options: argparse.Namespace, rank: int, meeting_place: Path) -> None:
    torch.set_num_threads(options.threads or (2 if options.processes == 1 else 1))
    Trainer(options, Team(rank, options.processes, meeting_place)).run()


if __name__ == "__main__":
    main()
