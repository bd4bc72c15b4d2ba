"""Draws clips of the world: raw frames for the autoencoder, latents for the transformer.

    render.py clips   --state DIR --count 3000     DIR/clips: uint8 frames
    render.py latents --state DIR --count 12800    DIR/latents: shards of encoded clips (skips those already there)
    render.py latents --state DIR --count 400 --validation
    render.py measure --state DIR                  writes the latents' scale into DIR/vae
"""
from __future__ import annotations

import argparse
import json
import time
from multiprocessing import Pool

import numpy as np
import torch
from diffusers import AutoencoderKLCogVideoX

import config
import world
from files import write_atomically
from latents import Latents, write_shard

SHARD = 200  # clips
BATCH = 4  # clips that the autoencoder takes at a time


def draw(seed: int) -> tuple[np.ndarray, dict]:
    """-> frames uint8 [frames, height, width, 3], what they show"""
    clip = world.sample_clip(seed)
    frames, boxes = world.render(clip)
    return frames, {"seed": seed, **world.describe(clip, boxes, seed)}


def frames_of(seed: int) -> np.ndarray:
    return draw(seed)[0]


def to_video(frames: np.ndarray, device: str = "cpu") -> torch.Tensor:
    """uint8 [clips, frames, height, width, 3] -> fp32 [clips, 3, frames, height, width] in -1..1"""
    return torch.from_numpy(frames).to(device).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def render_clips(state: config.State, count: int, processes: int) -> None:
    shape = (count, config.FRAMES, config.HEIGHT, config.WIDTH, 3)

    def save(part) -> None:
        array = np.lib.format.open_memmap(part, "w+", np.uint8, shape)
        with Pool(processes) as pool:
            for k, frames in enumerate(pool.imap(frames_of, range(count), chunksize=16)):
                array[k] = frames
        array.flush()

    write_atomically(state.clips / "frames.npy", save)


def render_latents(state: config.State, count: int, validation: bool, device: str, processes: int) -> None:
    folder, first = (state.validation, config.VALIDATION_SEEDS) if validation else (state.latents, 0)
    vae = AutoencoderKLCogVideoX.from_pretrained(state.vae).to(device, torch.float32).eval()
    started = time.monotonic()
    with Pool(processes) as pool, torch.inference_mode():
        for shard in range((count + SHARD - 1) // SHARD):
            if (folder / f"{shard:06d}.json").exists():
                continue
            seeds = range(first + shard * SHARD, first + min(count, (shard + 1) * SHARD))
            records, encoded, waiting = [], [], []
            for frames, record in pool.imap(draw, seeds, chunksize=8):
                records.append(record)
                waiting.append(frames)
                if len(waiting) == BATCH or len(records) == len(seeds):
                    with torch.autocast(device, torch.bfloat16):
                        mean = vae.encode(to_video(np.stack(waiting), device)).latent_dist.mean
                    encoded.append(mean.float().cpu().numpy())
                    waiting = []
            write_shard(folder, shard, np.concatenate(encoded), records)
            print(f"{time.monotonic() - started:.0f} s: {shard * SHARD + len(seeds)} clips", flush=True)


def measure(state: config.State) -> None:
    """The scale that gives the latents a standard deviation of one."""
    latents = Latents(state.latents)
    sample = latents.take(np.arange(min(2000, len(latents))))
    path = state.vae / "config.json"
    settings = json.loads(path.read_text())
    settings["scaling_factor"] = round(1 / float(sample.std()), 4)
    path.write_text(json.dumps(settings, indent=2) + "\n")
    print("scaling_factor", settings["scaling_factor"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["clips", "latents", "measure"])
    parser.add_argument("--state", required=True, help="folder for everything that is made, outside the repository")
    parser.add_argument("--count", type=int, default=12_800, help="clips")
    parser.add_argument("--validation", action="store_true", help="clips of seeds that no training sees")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the autoencoder on the CPU")
    parser.add_argument("--processes", type=int, default=1, help="that draw")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    state = config.State(options.state)
    if options.what == "clips":
        render_clips(state, options.count, options.processes)
    elif options.what == "latents":
        render_latents(state, options.count, options.validation, options.device, options.processes)
    else:
        measure(state)


if __name__ == "__main__":
    main()
