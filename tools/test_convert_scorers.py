#!/usr/bin/env python3
"""Tests of convert_scorers.py on checkpoints made here: `python tools/test_convert_scorers.py` (torch, safetensors)."""

import json
import os
import subprocess
import sys
import tempfile
import types
import unittest
from pathlib import Path

import torch
from safetensors.torch import load_file

TOOLS = Path(__file__).resolve().parent
SCORERS = TOOLS.parent / "tests/golden/scorers"
sys.path.insert(0, str(TOOLS / "golden"))
import scorer_modules  # noqa: E402


def run(*arguments):
    return subprocess.run([sys.executable, TOOLS / "convert_scorers.py", *arguments], capture_output=True, text=True)


def weights(name):
    return {key: value.float() if value.is_floating_point() else value for key, value in load_file(SCORERS / name / "model.safetensors").items()}


class Touch:
    """What a hostile pickle does."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


class ConvertScorers(unittest.TestCase):
    def setUp(self):
        self._temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self._temporary.cleanup)
        self.folder = Path(self._temporary.name)

    def save_yolo(self):
        """Saved with classes of modules that the converter cannot import, as ultralytics' are."""
        config = json.loads((SCORERS / "yolov5/config.json").read_text())
        model = scorer_modules.PlainYolo(config)
        model.load_state_dict(weights("yolov5"))
        model.yaml = {key: config[key] for key in ("depth_multiple", "width_multiple")}
        model.names = {0: "cat", 1: "person", 2: "dog"}
        elsewhere = sys.modules["models"] = sys.modules["models.yolo"] = types.ModuleType("models.yolo")
        for name in ("PlainYolo", "Conv", "C3", "Bottleneck", "Sppf", "Join", "Head"):
            cls = getattr(scorer_modules, name)
            cls.__module__ = "models.yolo"
            setattr(elsewhere, name, cls)
        torch.save({"model": model.half(), "ema": None, "extra": types.SimpleNamespace(a=1)}, self.folder / "y.pt")
        return config

    def test_yolov5_is_read_without_its_classes(self):
        config = self.save_yolo()
        result = run("yolov5", self.folder / "y.pt", self.folder / "out", "--image-size", "64")
        self.assertEqual(result.returncode, 0, result.stderr)
        written = json.loads((self.folder / "out/config.json").read_text())
        for key in ("anchors", "depth_multiple", "width_multiple", "nc", "image_size"):
            self.assertEqual(written[key], config[key], key)
        self.assertEqual((written["names"], written["person_class"]), (["cat", "person", "dog"], 1))
        ours = load_file(self.folder / "out/model.safetensors")
        for name, value in weights("yolov5").items():
            self.assertTrue(torch.equal(ours[name].float(), value.float()), name)

    def test_nothing_in_a_pickle_is_run(self):
        touched = self.folder / "touched"
        for kind, content in (("yolov5", {"model": Touch(touched)}), ("viclip", Touch(touched)), ("clip", Touch(touched))):
            torch.save(content, self.folder / "bad.pt")
            more = [] if kind == "yolov5" else ["--bpe", self.folder / "none.txt"]
            self.assertNotEqual(run(kind, self.folder / "bad.pt", self.folder / "out", *more).returncode, 0)
            self.assertFalse(touched.exists(), kind)

    def bpe(self):
        """More merges than the vocabularies here need: those at the end do not count."""
        letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
        pairs = [f"{a} {b}" for a in letters for b in letters]
        (self.folder / "bpe.txt").write_text("#version: 0.2\n" + "\n".join(pairs) + "\n")
        return self.folder / "bpe.txt"

    def test_clip_and_viclip_keep_their_names(self):
        for kind, name in (("clip", "clip-openai-names"), ("viclip", "viclip-b")):
            tensors = weights(name)
            torch.save(tensors if kind == "clip" else {"model": {**tensors, "queue": torch.zeros(2)}}, self.folder / f"{kind}.pt")
            result = run(kind, self.folder / f"{kind}.pt", self.folder / kind, "--bpe", self.bpe())
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(load_file(self.folder / kind / "model.safetensors").keys(), tensors.keys())
            vocabulary = json.loads((self.folder / kind / "vocab.json").read_text())
            self.assertEqual(sorted(vocabulary.values()), list(range(1015)))
            self.assertEqual(vocabulary["<|endoftext|>"], 1014)
            self.assertEqual(len((self.folder / kind / "merges.txt").read_text().splitlines()), 1 + 1015 - 514)
            original = json.loads((SCORERS / name / "config.json").read_text())
            written = json.loads((self.folder / kind / "config.json").read_text())
            part = "vision_config" if kind == "clip" else "vision"
            for key, value in original[part].items():
                if "heads" not in key:  # published heads are 64 wide, these small ones are not
                    self.assertEqual(written[part][key], value, key)

    def test_a_folder_that_is_there_is_not_overwritten(self):
        self.save_yolo()
        self.assertEqual(run("yolov5", self.folder / "y.pt", self.folder / "out").returncode, 0)
        self.assertIn("is there already", run("yolov5", self.folder / "y.pt", self.folder / "out").stderr)


if __name__ == "__main__":
    unittest.main()
