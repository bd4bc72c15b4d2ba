"""What must hold of the scorers' tools whatever is changed. Needs requirements.txt and ffmpeg; no state; about a minute.

    python tools/playset/test_scorers.py
"""
from __future__ import annotations

import fcntl
import json
import random
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
from transformers import CLIPImageProcessor, CLIPTokenizerFast

sys.path.insert(0, str(Path(__file__).parent))

import check_scorers
import config
import scorer_clip
import scorer_data
import scorer_measure
import scorer_viclip
import scorer_viclip_train
import scorer_words
import scorer_yolov5
import scorer_yolov5_train
import world
from scorer_train import Trainer
from scorer_words import NO, UNSURE, YES

_SHIPPED = Path(__file__).parents[2] / "models" / "playset"


def standing(kind: str, colour: str, motion: str = "standing", x: float = 0.5) -> world.Actor:
    return world.Actor(kind, colour, [world.Act(motion, x, x, 1)], 0.7, 0.0)


class Words(unittest.TestCase):
    def test_what_is_said_of_a_clip_is_true_of_it(self) -> None:
        rng = random.Random(1)
        for seed in range(2000):
            clip = scorer_data.sample_clip(seed)
            said = scorer_words.sentence(clip, rng)
            self.assertEqual(said.true_of(clip, [True] * len(clip.actors)), YES, said.text)
            self.assertNotEqual(said.true_of(clip, [False] * len(clip.actors)), NO, said.text)

    def test_what_is_altered_is_mostly_false(self) -> None:
        rng, wrong = random.Random(2), 0
        for seed in range(1000):
            clip = scorer_data.sample_clip(seed)
            wrong += scorer_words.altered(clip, rng).true_of(clip, [True] * len(clip.actors)) == NO
        self.assertGreater(wrong, 500)

    def test_answers(self) -> None:
        clip = world.Clip("moon", [standing("witch", "red", "bowing"), standing("cat", "blue", "sitting")])
        for motion, noun, seen, truth in (("bowing", "person", [True, True], YES), ("sitting", "person", [True, True], NO), ("bowing", "person", [False, True], UNSURE),
                                          ("sitting", "cat", [True, True], YES), ("sitting", "animal", [True, False], UNSURE), ("bowing", "king", [True, True], NO)):
            self.assertEqual(scorer_words.query(motion, noun).true_of(clip, seen), truth, (motion, noun))
        someone = scorer_words.query("bowing").claims[0]
        self.assertEqual(scorer_words.Sentence("two are bowing", (someone, someone)).true_of(clip, [True, True]), NO)
        self.assertEqual(scorer_words.Sentence("the cave", (), "cave").true_of(clip, [True, True]), NO)
        self.assertEqual(scorer_words.Sentence("an empty moon", (), "moon", True).true_of(clip, [True, True]), NO)
        self.assertEqual(scorer_words.Sentence("an empty moon", (), "moon", True).true_of(world.Clip("moon"), []), YES)

    def test_every_motion_is_learnt_and_asked_for(self) -> None:
        seen = {actor.acts[0].motion for seed in range(400) for actor in scorer_data.sample_clip(seed).actors}
        self.assertEqual(seen, {motion for motions in scorer_words.MOTIONS.values() for motion in motions})
        self.assertEqual([query.text for query in scorer_words.queries()][-4:], [f"the person is {motion}" for motion in world.UNSEEN_MOTIONS])

    def test_merges_by_hand(self) -> None:
        self.assertEqual(scorer_words.learn_merges(["ab ab abc"], 3), [("a", "b</w>"), ("a", "b"), ("ab", "c</w>")])

    def test_the_tokenizer_is_transformers(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            scorer_words.write_tokenizer(Path(folder), scorer_words.learn_merges(["the person is bowing"] * 3))
            tokenizer = CLIPTokenizerFast.from_pretrained(folder)
            self.assertEqual(tokenizer.tokenize("The PERSON is bowing"), ["the</w>", "person</w>", "is</w>", "bowing</w>"])
            self.assertEqual(tokenizer.decode(tokenizer("a Zoë, 42!").input_ids, skip_special_tokens=True), "a zoë , 4 2 !")
            self.assertEqual(tokenizer.eos_token_id, len(tokenizer) - 1)  # the highest: towers look for it
            self.assertEqual(len(tokenizer("bowing " * 90, truncation=True).input_ids), scorer_words.CONTEXT)


class Data(unittest.TestCase):
    def test_shards_are_drawn_once_and_read_back(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            scorer_data.render_shards(folder, 77, 6, 1)
            before = (folder / "0000.npy").stat().st_mtime_ns
            scorer_data.render_shards(folder, 77, 6, 1)
            self.assertEqual((folder / "0000.npy").stat().st_mtime_ns, before)
            clips, same = scorer_data.Clips(folder), 0
            self.assertEqual(len(clips), 6)
            for k, (frames, boxes, clip) in enumerate(zip(clips.frames, clips.boxes, clips.clips)):
                self.assertEqual(clip, scorer_data.sample_clip(77 + k))
                drawn, exact = world.render(clip)
                np.testing.assert_allclose(boxes, exact, atol=1e-4)
                same += bool((frames == drawn).all())
                self.assertLess(np.abs(frames.astype(int) - drawn).mean(), 12)
            self.assertTrue(0 < same < 6, same)

    def test_what_a_window_shows(self) -> None:
        boxes = np.array([[[0.0, 0.2, 0.1, 0.8], [0.4, 0.2, 0.6, 0.8]]] * 2, np.float32)
        self.assertEqual(scorer_data.seen_well(boxes, (24, 0, 96)), [False, True])
        self.assertEqual(scorer_data.seen_well(boxes, (0, 0, 60)), [True, False])
        kept = scorer_data.patches_to_see(boxes[:, 1:], (24, 0, 96), False, 8, 20, np.random.default_rng(0))
        inside = {row * 8 + column for row in range(1, 7) for column in range(2, 6)}
        self.assertGreater(min(len(inside & set(frame)) for frame in kept.tolist()), 12)
        left = np.array([[[1 / 6, 0.0, 0.2, 1.0]]], np.float32)  # the first column of patches, the last one in a mirror
        for flip, column in ((False, 0), (True, 7)):
            kept = scorer_data.patches_to_see(left, (24, 0, 96), flip, 8, 8, np.random.default_rng(3))[0]
            self.assertGreaterEqual(sum(patch % 8 == column for patch in kept), 6)

    def test_windows_lie_in_the_picture_and_often_about_somebody(self) -> None:
        boxes = np.array([[[0.05, 0.4, 0.25, 0.9]]] * 4, np.float32)  # far from the middle
        rng, shown = np.random.default_rng(1), 0
        for _ in range(300):
            left, top, side = window = scorer_data.choose_window(boxes, rng)
            self.assertTrue(0 <= left <= config.WIDTH - side and 0 <= top <= config.HEIGHT - side, window)
            shown += scorer_data.seen_well(boxes, window)[0]
            scorer_data.choose_window(boxes[:, :0], rng)  # an empty stage
        self.assertGreater(shown, 130)

    def test_frames_are_in_order_and_spread(self) -> None:
        rng = np.random.default_rng(5)
        for _ in range(200):
            chosen = scorer_data.choose_frames(8, rng)
            self.assertTrue((np.diff(chosen) >= 0).all() and chosen[0] >= 0 and chosen[-1] < config.FRAMES, chosen)
            self.assertGreaterEqual(chosen[-1] - chosen[0], 8)


class Towers(unittest.TestCase):
    def setUp(self) -> None:
        torch.manual_seed(0)
        vocabulary = {str(k): k for k in range(50)} | {scorer_words.START: 50, scorer_words.END: 51}
        self.clip = scorer_clip.new_model(vocabulary).eval()

    def test_all_patches_are_the_stock_model(self) -> None:
        pictures = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            stock = self.clip.get_image_features(pixel_values=pictures)
            ours = scorer_clip.image_features(self.clip, pictures, torch.arange(64).expand(2, -1))
            some = scorer_clip.image_features(self.clip, pictures, torch.arange(20).expand(2, -1))
        torch.testing.assert_close(ours, stock, rtol=1e-4, atol=1e-5)
        self.assertGreater((some - stock).abs().max().item(), 1e-3)

    def test_preprocessing_is_the_reference(self) -> None:
        frames = np.random.default_rng(0).integers(0, 256, (3, 96, 145, 3), np.uint8)
        stock = CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64})
        theirs = torch.from_numpy(np.stack(stock(list(frames)).pixel_values))
        torch.testing.assert_close(scorer_clip.preprocessed(frames), theirs, rtol=0, atol=1e-5)

    def test_uniform_frames(self) -> None:
        self.assertEqual(scorer_clip.uniform_frames(48), [2, 8, 14, 20, 26, 32, 38, 44])
        self.assertEqual(scorer_clip.uniform_frames(8), list(range(8)))
        self.assertEqual(scorer_clip.uniform_frames(3), [0, 0, 0, 0, 0, 1, 1, 2])

    def test_viclip_begins_as_clip(self) -> None:
        net = scorer_viclip_train.from_clip(self.clip).eval()
        tokens = torch.tensor([[50, 3, 4, 51, 51], [50, 7, 51, 0, 0]])
        picture = torch.randn(1, 3, 64, 64)
        with torch.no_grad():
            net.vision_encoder.temporal_positional_embedding = nn.Parameter(torch.zeros(1, 1, 128))
            torch.testing.assert_close(net.vision_encoder(picture[:, None]), self.clip.get_image_features(pixel_values=picture), rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(net.text_encoder(tokens), self.clip.get_text_features(input_ids=tokens), rtol=1e-4, atol=1e-5)

    def test_viclip_step_by_step(self) -> None:
        """InternVideo's order of things, spelt out for one clip."""
        encoder = scorer_viclip_train.from_clip(self.clip).vision_encoder.eval()
        nn.init.normal_(encoder.temporal_positional_embedding)
        video = torch.randn(1, 8, 3, 64, 64)
        with torch.no_grad():
            rows = []
            for patch in range(64):  # patch by patch, and within a patch frame by frame
                y, x = divmod(patch, 8)
                for frame in range(8):
                    cut = video[0, frame, :, y * 8: y * 8 + 8, x * 8: x * 8 + 8]
                    token = (encoder.conv1.weight[:, :, 0] * cut).sum((1, 2, 3)) + encoder.positional_embedding[1 + patch]
                    rows.append(token + encoder.temporal_positional_embedding[0, frame])
            tokens = torch.stack([encoder.class_embedding + encoder.positional_embedding[0], *rows])[:, None]
            x = encoder.ln_pre(tokens)
            for block in encoder.transformer.resblocks:
                attention = nn.MultiheadAttention(128, 4)
                attention.load_state_dict(block.attn.state_dict())
                h = block.ln_1(x)
                x = x + attention(h, h, h, need_weights=False)[0]
                h = block.mlp["c_fc"](block.ln_2(x))
                x = x + block.mlp["c_proj"](h * torch.sigmoid(1.702 * h))
            expected = encoder.ln_post(x[0]) @ encoder.proj
            torch.testing.assert_close(encoder(video), expected, rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(encoder(video, torch.arange(512)[None]), expected, rtol=1e-4, atol=1e-4)

    def test_the_loss_counts_what_is_known(self) -> None:
        cosines, truth = torch.tensor([[0.9, 0.1, 0.9, 0.9], [0.9, 0.1, 0.1, 0.1]]), torch.tensor([[YES, NO, UNSURE, YES], [YES, NO, NO, UNSURE]])
        loss, notes = scorer_clip.answer_loss(cosines, truth, 2)
        yes, no = np.log1p(np.exp(-9.6)), np.log1p(np.exp(-3.2))
        self.assertAlmostEqual(loss.item(), (2 * yes + 2 * no) / 2 + yes + no, places=5)
        self.assertEqual(set(notes.values()), {1.0})
        self.assertGreater(scorer_clip.answer_loss(-cosines, truth, 2)[0].item(), 20)


class Detector(unittest.TestCase):
    def test_sizes_are_the_published_ones(self) -> None:
        for depth, width, parameters in ((0.33, 0.25, 1_872_157), (0.33, 0.5, 7_235_389), (0.67, 0.75, 21_190_557)):
            net = scorer_yolov5.YOLOv5(depth, width, 80)
            self.assertEqual(sum(p.numel() for p in net.parameters()), parameters)
        names = net.state_dict().keys()
        self.assertTrue({"model.0.conv.weight", "model.0.bn.running_mean", "model.2.m.0.cv1.conv.weight", "model.9.cv2.bn.bias",
                         "model.23.cv3.conv.weight", "model.24.m.2.bias", "model.24.anchors"} <= names)
        self.assertFalse([name for name in names if ".11." in name[:10] or ".12." in name[:10]])

    def test_letterbox(self) -> None:
        canvas, gain, left, top = scorer_yolov5.letterbox(np.zeros((96, 144, 3), np.uint8))
        self.assertEqual((canvas.shape, round(gain, 3), left, top), ((128, 160, 3), 1.111, 0, 10))
        self.assertTrue((canvas[:10] == 114).all() and (canvas[-11:] == 114).all() and (canvas[10:-11] == 0).all())
        self.assertEqual(scorer_yolov5.letterbox(np.zeros((96, 64, 3), np.uint8), square=True)[0].shape, (160, 160, 3))

    def test_what_the_loss_asks_for_is_what_is_decoded(self) -> None:
        """Logits that answer the loss perfectly give the boxes back, and next to no loss."""
        targets = torch.tensor([[0, 50.0, 70.0, 30.0, 60.0], [0, 120.0, 80.0, 60.0, 40.0], [1, 24.0, 100.0, 14.0, 30.0]])
        maps = []
        for anchors, stride in zip(torch.tensor(scorer_yolov5.ANCHORS).float(), scorer_yolov5.STRIDES):
            side = 160 // stride
            logits = torch.full((2, 3, side, side, 6), -12.0)
            picture, anchor, row, column, box = scorer_yolov5_train.matches(targets, anchors / stride, stride, side, side)
            inverse = lambda y: torch.logit(y, 1e-6)  # noqa: E731
            logits[picture, anchor, row, column, :2] = inverse((box[:, :2] - torch.stack([column, row], 1) + 0.5) / 2)
            logits[picture, anchor, row, column, 2:4] = inverse((box[:, 2:] / (anchors / stride)[anchor]).sqrt() / 2)
            logits[picture, anchor, row, column, 4:] = 12.0
            maps.append(logits)
        loss, _ = scorer_yolov5_train.detection_loss(maps, targets)
        self.assertLess(loss.item(), 0.02)
        decoded = scorer_yolov5.decode(maps, scorer_yolov5.YOLOv5().model[24].anchors).numpy()
        for picture, count in ((0, 2), (1, 1)):
            found = scorer_yolov5.suppress(decoded[picture], 0.25, 0.45)
            self.assertEqual(len(found), count)
            for _, x, y, w, h in targets[targets[:, 0] == picture].tolist():
                self.assertLess(np.abs(found[:, :4] - [x - w / 2, y - h / 2, x + w / 2, y + h / 2]).max(1).min(), 0.1)

    def test_ciou_by_hand(self) -> None:
        one = torch.tensor([[5.0, 5.0, 10.0, 10.0]])
        self.assertAlmostEqual(scorer_yolov5_train.complete_overlap(one, one).item(), 1.0, places=4)
        beside = torch.tensor([[15.0, 5.0, 10.0, 10.0]])  # they touch: overlap 0, distance 10 on a diagonal of sqrt(500)
        self.assertAlmostEqual(scorer_yolov5_train.complete_overlap(one, beside).item(), -0.2, places=4)

    def test_examples_hold_the_characters(self) -> None:
        clip = world.Clip("cave", [standing("robot", "white")], 1)
        frames, boxes = world.render(clip, 2)
        rng = np.random.default_rng(0)
        for _ in range(60):
            picture, found = scorer_yolov5_train.example(frames[0], boxes[0], rng)
            self.assertEqual(picture.shape, (160, 160, 3))
            for x, y, w, h in found:
                inside = picture[int(y - h / 2): int(y + h / 2) + 1, int(x - w / 2): int(x + w / 2) + 1]
                self.assertGreater(inside.max(), 150)  # the cave is dark
            if not len(found):
                self.assertLess((picture.min(2) > 150).mean(), 0.01)


class Training(unittest.TestCase):
    def test_a_stopped_training_goes_on_as_if_it_had_not(self) -> None:
        def trainer(folder: str) -> Trainer:
            torch.manual_seed(1)
            net = nn.Sequential(nn.Linear(12, 16), nn.BatchNorm1d(16), nn.Linear(16, 12))
            return Trainer(Path(folder), net, 1e-2, 20, lambda rng: (net(torch.from_numpy(rng.normal(size=(8, 12))).float()).square().mean(), {}), ())

        with tempfile.TemporaryDirectory() as folder:
            first = trainer(folder)
            for _ in range(3):
                first.train_step()
            first.save()
            for _ in range(4):
                first.train_step()
            second = trainer(folder)
            self.assertEqual(second.step, 3)
            for _ in range(4):
                second.train_step()
            for a, b in zip(first.average.values, second.average.values, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=0)
            self.assertEqual(first.notes, second.notes)
            second.use_average()
            torch.testing.assert_close(second.net[1].running_mean, first.average.values[-2], rtol=0, atol=0)

    def test_one_process_trains_and_the_next_goes_on_from_there(self) -> None:
        def trainer(steps: int) -> Trainer:
            net = nn.Linear(12, 16)
            return Trainer(Path(folder), net, 1e-2, steps, lambda rng: (net(torch.from_numpy(rng.normal(size=(8, 12))).float()).square().mean(), {}), ())

        with tempfile.TemporaryDirectory() as folder:
            early, late = trainer(5), trainer(3)
            with open(Path(folder) / "lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self.assertRaises(SystemExit):
                    early.run()
            self.assertEqual(early.step, 0)
            late.run()
            early.run()  # made before the other trained, and yet it does not begin anew
            self.assertEqual((late.step, early.step, early.average.steps), (3, 5, 5))

    def test_the_learning_rate_ends_at_nothing(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(Path(folder), nn.Linear(12, 16), 0.5, 1000, lambda rng: (torch.zeros(()), {}), ())
            rates = []
            for trainer.step in (0, 99, 500, 825, 1000):
                rates.append(round(trainer.learning_rate(), 4))
            self.assertEqual(rates, [0.005, 0.5, 0.5, 0.25, 0.0])


class Measuring(unittest.TestCase):
    def test_a_threshold_between_good_and_bad(self) -> None:
        scores = np.array([[0.9, 0.2], [0.8, 0.1], [0.3, 0.7], [0.99, 0.99]])
        truth = np.array([[YES, NO], [YES, NO], [NO, YES], [UNSURE, UNSURE]])
        self.assertEqual(scorer_measure.best_threshold(scores, truth), 0.5)

    def test_average_precision_by_hand(self) -> None:
        self.assertAlmostEqual(scorer_measure.average_precision(np.array([4.0, 3, 2, 1]), np.array([True, False, True, False])), (1 + 2 / 3) / 2)


class Library(unittest.TestCase):
    def test_bm25_by_hand(self) -> None:
        ranked = check_scorers.bm25("person bowing", ["a person is bowing", "the forest", "A person, a Person"])
        self.assertEqual([row for row, _ in ranked], [0, 2])
        average = 10 / 3
        length = 1.2 * (0.25 + 0.75 * 4 / average)
        expected = np.log(1 + 1.5 / 2.5) / (1 + length) + np.log(1 + 2.5 / 1.5) / (1 + length)
        self.assertAlmostEqual(ranked[0][1], expected)

    def test_spans_bridge_short_gaps(self) -> None:
        there = lambda text: [letter == "x" for letter in text]  # noqa: E731
        for text, span in (("xxxxxxxxxx", (0, 10)), ("xx...xxxxx", (0, 10)), ("xx....xxxx", (6, 10)), ("..xxxxxxx.", (0, 10)),
                           ("....xxxxxx", (4, 10)), ("..........", (0, 0)), ("xxxx....xx", (0, 4))):
            self.assertEqual(check_scorers.longest_span(there(text)), span, text)

    def test_groups_are_what_the_catalogue_shows(self) -> None:
        rows = [json.loads(line) for line in (_SHIPPED / "library" / "catalogue.jsonl").read_text().splitlines()]
        self.assertEqual(sorted(row["id"] for row in rows), [f"{k:04d}" for k in range(168)])
        for row in rows:
            motion, group = check_scorers.group_of(row["id"])
            self.assertIn(motion, row["caption"])
            self.assertEqual(row["end"] < 2, group == "short", row)
            self.assertEqual("people like" in row["caption"], group == "empty", row)
            self.assertEqual("somebody watches" in row["caption"], group == "two people", row)
            if int(row["id"]) % 7 == 0 or group == "portrait":
                frames, rate = check_scorers.read_video(_SHIPPED / "library" / row["path"])
                self.assertEqual((len(frames), rate), (round(24 * row["end"]), 24))
                self.assertEqual(frames.shape[2] < frames.shape[1], group == "portrait", row)


@unittest.skipUnless((_SHIPPED / "yolov5").exists() and (_SHIPPED / "viclip").exists(), "the scorers are not there")
class Shipped(unittest.TestCase):
    def test_they_know_a_bow(self) -> None:
        """A smoke test of the weights: `scorers.py measure` and `check_scorers.py` say how good they are."""
        scorers, detector = scorer_measure.Scorers.load(_SHIPPED), scorer_yolov5.load(_SHIPPED / "yolov5")
        texts = scorers.texts(["the person is bowing", "the person is sitting"])
        *_, threshold = scorer_measure.read_thresholds(_SHIPPED)
        frames, boxes = world.render(world.Clip("garden", [standing("king", "red", "bowing")], 5), 48)
        bow, sit = scorers.scores(frames, texts).mean(0)
        self.assertGreater(bow, threshold)
        self.assertLess(sit, threshold)
        for found, box in zip(scorer_yolov5.detect(detector, frames), boxes[:, 0] * ([config.WIDTH, config.HEIGHT] * 2)):
            self.assertGreater(scorer_yolov5.overlaps(box, found[:1])[0], 0.5)
        self.assertFalse(any(len(found) for found in scorer_yolov5.detect(detector, world.render(world.Clip("garden", [], 5), 1)[0])))

    def test_files_are_small_and_say_nothing_of_where_they_were_made(self) -> None:
        files = [path for part in ("clip", "viclip", "yolov5") for path in (_SHIPPED / part).iterdir()]
        self.assertLess(sum(path.stat().st_size for path in files), 6_500_000)
        for path in files:
            if path.suffix != ".safetensors":
                self.assertNotIn("_name_or_path", path.read_text())


if __name__ == "__main__":
    unittest.main()
