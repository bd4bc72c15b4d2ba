"""How the playset's detector learns: windows of rendered frames with their exact boxes, and YOLOv5's loss."""
from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import config
from scorer_data import Clips
from scorer_yolov5 import ANCHORS, GREY, SIZE, STRIDES, YOLOv5

NOT_HIDDEN = ("model.0.conv", "model.24.")
_BALANCE = (4.0, 1.0, 0.4)  # of the strides: the finer the map, the rarer somebody in a cell
_MOST_RATIO = 4.0  # between a side of a box and of an anchor that is to find it
_LEAST_SHOWN = 0.15  # of a character, or it is not there


def example(frame: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A whole frame, an upright cut or any cut of it, fitted into a square or smaller, sharp or soft. boxes: [actors, 4] in
    0..1 -> uint8 [SIZE, SIZE, 3]; [n, 4], middle and size in pixels"""
    way = rng.random()
    width, height = config.WIDTH, config.HEIGHT
    if way < 0.15:
        width = int(rng.integers(54, 80))
    elif way < 0.5:
        width, height = int(rng.integers(72, config.WIDTH + 1)), int(rng.integers(64, config.HEIGHT + 1))
    left, top = int(rng.integers(0, config.WIDTH - width + 1)), int(rng.integers(0, config.HEIGHT - height + 1))
    picture = frame[top: top + height, left: left + width]
    gain = min(SIZE / width, SIZE / height) * (1.0 if rng.random() < 0.6 else rng.uniform(0.6, 1.0))
    wide, high = min(SIZE, round(width * gain)), min(SIZE, round(height * gain))
    picture = cv2.resize(picture, (wide, high), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 2.2))
    picture = cv2.convertScaleAbs(picture, alpha=rng.uniform(0.8, 1.2))
    x, y = ((SIZE - wide) // 2, (SIZE - high) // 2) if rng.random() < 0.6 else (int(rng.integers(0, SIZE - wide + 1)), int(rng.integers(0, SIZE - high + 1)))
    canvas = np.full((SIZE, SIZE, 3), GREY, np.uint8)
    canvas[y: y + high, x: x + wide] = picture

    moved = (boxes * ([config.WIDTH, config.HEIGHT] * 2) - [left, top] * 2) * gain + [x, y] * 2
    whole = (moved[:, 2:] - moved[:, :2]).prod(1)
    low, upper = np.maximum(moved[:, :2], [x, y]), np.minimum(moved[:, 2:], [x + wide, y + high])
    sides = np.clip(upper - low, 0, None)
    shown = (sides.prod(1) > _LEAST_SHOWN * whole) & (sides.min(1) > 2)
    boxes = np.concatenate([(low + upper) / 2, sides], 1)[shown]
    if rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
        boxes[:, 0] = SIZE - boxes[:, 0]
    return canvas, boxes


def matches(targets: torch.Tensor, anchors: torch.Tensor, stride: int, rows: int, columns: int) -> tuple[torch.Tensor, ...]:
    """Which cells and anchors are to find which box: the box's own cell and its two nearest neighbours, for every anchor
    of similar size. targets: [n, 5], picture and box -> picture, anchor, row, column [m]; box in strides [m, 4]"""
    picture, box = targets[:, 0].long(), targets[:, 1:] / stride
    ratio = box[:, None, 2:] / anchors[None]
    target, anchor = (torch.maximum(ratio, 1 / ratio).amax(2) < _MOST_RATIO).nonzero(as_tuple=True)
    box, picture = box[target], picture[target]
    cell, part = box[:, :2].long(), box[:, :2] % 1
    towards = torch.where(part < 0.5, -1, 1)
    sideways, up = towards * torch.tensor([1, 0]), towards * torch.tensor([0, 1])
    cells = torch.cat([cell, cell + sideways, cell + up])
    box, picture, anchor = box.repeat(3, 1), picture.repeat(3), anchor.repeat(3)
    inside = ((cells >= 0) & (cells < torch.tensor([columns, rows]))).all(1)
    return picture[inside], anchor[inside], cells[inside, 1], cells[inside, 0], box[inside]


def complete_overlap(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """CIoU of pairs of boxes [n, 4] (middle and size): overlap, less the distance of middles and the difference of shapes."""
    low_a, high_a, low_b, high_b = a[:, :2] - a[:, 2:] / 2, a[:, :2] + a[:, 2:] / 2, b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2
    inside = (torch.minimum(high_a, high_b) - torch.maximum(low_a, low_b)).clamp(min=0).prod(1)
    overlap = inside / (a[:, 2:].prod(1) + b[:, 2:].prod(1) - inside + 1e-9)
    diagonal = (torch.maximum(high_a, high_b) - torch.minimum(low_a, low_b)).square().sum(1) + 1e-9
    away = (a[:, :2] - b[:, :2]).square().sum(1) / diagonal
    shape = 4 / torch.pi**2 * (torch.atan(a[:, 2] / (a[:, 3] + 1e-9)) - torch.atan(b[:, 2] / (b[:, 3] + 1e-9))).square()
    with torch.no_grad():
        weight = shape / (1 - overlap + shape + 1e-9)
    return overlap - away - weight * shape


def detection_loss(maps: Sequence[torch.Tensor], targets: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    """targets: [n, 5], number of the picture, middle and size in pixels"""
    place, there = torch.zeros(()), torch.zeros(())
    for logits, anchors, stride, balance in zip(maps, torch.tensor(ANCHORS).float(), STRIDES, _BALANCE):
        rows, columns = logits.shape[2:4]
        truth = torch.zeros(logits.shape[:4])
        picture, anchor, row, column, box = matches(targets, anchors / stride, stride, rows, columns)
        if len(picture):
            y = logits[picture, anchor, row, column].sigmoid()
            middle = y[:, :2] * 2 - 0.5 + torch.stack([column, row], 1)
            overlap = complete_overlap(torch.cat([middle, (y[:, 2:4] * 2) ** 2 * (anchors / stride)[anchor]], 1), box)
            place = place + (1 - overlap).mean()
            truth[picture, anchor, row, column] = overlap.detach().clamp(min=0)
        there = there + balance * F.binary_cross_entropy_with_logits(logits[..., 4], truth)
    return place + 4 * there, {"place": place.item(), "there": there.item()}


def training_loss(net: YOLOv5, clips: Clips, batch: int) -> Callable[[np.random.Generator], tuple[torch.Tensor, dict[str, float]]]:
    def loss_of(rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        pictures, targets = np.empty((batch, SIZE, SIZE, 3), np.uint8), []
        for row, index in enumerate(rng.integers(0, len(clips), batch)):
            frame = int(rng.integers(config.FRAMES))
            pictures[row], boxes = example(np.asarray(clips.frames[index][frame]), clips.boxes[index][frame], rng)
            targets += [[row, *box] for box in boxes]
        x = torch.from_numpy(pictures).movedim(-1, 1).contiguous().float() / 255
        with torch.autocast("cpu", torch.bfloat16):
            maps = net(x)
        return detection_loss([m.float() for m in maps], torch.tensor(targets, dtype=torch.float32).view(-1, 5))

    return loss_of
