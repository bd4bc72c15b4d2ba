#!/usr/bin/env python3
"""Makes tests/golden/scorers: tiny CLIPs, ViCLIPs and YOLOv5s with random weights, and what the references give for them.

CLIP is transformers' CLIPModel. ViCLIP and YOLOv5 are the plain modules of scorer_modules.py, which have the layout and the
names of the originals and share no code with them or with the program. Pictures are resized by Pillow and OpenCV.
Needs transformers 4.57.1, Pillow and opencv-python. Run from anywhere: `python tools/golden/scorers.py`; `--check` makes
everything elsewhere and compares.

NAME/            a model's folder as the program reads it, and beside its files
NAME/golden.json         {"texts": [...]}
NAME/golden.safetensors  inputs and outputs by name: `text_embeds`, `ids` -> `ids_embeds`, `pixels` -> `pixels_embeds`,
                         FxHxW pictures of `picture` -> `FxHxW.pixels`, `FxHxW.embeds`; of YOLOv5 `images` -> `rows`, and
                         `FxHxW.boxes`, `.square`, `.persons` (frame, x0, y0, x1, y1, score, class)
resize.safetensors       pictures of `picture`, by the names "pillow-bicubic.HxW.HxW" and "letterbox-square.HxW.SIZE"
"""

import argparse
import copy
import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional
from transformers import CLIPConfig, CLIPModel, CLIPTokenizerFast

from case_file import FP32_TOLERANCE, compare_folders, relative_difference
from scorer_modules import PlainViClip, PlainYolo, fused_state

GOLDEN = Path(__file__).resolve().parents[2] / "tests/golden"
VOCABULARY = GOLDEN / "clip-tokenizer"
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TEXTS = ["the person is bowing", "", "two dancers, 3 chairs and a café's owner", "walking " * 60]
FRAME_SIZES = [(48, 37), (31, 90), (24, 24), (29, 24)]
GREY = 114


def picture(height, width, frames=1):
    """Pictures that C++ can draw too: a slope and pseudo-random noise. uint8 [frames, height, width, 3]."""
    f, y, x, c = np.meshgrid(*map(np.arange, (frames, height, width, 3)), indexing="ij")
    mixed = ((x * 73856093) ^ (y * 19349663) ^ (c * 83492791) ^ (f * 50331653)) * 2654435761 % 2**32
    return ((x * 5 + y * 3 + c * 50 + f * 20 + (mixed >> 26)) % 256).astype(np.uint8)


def randomise(module, draw, spread=1.0):
    """Weights that keep the signal's size, so that every one of them matters; norms and biases away from 1 and 0."""
    with torch.no_grad():
        for name, value in list(module.named_parameters()) + list(module.named_buffers()):
            if not value.is_floating_point() or name.endswith("anchors"):
                continue
            noise = torch.randn(value.shape, generator=draw)
            if name.endswith("running_var"):
                value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
            elif value.dim() < 2:
                # Batch normalisation with a bias of 1 keeps SiLU near its straight part: a deep network of random bends
                # would blow rounding up beyond every tolerance.
                value.copy_(0.2 * noise + (1.0 if name.endswith(("weight", "bn.bias")) else 0.0))
            else:
                value.copy_(noise * spread / math.sqrt(value[0].numel()))
            value.copy_(value.half())  # what is stored
    return module.eval()


def calibrate(model, images):
    """Lets batch normalisation see pictures: with statistics drawn at random the signal is gone after a dozen layers, and
    the boxes would come from the last bias alone."""
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()(images)
    model.eval()
    for norm in norms:
        norm.running_mean.copy_(norm.running_mean.half())
        norm.running_var.copy_(norm.running_var.half())


# ---- preparation of pictures, in the plainest words -------------------------------------------------------------------

def middle(array, size):
    top, left = (round((side - size) / 2) for side in array.shape[1:3])
    return array[:, top:top + size, left:left + size]


def shorter_side(height, width, size):
    return (size, int(size * width / height)) if height <= width else (int(size * height / width), size)


