"""The playset's detector: YOLOv5's layout (version 6, with SPPF) in plain modules under the published state dict's names.

It has one class, "person", and that is any character, on two legs or four, swimming or flying: in this world whoever is
there is somebody. The architecture is from its published description and the names from its weights; the code is our own.
"""
from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

SIZE = 160  # pixels of the larger side
STRIDES = (8, 16, 32)
DEPTH, WIDTH = 0.33, 0.125
# Width and height in pixels, for each stride: somebody small, standing, lying or turned over.
ANCHORS = [[[10, 20], [15, 32], [24, 18]], [[20, 46], [28, 62], [44, 34]], [[36, 84], [62, 66], [60, 104]]]
GREY = 114  # beside the picture


class Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, padding: int | None = None):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 if padding is None else padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, channels: int, add: bool):
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(channels, channels), Conv(channels, channels, 3), add

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.cv2(self.cv1(x))
        return x + y if self.add else y


class C3(nn.Module):
    def __init__(self, inputs: int, outputs: int, count: int, add: bool = True):
        super().__init__()
        half = outputs // 2
        self.cv1, self.cv2, self.cv3 = Conv(inputs, half), Conv(inputs, half), Conv(2 * half, outputs)
        self.m = nn.Sequential(*(Bottleneck(half, add) for _ in range(count)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))


