"""What must hold whatever is changed here. Needs requirements.txt, no weights and no state; takes about a minute.

    python tools/playset/test_playset.py
"""
from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from diffusers import CogVideoXTransformer3DModel

sys.path.insert(0, str(Path(__file__).parent))

import classifiers
import config
import films
import judge
import regions
import render
import samples
import scenery
import tokenizer
import vae
import world
from latents import Latents, write_shard
from train_transformer import Team, Trainer

_SHIPPED = Path(__file__).parents[2] / "models" / "playset"


def small_transformer() -> CogVideoXTransformer3DModel:
    torch.manual_seed(0)
    return CogVideoXTransformer3DModel(**{**config.TRANSFORMER, "num_layers": 2, "num_attention_heads": 2}).eval()


class World(unittest.TestCase):
    def test_one_seed_is_one_clip(self) -> None:
        first, second = (world.render(world.sample_clip(11))[0] for _ in range(2))
        np.testing.assert_array_equal(first, second)
        self.assertTrue((first != world.render(world.sample_clip(12))[0]).any())

    def test_training_never_sees_what_priors_are_learnt_for(self) -> None:
        for seed in range(3000):
            for actor in world.sample_clip(seed).actors:
                self.assertIsNone(actor.look)
                self.assertEqual(actor.token, "")
                for act in actor.acts:
                    self.assertNotIn(act.motion, world.UNSEEN_MOTIONS)
                    self.assertIn(act.motion, world.MOTIONS[world.FAMILY_OF[actor.kind]])

    def test_clips_have_one_to_six_conditions_and_some_of_each(self) -> None:
        counts = {1 + sum(len(actor.acts) for actor in world.sample_clip(seed).actors) for seed in range(1000)}
        self.assertEqual(counts, {1, 2, 3, 4, 5, 6})

    def test_words_and_boxes_leave_no_doubt_which_way_somebody_faces(self) -> None:
        for seed in range(500):
            for actor in world.sample_clip(seed).actors:
                before = 1
                for act in actor.acts:  # where it goes, else as before
                    self.assertEqual(act.facing, np.sign(act.x1 - act.x0) or before)
                    before = act.facing
        for phase in np.arange(0, 2 * np.pi, 0.5):  # the first picture of a turn shows the beak of a bird on the right
            frames, boxes = world.render(world.Clip("moon", [world.Actor("bird", "blue", [world.Act("spinning", 0.5, 0.5, 1)], 0.8, phase)]))
            beak = (np.abs(frames[0].astype(int) - [240, 160, 60]).max(2) < 60).nonzero()[1]
            if boxes[0, 0, 2] - boxes[0, 0, 0] > 0.08:  # not seen from the front
                self.assertGreater(beak.mean() / config.WIDTH, 0.5)

    def test_boxes_hold_the_characters_and_are_tight(self) -> None:
        for seed in range(40):
            clip = world.sample_clip(seed)
            clip.actors = clip.actors[:1]
            if not clip.actors:
                continue
            frames, boxes = world.render(clip)
            empty = world.render(world.Clip(clip.background, [], clip.seed), 1)[0][0]
            for frame, box in zip(frames, boxes[:, 0]):
                rows, columns = (np.abs(frame.astype(int) - empty).max(2) > 12).nonzero()
                if clip.background in scenery.UNDER_WATER or len(rows) < 20:
                    continue
                left, top, right, bottom = box * ([config.WIDTH, config.HEIGHT] * 2)
                self.assertGreaterEqual(columns.min(), int(left) - 1)
                self.assertLessEqual(columns.max(), right + 1)
                self.assertGreaterEqual(rows.min(), int(top) - 1)
                self.assertLessEqual(rows.max(), bottom + 1)

    def test_of_one_size_a_cat_has_the_pixels_for_its_ears(self) -> None:
        actors = [world.Actor(kind, "red", [world.Act("standing", 0.5, 0.5, 1)], 0.7, 0.0) for kind in ("witch", "cat")]
        witch, cat = (world.render(world.Clip("moon", [actor]), 1)[1][0, 0] for actor in actors)
        self.assertGreater(cat[3] - cat[1], 0.5 * (witch[3] - witch[1]))

    def test_a_box_is_there_exactly_while_the_act_is_on(self) -> None:
        actor = world.Actor("cat", "red", [world.Act("sitting", 0.4, 0.4, 1, 0, 0.375), world.Act("walking", 0.4, 0.7, 1, 0.375, 1)], 0.7, 0.0)
        clip = world.Clip("moon", [actor])
        first, second = world.describe(clip, world.render(clip)[1], 0)["conditions"]
        self.assertEqual([box is not None for box in first["boxes"]], [True] * 3 + [False] * 5)
        self.assertEqual([box is not None for box in second["boxes"]], [False] * 3 + [True] * 5)
        self.assertEqual(first["texts"][0], "a red cat is sitting")
        self.assertIn("a red cat is walking to the right", second["texts"])

    def test_captions_fit_the_text_encoder(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.train(Path(folder))
            from transformers import T5Tokenizer

            words = T5Tokenizer.from_pretrained(folder, legacy=True)
            for seed in range(1500):
                text = world.caption(world.sample_clip(seed), random.Random(seed))
                ids = words(text).input_ids
                self.assertNotIn(words.unk_token_id, ids, text)
                self.assertLessEqual(len(ids), config.TEXT_TOKENS, text)
            for motion in world.UNSEEN_MOTIONS:
                self.assertEqual(words.tokenize(motion), [f"▁{motion}"])
            self.assertEqual(words.tokenize("A RED Witch"), words.tokenize("a red witch"))


class Regions(unittest.TestCase):
    def test_a_single_text_is_the_stock_transformer(self) -> None:
        model = small_transformer()
        latents, text, steps = torch.randn(2, 16, 8, 12, 18), torch.randn(2, 32, 192), torch.tensor([3, 900])
        with torch.no_grad():
            stock = model(latents.transpose(1, 2), text, steps).sample.transpose(1, 2)
            ours = regions.to_latents(regions.Denoiser(model)(latents, text, steps))
        torch.testing.assert_close(ours, stock, rtol=1e-4, atol=1e-5)

    def test_tokens_and_latents_are_two_views(self) -> None:
        latents = torch.randn(2, 16, 8, 12, 18)
        torch.testing.assert_close(regions.to_latents(regions.to_tokens(latents)), latents, rtol=0, atol=0)

    def test_all_tokens_in_another_order_give_the_same(self) -> None:
        model = regions.Denoiser(small_transformer())
        latents, text, steps = torch.randn(1, 16, 8, 12, 18), torch.randn(1, 64, 192), torch.tensor([500])
        masks = torch.rand(1, 2, config.VISUAL_TOKENS) > 0.5
        order = torch.randperm(config.VISUAL_TOKENS)[None]
        with torch.no_grad():
            straight, mixed = model(latents, text, steps, masks), model(latents, text, steps, masks, order)
        torch.testing.assert_close(mixed, straight[:, order[0]], rtol=1e-4, atol=1e-5)

    def test_a_text_reaches_its_region_alone_in_one_block(self) -> None:
        torch.manual_seed(0)
        model = regions.Denoiser(CogVideoXTransformer3DModel(**{**config.TRANSFORMER, "num_layers": 1, "num_attention_heads": 2}).eval())
        masks = torch.zeros(1, 2, config.VISUAL_TOKENS, dtype=torch.bool)
        masks[0, 0, :100] = True
        masks[0, 1, 100:] = True
        latents, text, steps = torch.randn(1, 16, 8, 12, 18), torch.randn(1, 64, 192), torch.tensor([500])
        other = text.clone()
        other[:, :32] += 1
        with torch.no_grad():
            moved = (model(latents, text, steps, masks) - model(latents, other, steps, masks)).abs().amax((0, 2))
        self.assertGreater(moved[:100].min().item(), 1e-5)
        self.assertEqual(moved[100:].max().item(), 0.0)

    def test_attention_for_training_is_attention(self) -> None:
        q, k, v = (torch.randn(2, 6, 50, 32) for _ in range(3))
        mask = (torch.rand(2, 1, 50, 50) > 0.5) | torch.eye(50, dtype=torch.bool)
        for chosen in (None, mask):
            trained = regions._attend(q, k, v, chosen)
            with torch.no_grad():
                torch.testing.assert_close(trained, regions._attend(q, k, v, chosen), rtol=1e-4, atol=1e-5)

    def test_a_small_box_covers_one_token(self) -> None:
        self.assertEqual(regions.region_of([[0.51, 0.51, 0.52, 0.52], *[None] * 7]).sum(), 1)
        self.assertEqual(regions.region_of([[0.0, 0.0, 1.0, 1.0]] * 8).sum(), config.VISUAL_TOKENS)
        self.assertEqual(regions.region_of([[-0.2, 0.5, 0.5, 1.4], *[None] * 7]).sum(), 3 * 4)


class Samples(unittest.TestCase):
    def test_equal_texts_share_a_region_and_the_background_has_the_rest(self) -> None:
        left, right = [0.0, 0.0, 0.3, 1.0], [0.7, 0.0, 1.0, 1.0]
        record = {"backgrounds": ["moon"], "captions": [""],
                  "conditions": [{"texts": ["a red cat is sitting"], "boxes": [box] * 8} for box in (left, right)]}
        conditions = samples.regional(record, None)
        self.assertEqual(conditions.texts, ["a red cat is sitting", "moon"])
        self.assertTrue((conditions.regions.sum(0) == 1).all())
        torch.testing.assert_close(conditions.regions[0], conditions.inside)

    def test_clips_with_animals_are_drawn_more_often(self) -> None:
        records = [{"conditions": [{"texts": [text]} for text in texts]} for texts in (
            ["a red witch is waving"], ["a red witch is waving", "a blue cat is sitting"], ["a brown teddy bear is walking"], [])]
        np.testing.assert_allclose(samples.shares(records, 3.0), [1 / 6, 3 / 6, 1 / 6, 1 / 6])

    def test_timesteps_cover_the_range_and_favour_the_middle(self) -> None:
        steps = np.concatenate([samples.timesteps(16, np.random.default_rng(k)) for k in range(500)])
        self.assertGreaterEqual(steps.min(), 0)
        self.assertLessEqual(steps.max(), 999)
        self.assertAlmostEqual((steps < 400).mean(), 0.24, delta=0.02)
        self.assertAlmostEqual(((steps >= 400) & (steps < 950)).mean(), 0.73, delta=0.02)

    def test_thinned_batches_keep_the_characters_first(self) -> None:
        inside = torch.zeros(4, config.VISUAL_TOKENS, dtype=torch.bool)
        inside[:, :60] = True
        kept = samples.visible_tokens(inside, 208)
        self.assertEqual([len(set(row.tolist())) for row in kept], [208] * 4)
        self.assertGreater((kept < 60).sum(1).min().item(), 50)


ALONE = Team(0, 1, Path())


def _share(rank: int, meeting_place: Path, answers) -> None:
    team = Team(rank, 2, meeting_place)
    a, b = torch.nn.Parameter(torch.zeros(2, 3)), torch.nn.Parameter(torch.zeros(4))
    stops = []
    for asked in (False, rank == 1):
        a.grad, b.grad = torch.full((2, 3), 1.0 + 2 * rank), None if rank else torch.arange(4.0)
        stops.append(team.share([a, b], asked))
    answers.put((rank, stops, a.grad.tolist(), b.grad.tolist()))


class Training(unittest.TestCase):
    def options(self, folder: str, **changes: object) -> argparse.Namespace:
        values = {"state": folder, "start": None, "batch": 2, "lr": 1e-3, "average": 0.9, "inside_weight": 4.0, "animals": 2.0, "thin": 0.5, "keep": 100,
                  "until": None, "cooldown": 0, "minutes": None, "save_minutes": 60.0, "report": 1000, "seed": 3, "device": "cpu", "threads": 1,
                  "compile": False}
        return argparse.Namespace(**{**values, **changes})

    def test_a_stopped_training_goes_on_as_if_it_had_not(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            state = config.State(folder)
            tokenizer.train(state.tokenizer)
            state.vae.mkdir()
            (state.vae / "config.json").write_text('{"scaling_factor": 0.9}')
            records = []
            for seed in range(8):
                clip = world.sample_clip(seed)
                records.append(world.describe(clip, world.render(clip)[1], seed))
            write_shard(state.latents, 0, np.random.default_rng(0).standard_normal((8, 16, 8, 12, 18)), records)
            first = Trainer(self.options(folder), ALONE)
            for _ in range(3):
                first.train_step()
            first.save()
            for _ in range(2):
                first.train_step()
            second = Trainer(self.options(folder, seed=99), ALONE)
            self.assertEqual(second.step, 3)
            for _ in range(2):
                second.train_step()
            for a, b in zip(first.average.values, second.average.values, strict=True):
                torch.testing.assert_close(a, b, rtol=0, atol=0)
            self.assertEqual(first.losses, second.losses)

    def test_processes_share_gradients_and_stop_together(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        answers = spawn.Queue()
        with tempfile.TemporaryDirectory() as folder:
            processes = [spawn.Process(target=_share, args=(rank, Path(folder) / "meeting", answers), daemon=True) for rank in range(2)]
            for process in processes:
                process.start()
            said = sorted(answers.get(timeout=120) for _ in processes)
            for process in processes:
                process.join(60)
        mean = ([False, True], [[2.0] * 3] * 2, [0.0, 0.5, 1.0, 1.5])  # one asked in the second step, both stop
        self.assertEqual(said, [(0, *mean), (1, *mean)])

    def test_shards_that_are_added_are_seen(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            write_shard(path, 0, np.zeros((2, 16, 8, 12, 18)), [{"n": 0}, {"n": 1}])
            latents = Latents(path)
            write_shard(path, 1, np.ones((3, 16, 8, 12, 18)), [{"n": 2}, {"n": 3}, {"n": 4}])
            np.save(path / "000002.npy", np.zeros(1))  # no JSON yet: not a shard
            self.assertEqual(latents.refresh(), 5)
            self.assertEqual(latents.take(np.array([1, 4])).mean((1, 2, 3, 4)).tolist(), [0.0, 1.0])


class Judging(unittest.TestCase):
    def test_wilson_intervals(self) -> None:
        share, low, high = judge.wilson(90, 100)
        self.assertEqual(share, 0.9)
        self.assertAlmostEqual(low, 0.8256, places=3)
        self.assertAlmostEqual(high, 0.9448, places=3)
        self.assertEqual(judge.wilson(5, 5)[2], 1.0)

    def test_plans_are_of_unseen_combinations(self) -> None:
        seen = set().union(*(judge.combinations(world.sample_clip(seed)) for seed in range(500)))
        for clip in judge.unseen_clips(60, 0, 500):
            self.assertLessEqual(len(clip.actors), 2)
            self.assertFalse(judge.combinations(clip) & seen)

    def test_centres_and_owners_of_two_characters(self) -> None:
        clip = world.Clip("moon", [world.Actor("king", "red", [world.Act("standing", 0.25, 0.25, 1)], 0.7, 0.0),
                                   world.Actor("robot", "blue", [world.Act("standing", 0.75, 0.75, 1)], 0.7, 0.0)], 3)
        frames, boxes = world.render(clip)
        cells = classifiers.cells_of(frames, clip)
        planned = np.stack([np.repeat(films.plan_boxes(k, boxes), 2, 0) for k in range(2)])
        owners = judge._owners(planned)
        for k, x in enumerate((0.25, 0.75)):
            own = cells & (owners == k)
            self.assertGreater(own.sum((1, 2)).min(), 10)
            self.assertLess(np.abs(judge._centres(own, planned[k])[:, 0] - x).max(), 0.05)
            nobody = judge._centres(np.zeros_like(own), planned[k])
            np.testing.assert_allclose(nobody, (planned[k, :, :2] + planned[k, :, 2:]) / 2)

    def test_cuts_are_about_the_centre_also_at_the_edge(self) -> None:
        frames = np.zeros((2, config.HEIGHT, config.WIDTH, 3), np.uint8)
        frames[:, 20, 30] = 255
        cuts = classifiers.cut_out(frames, np.array([[30.5 / 143, 20.5 / 95], [0.0, 0.0]]))
        self.assertTrue((cuts[0, 40, 32] == 255).all())
        self.assertTrue((cuts[1, 60, 62] == 255).all())
        self.assertTrue((cuts[1, 0, 0] == 128).all())


class Autoencoder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = config.State(folder.name)
        shutil.copytree(_SHIPPED / "vae", self.state.vae)
        self.state.clips.mkdir()
        np.save(self.state.clips / "frames.npy", np.stack([render.frames_of(0)] * 2))

    def trainer(self, **changes) -> vae.Trainer:
        options = {"state": self.state.root, "decoder_only": False, "anchor": None, "lr": 1e-3, "device": "cpu", "seed": 0, "minutes": 1.0}
        return vae.Trainer(argparse.Namespace(**options | changes))

    def test_a_training_of_the_decoder_leaves_latents_as_they_are(self) -> None:
        trainer = self.trainer(decoder_only=True)
        before = {key: value.clone() for key, value in trainer.vae.state_dict().items()}
        trainer.train_step(1e-3)
        trainer.save(0.0)
        after = vae.AutoencoderKLCogVideoX.from_pretrained(self.state.vae).state_dict()
        changed = {key for key in before if not torch.equal(before[key], after[key])}
        self.assertTrue(changed and all(key.startswith("decoder.") for key in changed), changed)

    def test_an_anchor_holds_latents_and_is_not_trained(self) -> None:
        video = render.to_video(render.frames_of(0)[None, :8])
        weight, vae._ANCHOR_WEIGHT = vae._ANCHOR_WEIGHT, 50.0  # so that a few steps show it
        self.addCleanup(setattr, vae, "_ANCHOR_WEIGHT", weight)
        moved = {}
        for anchor in (None, _SHIPPED / "vae"):
            trainer = self.trainer(anchor=anchor)
            before = trainer.vae.encode(video).latent_dist.mean.detach()
            for _ in range(4):
                trainer.train_step(1e-3)
            moved[anchor is None] = (trainer.vae.encode(video).latent_dist.mean.detach() - before).pow(2).mean().item()
        self.assertLess(moved[False], 0.8 * moved[True])
        shipped = vae.AutoencoderKLCogVideoX.from_pretrained(_SHIPPED / "vae").encoder.state_dict()
        self.assertTrue(all(torch.equal(value.float(), trainer.anchor.state_dict()[key]) for key, value in shipped.items()))

    def test_crops_are_taken_where_something_moves(self) -> None:
        clips = np.zeros((1, config.FRAMES, config.HEIGHT, config.WIDTH, 3), np.uint8)
        clips[0, ::2, 60:90, 100:130] = 255  # blinks
        clips[0, 4::8, 60:90, 100:130] = 0
        moving = [vae.draw(clips, (1, 8, 48, 48), np.random.default_rng(seed)).std(axis=1).any() for seed in range(50)]
        self.assertGreater(sum(moving), 34)  # one place in three by chance, seven in eight for the best of five
        whole = vae.draw(clips, (2, 8, config.HEIGHT, config.WIDTH), np.random.default_rng(0))
        self.assertEqual(whole.shape, (2, 8, config.HEIGHT, config.WIDTH, 3))


class Shipped(unittest.TestCase):
    def test_the_folder_stays_small(self) -> None:
        """It travels with the program, and each commit of weights stays in the history."""
        sizes = {part.name: sum(file.stat().st_size for file in [part, *part.rglob("*")] if file.is_file() and "catalogue" not in file.parent.parts)
                 for part in _SHIPPED.iterdir()}
        video = sum(sizes[part] for part in ("tokenizer", "text_encoder", "transformer", "vae", "scheduler"))
        self.assertTrue(20_000_000 < video < 24_000_000, sizes)
        self.assertLess(sum(sizes.values()), 34_000_000, sizes)


if __name__ == "__main__":
    unittest.main()
