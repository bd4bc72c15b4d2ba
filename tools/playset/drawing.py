"""A pen on a canvas: flat polygons under a movable frame of reference, as in a paper theatre."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

import config

Colour = tuple[int, int, int]
Point = tuple[float, float]

OVERSAMPLING = 3  # canvases are drawn this much larger than the stage, and shrunk
_FRACTION_BITS = 4  # OpenCV takes points in fixed point
_ROUND = np.linspace(0, 2 * math.pi, 28, endpoint=False)
_CIRCLE = np.stack([np.cos(_ROUND), np.sin(_ROUND)], 1)


def shade(colour: Colour, factor: float) -> Colour:
    """Darker below one, lighter above."""
    red, green, blue = (int(min(255.0, max(0.0, part * factor))) for part in colour)
    return red, green, blue


def new_canvas(channels: int | None = 3) -> np.ndarray:
    size = (config.HEIGHT * OVERSAMPLING, config.WIDTH * OVERSAMPLING)
    return np.zeros(size if channels is None else (*size, channels), np.uint8)


class Pen:
    """Draws on a canvas (and marks what it covered in a mask). Coordinates are the stage's, 144 x 96 with y downwards,
    until `moved` sets up another frame of reference."""

    def __init__(self, canvas: np.ndarray, mask: np.ndarray | None = None):
        self.canvas, self.mask = canvas, mask
        self._frame = np.eye(3)

    @contextmanager
    def moved(self, x: float = 0.0, y: float = 0.0, angle: float = 0.0, scale_x: float = 1.0, scale_y: float = 1.0) -> Iterator[None]:
        """Inside the block the origin lies at (x, y), turned by `angle` (clockwise on the screen) and scaled."""
        before = self._frame
        c, s = math.cos(angle), math.sin(angle)
        self._frame = before @ np.array([[c * scale_x, -s * scale_y, x], [s * scale_x, c * scale_y, y], [0.0, 0.0, 1.0]])
        try:
            yield
        finally:
            self._frame = before

    def polygon(self, points: Sequence[Point] | np.ndarray, colour: Colour) -> None:
        placed = np.asarray(points, float) @ self._frame[:2, :2].T + self._frame[:2, 2]
        fixed = np.round(placed * OVERSAMPLING * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.fillPoly(self.canvas, [fixed], colour, cv2.LINE_AA, _FRACTION_BITS)
        if self.mask is not None:
            cv2.fillPoly(self.mask, [fixed], 255, cv2.LINE_8, _FRACTION_BITS)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def ellipse(self, x: float, y: float, radius_x: float, radius_y: float, colour: Colour, tilt: float = 0.0) -> None:
        c, s = math.cos(tilt), math.sin(tilt)
        turned = (_CIRCLE * (radius_x, radius_y)) @ np.array([[c, s], [-s, c]])
        self.polygon(turned + (x, y), colour)

    def dot(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.ellipse(x, y, radius, radius, colour)

    def limb(self, x: float, y: float, angle: float, length: float, width: float, colour: Colour, tip: Colour | None = None) -> Point:
        """A bar from (x, y) with a round end; angle 0 hangs down, positive angles swing forward. Returns its end."""
        along = np.array([math.sin(angle), math.cos(angle)])
        across = np.array([along[1], -along[0]]) * width / 2
        start = np.array([x, y])
        end = start + along * length
        self.polygon(np.stack([start + across, end + across, end - across, start - across]), colour)
        self.dot(end[0], end[1], width * 0.55, tip or colour)
        return float(end[0]), float(end[1])