def normalised(array, mean, std):
    scaled = (array.astype(np.float64) / 255 - np.array(mean)) / np.array(std)
    return torch.from_numpy(scaled.transpose(0, 3, 1, 2).copy()).float()


def pillow(array, height, width, filter_):
    """In two steps, since Pillow 13 at times does rows before columns. Published models saw Pillow before 13."""
    frames = [Image.fromarray(frame).resize((width, array.shape[1]), filter_).resize((width, height), filter_) for frame in array]
    return np.stack([np.asarray(frame) for frame in frames])


def opencv(array, height, width):
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in array])


def clip_pixels(array, size):
    return normalised(middle(pillow(array, *shorter_side(*array.shape[1:3], size), Image.Resampling.BICUBIC), size), CLIP_MEAN, CLIP_STD)


def viclip_pixels(array, preparation, size):
    if preparation == "A":
        return normalised(opencv(array, size, size), IMAGENET_MEAN, IMAGENET_STD)
    planes = torch.from_numpy(array.transpose(0, 3, 1, 2).copy()).float()
    stretched = functional.interpolate(planes, shorter_side(*array.shape[1:3], size), mode="bicubic", align_corners=False, antialias=False)
    bytes_ = stretched.clamp(0, 255).round().to(torch.uint8).numpy().transpose(0, 2, 3, 1)
    return normalised(middle(bytes_, size), CLIP_MEAN, CLIP_STD)


