"""The twelve backgrounds. Each is a function of a pen and a random source; the decorator gives it its name in captions."""
from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np

from config import HEIGHT, WIDTH
from drawing import OVERSAMPLING, Colour, Pen, new_canvas, shade

Painter = Callable[[Pen, random.Random], None]
SCENES: dict[str, Painter] = {}
UNDER_WATER = {"coral reef"}


def scene(name: str) -> Callable[[Painter], Painter]:
    def add(painter: Painter) -> Painter:
        SCENES[name] = painter
        return painter

    return add


def paint(name: str, seed: int) -> np.ndarray:
    """-> uint8 canvas. One name and seed give one picture; seeds vary what stands where."""
    canvas = new_canvas()
    SCENES[name](Pen(canvas), random.Random(f"{name} {seed}"))
    return canvas


def sky(pen: Pen, top: Colour, bottom: Colour) -> None:
    part = np.linspace(0, 1, HEIGHT * OVERSAMPLING)[:, None, None]
    pen.canvas[:] = (np.array(top) * (1 - part) + np.array(bottom) * part).astype(np.uint8)


def ground(pen: Pen, rng: random.Random, colour: Colour, top: float, wave: float) -> None:
    """Fills everything below `top` (a share of the height), with a wavy edge of `wave` pixels."""
    phase = rng.uniform(0, 6)
    xs = np.linspace(0, WIDTH, 30)
    edge = [(x, HEIGHT * top + wave * math.sin(x / 14 + phase)) for x in xs]
    pen.polygon([*edge, (WIDTH, HEIGHT), (0, HEIGHT)], colour)


def dots(pen: Pen, rng: random.Random, count: int, bottom: float, radius: float, colour: Colour, top: float = 0.0) -> None:
    for _ in range(count):
        pen.dot(rng.uniform(0, WIDTH), rng.uniform(top, bottom), radius, colour)


def ripples(pen: Pen, rng: random.Random, count: int, top: float, bottom: float, length: float, thickness: float, colour: Colour) -> None:
    for _ in range(count):
        x, y = rng.uniform(0, WIDTH), rng.uniform(top, bottom)
        pen.box(x, y, x + length, y + thickness, colour)


@scene("forest")
def _forest(pen: Pen, rng: random.Random) -> None:
    sky(pen, (150, 205, 235), (205, 232, 220))
    ground(pen, rng, (72, 128, 60), 0.72, 2)
    for x in sorted(rng.uniform(0, WIDTH) for _ in range(7)):
        size = rng.uniform(0.8, 1.25)
        pen.polygon([(x - 2.4, 72), (x + 2.4, 72), (x + 2, 40), (x - 2, 40)], (96, 66, 42))
        for tier in range(3):
            half, foot = (13 - 3 * tier) * size, 52 - 12 * tier
            green = int(92 + 14 * tier + rng.uniform(-8, 8))
            pen.polygon([(x - half, foot), (x + half, foot), (x, foot - 17 * size)], (34, green, 48))
    ground(pen, rng, (88, 146, 66), 0.86, 1)


@scene("beach")
def _beach(pen: Pen, rng: random.Random) -> None:
    sky(pen, (120, 196, 240), (206, 236, 248))
    pen.dot(rng.uniform(15, 130), rng.uniform(10, 22), 8, (255, 236, 130))
    pen.box(0, 46, WIDTH, 72, (40, 130, 190))
    ripples(pen, rng, 5, 50, 66, 12, 1, (170, 214, 236))
    ground(pen, rng, (236, 214, 156), 0.72, 1.5)


@scene("garden")
def _garden(pen: Pen, rng: random.Random) -> None:
    sky(pen, (160, 214, 246), (226, 242, 240))
    pen.box(0, 50, WIDTH, 72, (64, 140, 70))
    ground(pen, rng, (104, 176, 80), 0.68, 1)
    petals = [(230, 70, 90), (250, 210, 70), (240, 240, 250), (200, 90, 200)]
    for _ in range(16):
        x, y = rng.uniform(2, WIDTH - 2), rng.uniform(68, 93)
        pen.limb(x, y, 0, 4, 1, (50, 120, 50))
        pen.dot(x, y, 2.4, rng.choice(petals))
        pen.dot(x, y, 1, (250, 220, 80))


@scene("bedroom")
def _bedroom(pen: Pen, rng: random.Random) -> None:
    pen.canvas[:] = rng.choice([(236, 208, 180), (196, 214, 226), (226, 200, 214)])
    pen.box(0, 70, WIDTH, HEIGHT, (164, 116, 78))
    for board in range(6):
        pen.box(0, 72 + 4.5 * board, WIDTH, 72.6 + 4.5 * board, (146, 100, 66))
    x = rng.uniform(10, 40)  # the window
    pen.box(x, 14, x + 26, 42, (250, 250, 250))
    pen.box(x + 2, 16, x + 24, 40, (140, 200, 240))
    pen.box(x + 12, 14, x + 14, 42, (250, 250, 250))
    x = rng.uniform(84, 100)  # the bed
    pen.box(x, 58, x + 42, 78, rng.choice([(90, 120, 190), (190, 90, 100), (100, 160, 120)]))
    pen.box(x + 30, 52, x + 42, 60, (246, 246, 246))
    pen.box(x + 41, 44, x + 44, 82, (110, 74, 46))