class SPPF(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.cv1, self.cv2 = Conv(channels, channels // 2), Conv(2 * channels, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = [self.cv1(x)]
        for _ in range(3):
            pooled.append(F.max_pool2d(pooled[-1], 5, 1, 2))
        return self.cv2(torch.cat(pooled, 1))


class Detect(nn.Module):
    def __init__(self, channels: Sequence[int], classes: int):
        super().__init__()
        self.outputs = 5 + classes
        self.m = nn.ModuleList(nn.Conv2d(inputs, 3 * self.outputs, 1) for inputs in channels)
        self.register_buffer("anchors", torch.tensor(ANCHORS).float() / torch.tensor(STRIDES).view(3, 1, 1))  # in strides
        for head, stride in zip(self.m, STRIDES):
            bias = head.bias.data.view(3, -1)
            bias[:, 4] += math.log(8 / (640 / stride) ** 2)  # eight characters in a picture, to begin with
            if classes == 1:  # with one class its score is one, whatever is seen
                bias[:, 5:] = 10.0
                head.weight.data.view(3, self.outputs, -1)[:, 5:] = 0.0

    def forward(self, maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """-> logits [n, 3 anchors, rows, columns, 5 + classes] for each stride"""
        return [head(x).unflatten(1, (3, self.outputs)).permute(0, 1, 3, 4, 2) for head, x in zip(self.m, maps)]


class YOLOv5(nn.Module):
    def __init__(self, depth: float = DEPTH, width: float = WIDTH, classes: int = 1):
        super().__init__()
        a, b, c, d, e = (math.ceil(channels * width / 8) * 8 for channels in (64, 128, 256, 512, 1024))
        few, some, most = (max(1, round(count * depth)) for count in (3, 6, 9))
        twice, joined = nn.Upsample(scale_factor=2), nn.Identity()  # `joined` is where the reference concatenates
        self.model = nn.ModuleList([
            Conv(3, a, 6, 2, 2), Conv(a, b, 3, 2), C3(b, b, few), Conv(b, c, 3, 2), C3(c, c, some), Conv(c, d, 3, 2), C3(d, d, most),
            Conv(d, e, 3, 2), C3(e, e, few), SPPF(e),
            Conv(e, d), twice, joined, C3(2 * d, d, few, False), Conv(d, c), twice, joined, C3(2 * c, c, few, False),
            Conv(c, c, 3, 2), joined, C3(d, d, few, False), Conv(d, d, 3, 2), joined, C3(e, e, few, False), Detect((c, d, e), classes)])

    def forward(self, pictures: torch.Tensor) -> list[torch.Tensor]:
        """[n, 3, height, width] in 0..1, sides divisible by 32"""
        m = self.model
        p3 = m[4](m[3](m[2](m[1](m[0](pictures)))))
        p4 = m[6](m[5](p3))
        top = m[10](m[9](m[8](m[7](p4))))
        middle = m[14](m[13](torch.cat([m[11](top), p4], 1)))
        fine = m[17](torch.cat([m[15](middle), p3], 1))
        medium = m[20](torch.cat([m[18](fine), middle], 1))
        coarse = m[23](torch.cat([m[21](medium), top], 1))
        return m[24]([fine, medium, coarse])


# ---------------------------------------------------------------- from a picture to boxes


def letterbox(picture: np.ndarray, size: int = SIZE, square: bool = False) -> tuple[np.ndarray, float, int, int]:
    """The picture fitted into `size`, grey around it up to a square, or up to multiples of 32 -> canvas, gain, left, top"""
    height, width = picture.shape[:2]
    gain = min(size / height, size / width)
    wide, high = round(width * gain), round(height * gain)
    across, down = size - wide, size - high
    if not square:
        across, down = across % 32, down % 32
    if (wide, high) != (width, height):
        picture = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
    top, bottom, left, right = round(down / 2 - 0.1), round(down / 2 + 0.1), round(across / 2 - 0.1), round(across / 2 + 0.1)
    return cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(GREY,) * 3), gain, left, top


def decode(maps: Sequence[torch.Tensor], anchors: torch.Tensor) -> torch.Tensor:
    """-> [n, boxes, 6]: left, top, right, bottom in pixels of the input, objectness times the class's score, class"""
    out = []
    for logits, anchor, stride in zip(maps, anchors, STRIDES):
        rows, columns = logits.shape[2:4]
        grid = torch.stack(torch.meshgrid(torch.arange(columns), torch.arange(rows), indexing="xy"), -1)
        y = logits.float().sigmoid()
        middle = (y[..., :2] * 2 - 0.5 + grid) * stride
        half = (y[..., 2:4] * 2) ** 2 * anchor[:, None, None] * stride / 2
        score, which = y[..., 5:].max(-1, keepdim=True)
        out.append(torch.cat([middle - half, middle + half, y[..., 4:5] * score, which.float()], -1).flatten(1, 3))
    return torch.cat(out, 1)


def overlaps(one: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Intersection over union of a box with each of some. Boxes: left, top, right, bottom."""
    sides = np.clip(np.minimum(one[2:4], many[:, 2:4]) - np.maximum(one[:2], many[:, :2]), 0, None)
    inside = sides.prod(1)
    return inside / ((one[2:4] - one[:2]).prod() + (many[:, 2:4] - many[:, :2]).prod(1) - inside + 1e-9)


def suppress(boxes: np.ndarray, least: float, overlap: float) -> np.ndarray:
    """The best boxes with a score above `least`, none of which covers another by more than `overlap`. boxes: [n, 6]"""
    boxes = boxes[boxes[:, 4] > least]
    boxes, kept = boxes[np.argsort(-boxes[:, 4], kind="stable")], []
    while len(boxes):
        kept.append(boxes[0])
        boxes = boxes[1:][overlaps(boxes[0], boxes[1:]) <= overlap]
    return np.array(kept).reshape(-1, 6)


@torch.inference_mode()
def detect(net: YOLOv5, frames: np.ndarray, least: float = 0.25, overlap: float = 0.45) -> list[np.ndarray]:
    """uint8 [n, height, width, 3] -> for each frame [boxes, 6] in its pixels, best first"""
    boxed = [letterbox(frame) for frame in frames]
    _, gain, left, top = boxed[0]
    pictures = torch.from_numpy(np.stack([canvas for canvas, *_ in boxed])).movedim(-1, 1).float() / 255
    found = []
    for boxes in decode(net(pictures), net.model[24].anchors).numpy():
        boxes = suppress(boxes, least, overlap)
        boxes[:, :4] = (boxes[:, :4] - [left, top, left, top]) / gain
        boxes[:, :4] = np.clip(boxes[:, :4], 0, [frames.shape[2], frames.shape[1]] * 2)
        found.append(boxes)
    return found


# ---------------------------------------------------------------- the folder


def write_folder(net: YOLOv5, folder: Path) -> None:
    """config.json and model.safetensors, fp16."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().half().contiguous() if tensor.is_floating_point() else tensor for name, tensor in net.state_dict().items()},
              folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "_class_name": "YOLOv5", "depth_multiple": DEPTH, "width_multiple": WIDTH, "nc": 1, "names": ["person"], "anchors": ANCHORS,
        "strides": STRIDES, "image_size": SIZE, "person_class": 0}, indent=2) + "\n")


def load(folder: Path) -> YOLOv5:
    settings = json.loads((folder / "config.json").read_text())
    net = YOLOv5(settings["depth_multiple"], settings["width_multiple"], settings["nc"])
    net.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in load_file(folder / "model.safetensors").items()})
    return net.eval()