def viclip_choice(preparation, frames, count):
    if preparation == "A":
        return list(range(frames))[::frames // count][:count]
    edges = np.linspace(0, frames, count + 1).astype(int)
    return [(a + b - 1) // 2 for a, b in zip(edges[:-1], edges[1:])]


def letterbox(array, size, square):
    """The padded pictures, and (scale x, scale y, left, top)."""
    height, width = array.shape[1:3]
    ratio = min(size / height, size / width)
    new_width, new_height = round(width * ratio), round(height * ratio)
    across, down = size - new_width, size - new_height
    if not square:
        across, down = across % 32, down % 32
    top, bottom = round(down / 2 - 0.1), round(down / 2 + 0.1)
    left, right = round(across / 2 - 0.1), round(across / 2 + 0.1)
    pictures = opencv(array, new_height, new_width)
    pictures = [cv2.copyMakeBorder(p, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(GREY,) * 3) for p in pictures]
    return np.stack(pictures), (new_width / width, new_height / height, left, top)


# ---- models ----------------------------------------------------------------------------------------------------------

def kept_exactly(value):
    return value.is_floating_point() and torch.equal(value.half().float(), value)


def write_model(folder, state, config, golden, texts=()):
    folder.mkdir(parents=True)
    halves = {name: value.half() if kept_exactly(value) else value for name, value in state.items()}
    save_file({name: value.contiguous().clone() for name, value in halves.items()}, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    save_file({name: value.contiguous() for name, value in golden.items()}, folder / "golden.safetensors")
    if texts:
        (folder / "golden.json").write_text(json.dumps({"texts": list(texts)}) + "\n", encoding="utf-8")
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(VOCABULARY / name, folder / name)


def openai_names(state, layers):
    """A CLIPModel's weights under the names of OpenAI's own."""
    result = {"logit_scale": state["logit_scale"]}
    for tower, prefix, stack in (("text_model", "", "transformer"), ("vision_model", "visual.", "visual.transformer")):
        for i in range(layers[tower]):
            old, new = f"{tower}.encoder.layers.{i}.", f"{stack}.resblocks.{i}."
            for kind in ("weight", "bias"):
                result[f"{new}attn.in_proj_{kind}"] = torch.cat([state[f"{old}self_attn.{x}_proj.{kind}"] for x in "qkv"])
                for theirs, ours in (("self_attn.out_proj", "attn.out_proj"), ("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"),
                                     ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj")):
                    result[f"{new}{ours}.{kind}"] = state[f"{old}{theirs}.{kind}"]
    for kind in ("weight", "bias"):
        result[f"ln_final.{kind}"] = state[f"text_model.final_layer_norm.{kind}"]
        result[f"visual.ln_pre.{kind}"] = state[f"vision_model.pre_layrnorm.{kind}"]
        result[f"visual.ln_post.{kind}"] = state[f"vision_model.post_layernorm.{kind}"]
    result["token_embedding.weight"] = state["text_model.embeddings.token_embedding.weight"]
    result["positional_embedding"] = state["text_model.embeddings.position_embedding.weight"]
    result["text_projection"] = state["text_projection.weight"].T
    result["visual.conv1.weight"] = state["vision_model.embeddings.patch_embedding.weight"]
    result["visual.class_embedding"] = state["vision_model.embeddings.class_embedding"]
    result["visual.positional_embedding"] = state["vision_model.embeddings.position_embedding.weight"]
    result["visual.proj"] = state["visual_projection.weight"].T
    return result


def make_clip(folder, name, activation, end_id, text, vision, embed):
    tokenizer = CLIPTokenizerFast(vocab_file=str(VOCABULARY / "vocab.json"), merges_file=str(VOCABULARY / "merges.txt"))
    sizes = dict(hidden_act=activation)
    config = CLIPConfig(
        text_config=dict(vocab_size=len(tokenizer), max_position_embeddings=77, eos_token_id=end_id, **text, **sizes),
        vision_config=dict(**vision, **sizes), projection_dim=embed)
    draw = torch.Generator().manual_seed(len(name))
    model = randomise(CLIPModel(config), draw)
    ids = torch.randint(3, len(tokenizer) - 1, (4, 12), generator=draw)
    for row, place in enumerate((5, 11, 0, 7)):
        ids[row, place] = len(tokenizer) - 1
    ids[3, 9] = len(tokenizer) - 1
    ids[0, 2] = 2
    padded = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
    side = vision["image_size"]
    pixels = torch.randn(2, 3, side, side, generator=draw)
    golden = {"ids": ids, "ids_embeds": model.get_text_features(ids), "text_embeds": model.get_text_features(padded),
              "pixels": pixels, "pixels_embeds": model.get_image_features(pixels)}
    for height, width in FRAME_SIZES:
        frames = picture(height, width, 2)
        prepared = clip_pixels(frames, side)
        golden |= {f"2x{height}x{width}.pixels": prepared, f"2x{height}x{width}.embeds": model.get_image_features(prepared)}
    # The keys that published configs have, and no library's version.
    written = {"model_type": "clip", "projection_dim": embed,
               "text_config": dict(vocab_size=len(tokenizer), max_position_embeddings=77, eos_token_id=end_id, **text, **sizes),
               "vision_config": dict(**vision, **sizes)}
    state = dict(model.state_dict())
    write_model(folder / name, state, written, golden, TEXTS)
    return state, written, golden


def make_viclip(folder, name, preparation, frames, image, patch, threshold):
    tokenizer = CLIPTokenizerFast(vocab_file=str(VOCABULARY / "vocab.json"), merges_file=str(VOCABULARY / "merges.txt"))
    config = {"_class_name": "ViCLIP", "embed_dim": 20, "preprocess": preparation, "threshold": threshold, "threshold_alone": threshold and 0.3,
              "vision": {"image_size": image, "patch_size": patch, "width": 36, "layers": 3, "heads": 3, "frames": frames},
              "text": {"context_length": 32, "width": 24, "layers": 2, "heads": 2, "vocab_size": len(tokenizer)}}
    draw = torch.Generator().manual_seed(100 + len(name))
    model = randomise(PlainViClip(config), draw)
    ids = tokenizer(TEXTS, truncation=True, max_length=32).input_ids
    padded = torch.tensor([row + [0] * (32 - len(row)) for row in ids])
    pixels = torch.randn(2, 3, frames, image, image, generator=draw)
    golden = {"text_embeds": model.encode_text(padded), "pixels": pixels, "pixels_embeds": model.encode_vision(pixels)}
    for count, (height, width) in zip((frames, 2 * frames + 3, 5 * frames + 1), FRAME_SIZES):
        clip = picture(height, width, count)
        prepared = viclip_pixels(clip[viclip_choice(preparation, count, frames)], preparation, image)
        golden |= {f"{count}x{height}x{width}.pixels": prepared,
                   f"{count}x{height}x{width}.embeds": model.encode_vision(prepared.transpose(0, 1)[None])}
    write_model(folder / name, dict(model.state_dict()), config, golden, TEXTS)


def suppressed(rows, confidence, overlap, most, labels=None):
    """Greedy suppression by a matrix of overlaps. rows [N, 5 + classes] -> [M, 6] (x0, y0, x1, y1, score, class)."""
    rows = rows[rows[:, 4] > confidence]
    score, label = (rows[:, 5:] * rows[:, 4:5]).max(1)
    boxes = torch.cat([rows[:, :2] - rows[:, 2:4] / 2, rows[:, :2] + rows[:, 2:4] / 2, score[:, None], label[:, None].float()], 1)
    boxes = boxes[score > confidence]
    if labels is not None:
        boxes = boxes[[int(b) in labels for b in boxes[:, 5]]]
    boxes = boxes[boxes[:, 4].argsort(descending=True, stable=True)]
    shifted = boxes[:, :4] + boxes[:, 5:] * 7680
    low, high = torch.maximum(shifted[:, None, :2], shifted[None, :, :2]), torch.minimum(shifted[:, None, 2:], shifted[None, :, 2:])
    both = (high - low).clamp(min=0).prod(2)
    area = (shifted[:, 2:] - shifted[:, :2]).prod(1)
    too_close = both / (area[:, None] + area[None] - both) > overlap
    kept = []
    for i in range(len(boxes)):
        if not any(too_close[k, i] for k in kept):
            kept.append(i)
    return boxes[kept[:most]]


def frame_boxes(model, frames, size, square, **options):
    """[M, 7]: frame, x0, y0, x1, y1 in px of the frame, score, class; and the rows of the network."""
    padded, (scale_x, scale_y, left, top) = letterbox(frames, size, square)
    rows = model(torch.from_numpy(padded.transpose(0, 3, 1, 2).copy()).float() / 255)
    found = []
    for i, one in enumerate(rows):
        boxes = suppressed(one, **options)
        boxes[:, [0, 2]] = ((boxes[:, [0, 2]] - left) / scale_x).clamp(0, frames.shape[2])
        boxes[:, [1, 3]] = ((boxes[:, [1, 3]] - top) / scale_y).clamp(0, frames.shape[1])
        found.append(torch.cat([torch.full((len(boxes), 1), float(i)), boxes], 1))
        # A choice that rounding could turn round would test nothing but luck.
        for shake in (1 + 1e-5, 1 - 1e-5):
            again = suppressed(one * shake, options["confidence"], options["overlap"], options["most"], options.get("labels"))
            if again[:, 5].tolist() != boxes[:, 5].tolist():
                raise RuntimeError("a box is on the edge: take another seed")
    return torch.cat(found), rows


def make_yolo(folder, name, depth, width, classes, seed, size=64, fused=False):
    config = {"_class_name": "YOLOv5", "depth_multiple": depth, "width_multiple": width, "nc": classes, "names": [f"thing {i}" for i in range(classes)],
              "anchors": [[6, 8, 11, 19, 20, 14], [23, 41, 42, 30, 39, 79], [78, 60, 104, 132, 249, 217]], "strides": [8, 16, 32],
              "image_size": size, "person_class": 1}
    draw = torch.Generator().manual_seed(seed)
    model = randomise(PlainYolo(config), draw, spread=2.0)
    images = torch.rand(2, 3, 64, 96, generator=draw)
    calibrate(model, torch.rand(4, 3, 96, 128, generator=draw))
    golden = {"images": images, "rows": model(images)}
    if (spread := golden["rows"][..., 4:].std(1).min()) < 0.05:
        raise RuntimeError(f"the network says nearly the same everywhere ({spread:.3f}): the case proves nothing")
    precise = copy.deepcopy(model).double()(images.double())
    if (rounding := relative_difference(golden["rows"], precise)) > FP32_TOLERANCE / 4:
        raise RuntimeError(f"{name}: the reference in fp32 is {rounding:.1e} from itself in double: the case proves too little")
    for height, width_ in ((45, 77), (131, 70), (64, 64), (20, 301)):
        frames = picture(height, width_, 2)
        key = f"2x{height}x{width_}"
        options = dict(confidence=0.6, overlap=0.45, most=40)
        golden[f"{key}.boxes"], _ = frame_boxes(model, frames, size, False, **options)
        golden[f"{key}.square"], _ = frame_boxes(model, frames, size, True, **options)
        golden[f"{key}.persons"], _ = frame_boxes(model, frames, size, False, labels=[1], **options)
    state = fused_state(model) if fused else dict(model.state_dict())
    write_model(folder / name, state, config, golden)
    return {key: len(value) for key, value in golden.items() if key.endswith(("boxes", "square", "persons"))}


def make_resizes(folder):
    golden = {}
    for (height, width), (to_height, to_width) in (((37, 53), (24, 24)), ((24, 24), (37, 53)), ((90, 31), (30, 90)), ((1, 7), (5, 5)),
                                                   ((60, 40), (30, 20)), ((60, 40), (30, 40)), ((200, 130), (1, 1)), ((48, 48), (48, 31)),
                                                   ((17, 300), (33, 12)), ((60, 60), (20, 20)), ((9, 9), (9, 9))):
        source = picture(height, width)
        key = f"{height}x{width}.{to_height}x{to_width}"
        for kind, made in (("pillow-bicubic", pillow(source, to_height, to_width, Image.Resampling.BICUBIC)),
                           ("pillow-bilinear", pillow(source, to_height, to_width, Image.Resampling.BILINEAR)),
                           ("opencv", opencv(source, to_height, to_width))):
            golden[f"{kind}.{key}"] = torch.from_numpy(made)
    for height, width in ((576, 768), (500, 333)):
        source = picture(height, width)
        made = middle(pillow(source, *shorter_side(height, width, 224), Image.Resampling.BICUBIC), 224)
        golden[f"clip.{height}x{width}.224x224"] = torch.from_numpy(made.copy())
    for height, width, size in ((45, 77, 64), (131, 70, 64), (7, 300, 96), (64, 64, 64), (33, 32, 96)):
        for kind, square in (("letterbox", False), ("letterbox-square", True)):
            golden[f"{kind}.{height}x{width}.{size}x{size}"] = torch.from_numpy(letterbox(picture(height, width), size, square)[0])
    save_file(golden, folder / "resize.safetensors")


@torch.inference_mode()
def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    text = dict(hidden_size=32, intermediate_size=56, num_hidden_layers=2, num_attention_heads=2)
    vision = dict(hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=3, image_size=24, patch_size=8)
    state, config, golden = make_clip(folder, "clip", "quick_gelu", 2, text, vision, 20)
    layers = {"text_model": 2, "vision_model": 3}
    write_model(folder / "clip-openai-names", openai_names(state, layers), config, {k: v for k, v in golden.items() if "embeds" in k or k in ("ids", "pixels")}, TEXTS)
    # Another activation, an end token that the config knows, and a picture with a rest beside its patches.
    odd = dict(vision, image_size=23, patch_size=5, hidden_size=40, num_attention_heads=5, num_hidden_layers=2)
    make_clip(folder, "clip-gelu", "gelu", 1014, dict(text, hidden_size=24, num_attention_heads=4), odd, 12)
    make_viclip(folder, "viclip-a", "A", 4, 28, 7, None)
    make_viclip(folder, "viclip-b", "B", 8, 24, 8, 0.35)
    for name, depth, width, classes, seed, fused in (("yolov5", 0.33, 0.0625, 3, 5, False), ("yolov5-deeper", 0.67, 0.03, 2, 6, False),
                                                     ("yolov5-fused", 0.33, 0.04, 2, 7, True)):
        print(name, make_yolo(folder, name, depth, width, classes, seed, fused=fused))
    make_resizes(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    committed = GOLDEN / "scorers"
    if not check:
        shutil.rmtree(committed, ignore_errors=True)
        make(committed)
        return 0
    with tempfile.TemporaryDirectory() as made:
        make(Path(made) / "scorers")
        faults = compare_folders(Path(made) / "scorers", committed, 1e-6)
    print("\n".join(faults) if faults else "everything is as committed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