@scene("snow field")
def _snow_field(pen: Pen, rng: random.Random) -> None:
    sky(pen, (186, 206, 228), (232, 238, 246))
    ground(pen, rng, (244, 247, 252), 0.66, 3)
    for x in (rng.uniform(8, 40), rng.uniform(100, 136)):
        for tier, colour in enumerate([(70, 116, 100), (70, 116, 100), (212, 226, 236)]):
            half, foot = 11 - 3 * tier, 64 - 9 * tier
            pen.polygon([(x - half, foot), (x + half, foot), (x, foot - 14)], colour)
    dots(pen, rng, 40, HEIGHT, 0.8, (255, 255, 255))


@scene("desert")
def _desert(pen: Pen, rng: random.Random) -> None:
    sky(pen, (246, 196, 120), (252, 230, 184))
    pen.dot(rng.uniform(20, 124), rng.uniform(12, 26), 9, (255, 246, 200))
    ground(pen, rng, (222, 170, 96), 0.62, 5)
    ground(pen, rng, (236, 188, 112), 0.76, 3)
    green = (70, 130, 70)
    for x in (rng.uniform(6, 50), rng.uniform(94, 138)):  # cactuses
        pen.limb(x, 74, math.pi, 24, 6, green)
        pen.limb(x, 62, 1.9, 8, 4, green)
        pen.limb(x + 7.5, 59, math.pi, 8, 4, green)


@scene("village at night")
def _village(pen: Pen, rng: random.Random) -> None:
    sky(pen, (16, 20, 54), (44, 50, 96))
    dots(pen, rng, 28, 46, 0.6, (250, 246, 200))
    pen.dot(rng.uniform(20, 124), rng.uniform(10, 20), 7, (248, 244, 214))
    for house in range(4):
        x, roof = 4 + house * 36 + rng.uniform(-4, 4), 72 - rng.uniform(22, 32)
        pen.box(x, roof, x + 26, 72, rng.choice([(84, 62, 70), (70, 70, 96), (92, 76, 60)]))
        pen.polygon([(x - 3, roof), (x + 13, roof - 13), (x + 29, roof)], (60, 36, 44))
        pen.box(x + 8, roof + 4, x + 17, roof + 12, (255, 214, 110))
    ground(pen, rng, (46, 60, 54), 0.74, 1)


@scene("coral reef")
def _coral_reef(pen: Pen, rng: random.Random) -> None:
    sky(pen, (40, 150, 210), (14, 78, 140))
    ground(pen, rng, (206, 186, 140), 0.86, 2)
    for _ in range(9):
        x, colour = rng.uniform(0, WIDTH), rng.choice([(240, 110, 120), (250, 160, 70), (200, 90, 190), (250, 220, 120)])
        for _ in range(3):
            pen.limb(x, 90, math.pi + rng.uniform(-0.6, 0.6), rng.uniform(12, 24), 3.6, colour)
    dots(pen, rng, 12, 80, 1.3, (170, 220, 246), top=4)


@scene("cave")
def _cave(pen: Pen, rng: random.Random) -> None:
    sky(pen, (52, 46, 50), (30, 26, 32))
    pen.ellipse(WIDTH / 2 + rng.uniform(-20, 20), 52, 46, 34, (84, 76, 78))
    ground(pen, rng, (66, 58, 60), 0.78, 3)
    for _ in range(9):
        x = rng.uniform(0, WIDTH)
        pen.polygon([(x - 5, 0), (x + 5, 0), (x, rng.uniform(10, 26))], (38, 34, 40))
    for _ in range(5):
        x = rng.uniform(4, WIDTH - 4)
        pen.polygon([(x - 2.5, 82), (x, 72), (x + 2.5, 82)], rng.choice([(110, 220, 230), (210, 120, 240)]))


@scene("moon")
def _moon(pen: Pen, rng: random.Random) -> None:
    sky(pen, (6, 6, 18), (18, 18, 40))
    dots(pen, rng, 36, 60, 0.6, (255, 255, 240))
    pen.dot(rng.uniform(24, 120), rng.uniform(14, 26), 10, (60, 120, 200))
    ground(pen, rng, (168, 168, 174), 0.7, 3)
    for _ in range(6):
        pen.ellipse(rng.uniform(4, WIDTH - 4), rng.uniform(76, 94), rng.uniform(4, 9), rng.uniform(1.5, 3), (140, 140, 148))


@scene("castle hall")
def _castle_hall(pen: Pen, rng: random.Random) -> None:
    pen.canvas[:] = (150, 140, 132)
    for row in range(9):
        for column in range(11):
            x, y = column * 14 + (row % 2) * 7 - 7, row * 8
            pen.box(x + 0.5, y + 0.5, x + 13.5, y + 7.5, shade((164, 154, 144), rng.uniform(0.93, 1.05)))
    for x in (rng.uniform(14, 34), rng.uniform(64, 80), rng.uniform(108, 126)):  # banners
        colour = rng.choice([(170, 40, 50), (40, 70, 150), (200, 160, 50)])
        pen.polygon([(x - 7, 8), (x + 7, 8), (x + 7, 40), (x, 46), (x - 7, 40)], colour)
    pen.box(0, 72, WIDTH, HEIGHT, (110, 96, 90))
    pen.polygon([(50, 72), (94, 72), (110, HEIGHT), (34, HEIGHT)], (156, 40, 52))


@scene("lake")
def _lake(pen: Pen, rng: random.Random) -> None:
    sky(pen, (156, 196, 230), (236, 214, 200))
    ridge = [(x, 44 - rng.uniform(4, 22)) for x in np.linspace(0, WIDTH, 9)]
    pen.polygon([*ridge, (WIDTH, 52), (0, 52)], (110, 120, 150))
    pen.box(0, 50, WIDTH, 76, (80, 140, 180))
    ripples(pen, rng, 7, 54, 72, 14, 0.8, (150, 190, 214))
    ground(pen, rng, (112, 150, 84), 0.78, 1.5)
