"""The seventeen characters: how each body is put together, and how each motion poses it.

A character is drawn at the origin, facing right, in units of its own: a standing biped is about sixty high with its feet
at zero, a four-legged one forty; swimmers and fliers have their middle at the origin. `draw` sets the frame up.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

from config import HEIGHT, WIDTH
from drawing import Colour, Pen, shade

COLOURS: dict[str, Colour] = {
    "red": (214, 48, 49), "blue": (38, 98, 217), "green": (39, 163, 78), "yellow": (246, 205, 44),
    "purple": (136, 62, 190), "orange": (238, 132, 36), "pink": (240, 120, 178), "white": (240, 240, 244),
    "black": (44, 44, 52), "brown": (134, 84, 48), "grey": (140, 146, 156), "teal": (26, 166, 160),
}
FAMILIES = {
    "biped": ["witch", "astronaut", "knight", "teddy bear", "robot", "girl", "wizard", "king"],
    "quad": ["cat", "dog", "fox", "horse"],
    "swimmer": ["mermaid", "dolphin", "fish"],
    "flier": ["bird", "dragon"],
}
KINDS = [kind for kinds in FAMILIES.values() for kind in kinds]
FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}

# Of a character's height, beside a biped's. Animals are large for a cat beside a witch: an ear, or a tail's tip, has to be more
# than the three pixels that an autoencoder of 8 x 8 loses.
_SCALE = {"biped": 1.0, "quad": 0.74, "swimmer": 0.6, "flier": 0.56}
_UNITS = {"biped": 60.0, "quad": 40.0, "swimmer": 34.0, "flier": 34.0}  # in that height
_GROUND = HEIGHT * 0.93
_ARM = 5.8  # thick, so that a wave is seen

SKIN, EYE, STEEL, CREAM = (238, 196, 160), (25, 25, 30), (205, 208, 216), (245, 245, 245)
GOLD, LAMP, DARK_EYE = (246, 205, 44), (250, 230, 90), (20, 20, 25)


@dataclass
class Look:
    """Clothes that no character of the training wears: for the dressed subjects that priors are learnt for."""

    hat: str | None = None  # cone, crown, plume, top
    hat_colour: str | None = None
    cape: str | None = None
    collar: str | None = None


@dataclass
class Drawn:
    """One character at one moment. `time` runs from 0 to 1 over the clip, `x` is in widths of the stage."""

    kind: str
    colour: str
    motion: str
    time: float
    x: float
    facing: int  # 1 right, -1 left
    size: float
    phase: float  # where in its cycle a motion starts, in radians
    height: float = 0.0  # pixels lower than usual, for those that swim or fly
    look: Look | None = None


def draw(pen: Pen, d: Drawn) -> None:
    family = FAMILY_OF[d.kind]
    tall = HEIGHT * _SCALE[family] * d.size
    unit = tall / _UNITS[family]
    turn, flip, x, y = 0.0, float(d.facing), d.x * WIDTH, _GROUND
    if family == "swimmer":
        y = HEIGHT * (0.52 + 0.04 * math.sin(2 * math.pi * d.time + d.phase)) + d.height
    elif family == "flier":
        y = HEIGHT * (0.36 + 0.05 * math.sin(4 * math.pi * d.time + d.phase)) + d.height
    if d.motion == "spinning":  # about the vertical axis: the width swings, and never quite vanishes
        # Every clip begins with the right side in sight: the box says how wide somebody is, not which side is seen.
        swing = math.cos(2 * math.pi * d.time + (d.phase - math.pi) / 2)
        flip = swing if abs(swing) > 0.08 else 0.08
    middle = 0.0
    if d.motion in ("cartwheeling", "somersaulting"):  # about the middle of the body
        forward = d.motion == "cartwheeling"
        turn = 2 * math.pi * d.time * d.facing * (1 if forward else -1)
        middle = tall * 0.42
        y -= middle + (0.0 if forward else HEIGHT * 0.2 * math.sin(math.pi * d.time))
    with pen.moved(x, y, turn, flip), pen.moved(0, middle, 0, unit, unit):
        {"biped": _biped, "quad": _quad, "swimmer": _swimmer, "flier": _flier}[family](pen, d)


# ---------------------------------------------------------------- bipeds


@dataclass
class Pose:
    """Angles in radians, 0 hanging down, positive forward; lengths in the body's units."""

    front_leg: float = 0.06
    back_leg: float = -0.06
    front_arm: float = 0.25
    back_arm: float = -0.25
    lean: float = 0.0
    hip: float = 24.0  # above the ground
    lift: float = 0.0


def _cycle(d: Drawn, rate: float = 1.25) -> float:
    return 2 * math.pi * d.time * rate + d.phase


def _hop(d: Drawn) -> float:
    """0 on the ground, 1 at the top of a jump; one and a half jumps a clip."""
    return math.sin(math.pi * ((d.time * 1.5 + d.phase / 6.3) % 1.0))


def biped_pose(d: Drawn) -> Pose:
    at = _cycle(d)
    swing, fast, hop = math.sin(at), math.sin(1.5 * at), _hop(d)
    match d.motion:
        case "walking":
            return Pose(0.5 * swing, -0.5 * swing, -0.55 * swing, 0.55 * swing, lift=1.2 * abs(math.cos(at)))
        case "running":
            return Pose(0.95 * fast, -0.95 * fast, -1.2 * fast, 1.2 * fast, lean=0.22, lift=3 * abs(math.cos(1.5 * at)))
        case "jumping":
            return Pose(0.5 * hop, -0.35 * hop, 2.4 * hop + 0.3, -2.4 * hop - 0.3, lift=20 * hop)
        case "waving":
            return Pose(front_arm=2.55 + 0.45 * fast)
        case "sitting":
            return Pose(1.45, 1.3, 0.5, 0.2, hip=9, lift=0.4 * math.sin(0.5 * at))
        case "dancing":
            return Pose(0.35 * swing + 0.15, 0.35 * swing - 0.15, 1.7 + 0.9 * swing, -1.7 + 0.9 * swing, lean=0.16 * swing, lift=2 * abs(swing))
        case "standing":
            return Pose(lift=0.5 * math.sin(0.5 * at))
        case "bowing":
            lean = 0.65 * (1 - math.cos(2 * math.pi * d.time))
            return Pose(front_arm=0.4 + lean, back_arm=-0.1, lean=lean)
        case "stretching":
            reach = 0.5 - 0.5 * math.cos(2 * math.pi * d.time)
            return Pose(front_arm=0.2 + 2.8 * reach, back_arm=-0.2 - 2.8 * reach, lift=3 * reach)
        case "cartwheeling":
            return Pose(0.5, -0.5, 2.7, -2.7)
        case "somersaulting":  # tucked
            return Pose(1.75, 1.5, 1.25, 1.0, lean=0.35, hip=13)
        case _:  # spinning
            return Pose()


def _biped(pen: Pen, d: Drawn) -> None:
    pose, look, kind, body = biped_pose(d), d.look or Look(), d.kind, COLOURS[d.colour]
    if kind == "teddy bear":
        skin, trousers, boots = body, body, shade(body, 0.8)
    else:
        suited = kind in ("astronaut", "robot")
        skin = body if suited else SKIN
        trousers, boots = shade(body, 0.85 if suited else 0.7), shade(body, 0.45)
    thick = 6.5 if kind in ("teddy bear", "astronaut", "robot") else 5.6
    rise = -(pose.hip + pose.lift)

    with pen.moved(0, rise):
        pen.limb(-3, 0, pose.back_leg, 21, thick, shade(trousers, 0.9), boots)
        with pen.moved(angle=pose.lean):
            pen.limb(-7, -19, pose.back_arm, 16, _ARM, shade(body, 0.8), skin)
        pen.limb(3, 0, pose.front_leg, 21, thick, trousers, boots)
        with pen.moved(angle=pose.lean):
            if look.cape:
                pen.polygon([(-8, -21), (2, -21), (-8, 12), (-19, 9)], COLOURS[look.cape])
            _trunk(pen, d, body)
            _head(pen, kind, body, skin)
            _hat(pen, kind, body, look)
            if kind == "wizard":  # the beard
                pen.polygon([(-2, -24), (8, -24), (4, -9)], (236, 236, 240))
            hand = pen.limb(7, -19, pose.front_arm, 16, _ARM, shade(body, 0.92), skin)
            if kind == "wizard":  # the wand
                pen.limb(*hand, pose.front_arm + 2.6, 14, 1.8, (120, 80, 40), LAMP)
            if kind == "knight":  # the sword
                pen.limb(*hand, pose.front_arm + 2.2, 18, 2, (210, 214, 224))


def _trunk(pen: Pen, d: Drawn, body: Colour) -> None:
    if d.kind in ("witch", "wizard", "girl", "king") and d.motion != "sitting":
        pen.polygon([(-7, -21), (7, -21), (11, 9), (-11, 9)], body)  # a gown
    else:
        pen.box(-8, -21, 8, 3, body)
        pen.ellipse(0, 1, 8, 4, body)
    match d.kind:
        case "knight":
            pen.box(-8, -12, 8, -8, STEEL)
        case "robot":
            pen.box(-4, -17, 4, -9, LAMP)
        case "astronaut":
            pen.box(-5, -14, 5, -7, (60, 90, 160))
        case "teddy bear":
            pen.ellipse(1, -8, 5.5, 7, shade(body, 1.45))


def _head(pen: Pen, kind: str, body: Colour, skin: Colour) -> None:
    x, y = 1.0, -29.0
    match kind:
        case "robot":
            pen.box(-8, -37, 9, -22, shade(body, 1.1))
            pen.limb(0, -37, math.pi, 6, 1.6, (90, 90, 90), (230, 60, 60))
        case "astronaut":
            pen.dot(x, y, 10.5, shade(body, 1.05))
            pen.ellipse(x + 3, y, 6.5, 7, (60, 100, 170))
        case "teddy bear":
            for ear in (-7, 8):
                pen.dot(ear, y - 8, 4, shade(body, 0.85))
            pen.ellipse(x, y, 8.5, 9, skin)
            pen.ellipse(x + 4, y + 3, 3.5, 3, shade(body, 1.45))
        case "knight":
            pen.ellipse(x, y, 8.5, 9, (200, 204, 212))
            pen.box(2, y - 3, 10, y + 1, (40, 40, 48))
        case _:
            pen.ellipse(x, y, 8.5, 9, skin)
            if kind == "girl":  # hair
                pen.polygon([(-9, -39), (7, -39), (2, -31), (-4, -31), (-6, -17), (-11, -17)], (92, 56, 30))
    if kind not in ("knight", "astronaut"):
        pen.ellipse(x + 4.5, y - 1, 1.5, 1.8, EYE)
        pen.ellipse(x - 0.5, y - 1, 1.3, 1.6, EYE)


def _hat(pen: Pen, kind: str, body: Colour, look: Look) -> None:
    hat = look.hat or {"witch": "cone", "wizard": "cone", "king": "crown", "knight": "plume"}.get(kind)
    own = {"king": GOLD, "knight": body}.get(kind, shade(body, 0.6))
    colour = COLOURS[look.hat_colour] if look.hat_colour else own
    match hat:
        case "cone":
            pen.box(-12, -38, 14, -35, colour)
            pen.polygon([(-7, -38), (9, -38), (-3, -55)], colour)
        case "crown":
            pen.polygon([(-8, -36), (10, -36), (11, -46), (6, -41), (1, -47), (-4, -41), (-9, -46)], colour)
        case "plume":
            pen.ellipse(-2, -41, 3, 6, colour, -0.5)
        case "top":
            pen.box(-12, -38.5, 14, -36, colour)
            pen.box(-7, -52, 9, -38, colour)


# ---------------------------------------------------------------- on four legs


@dataclass
class Gait:
    """Angles of the near hind, far hind, near fore and far fore leg; the tilt of the trunk; heights."""

    legs: tuple[float, float, float, float] = (0.05, -0.05, 0.05, -0.05)
    tilt: float = 0.0
    hip: float = 14.0
    lift: float = 0.0


def _gait(d: Drawn) -> Gait:
    at = _cycle(d)
    swing, fast, hop = math.sin(at), math.sin(1.5 * at), _hop(d)
    match d.motion:
        case "walking":
            return Gait((0.5 * swing, -0.5 * swing, -0.5 * swing, 0.5 * swing), lift=abs(math.cos(at)))
        case "running":
            return Gait((0.95 * fast, 0.7 * fast, -0.95 * fast, -0.7 * fast), 0.12 * fast, lift=3 * abs(math.cos(1.5 * at)))
        case "jumping":
            return Gait((-0.8 * hop, -0.6 * hop, 0.8 * hop, 0.6 * hop), lift=16 * hop)
        case "sitting":
            return Gait((1.2, 1.0, 0.45, 0.6), -0.55, 10)
        case "standing":
            return Gait(lift=0.3 * math.sin(0.5 * at))
        case _:  # spinning
            return Gait()


def _quad(pen: Pen, d: Drawn) -> None:
    gait, body, kind = _gait(d), COLOURS[d.colour], d.kind
    leg = 16.25 if kind == "horse" else 13.0
    wag = 0.5 * math.sin(1.3 * _cycle(d))
    near_hind, far_hind, near_fore, far_fore = gait.legs
    with pen.moved(0, -(gait.hip + gait.lift), gait.tilt):
        match kind:  # the tail
            case "horse":
                pen.limb(-15, -6, -0.5 + 0.3 * wag, 14, 5, shade(body, 0.5))
            case "dog":
                pen.limb(-14, -6, -2.3 + wag, 10, 3.4, body)
            case "fox":
                pen.limb(-14, -5, -2 + 0.5 * wag, 17, 7.5, body, CREAM)
            case "cat":
                pen.limb(-14, -5, -2 + 0.5 * wag, 15, 2.6, body)
        pen.limb(-11, 0, far_hind, leg, 4.2, shade(body, 0.72))
        pen.limb(9, 0, far_fore, leg, 4.2, shade(body, 0.72))
        pen.ellipse(-1, -3, 16, 7.5, body)
        pen.limb(-9, 0, near_hind, leg, 4.4, shade(body, 0.88))
        pen.limb(11, 0, near_fore, leg, 4.4, shade(body, 0.88))
        x, y = _horse_head(pen, body) if kind == "horse" else _pet_head(pen, kind, body)
        if d.look and d.look.collar:
            pen.ellipse(x - 3, y + 6.5, 6, 2.2, COLOURS[d.look.collar], 0.5)


def _horse_head(pen: Pen, body: Colour) -> tuple[float, float]:
    pen.limb(12, -6, 2.5, 15, 7, body)
    pen.ellipse(23, -19, 7.5, 4.5, body, 0.4)
    pen.polygon([(17, -24), (20, -30), (22, -23)], body)
    pen.limb(13, -9, 2.45, 15, 3, shade(body, 0.5))  # the mane
    pen.dot(24, -21, 1.2, EYE)
    return 23, -19


def _pet_head(pen: Pen, kind: str, body: Colour) -> tuple[float, float]:
    x, y = 15, -13
    if kind == "dog":
        pen.ellipse(x - 6, y + 1, 3, 6.5, shade(body, 0.6), 0.2)  # a hanging ear
    else:
        pen.polygon([(x - 7, y - 3), (x - 6, y - 13), (x - 1, y - 6)], body)
        pen.polygon([(x + 1, y - 6), (x + 5, y - 13), (x + 7, y - 3)], body)
    pen.ellipse(x, y, 8, 7.2, body)
    pen.ellipse(x + 6, y + 2.5, 2.6 if kind == "cat" else 4.2, 2.8, CREAM if kind == "fox" else shade(body, 1.3))
    pen.ellipse(x + (8 if kind == "cat" else 9), y + 1.5, 1.3, 1.2, EYE)
    pen.ellipse(x + 3, y - 1.5, 1.4, 1.7, EYE)
    return x, y


# ---------------------------------------------------------------- in the water and in the air


def _swimmer(pen: Pen, d: Drawn) -> None:
    body, strength = COLOURS[d.colour], 1.0 if d.motion == "swimming" else 0.35
    beat = math.sin(_cycle(d))
    w = 0.45 * strength * beat  # how far the tail is up or down
    match d.kind:
        case "fish":
            pen.polygon([(-13, 0), (-24, -8 + 10 * w), (-22, 8 + 10 * w)], shade(body, 0.75))
            pen.ellipse(0, 0, 15, 9.5, body)
            pen.polygon([(-3, -8), (5, -8), (-5, -15)], shade(body, 0.75))
            pen.polygon([(-4, 2), (3, 3), (-6, 9 + 4 * w)], shade(body, 0.65))
            pen.dot(9, -2, 2.6, (250, 250, 250))
            pen.dot(9.6, -2, 1.4, DARK_EYE)
        case "dolphin":
            pen.polygon([(-20, 4 + 12 * w), (-33, -4 + 22 * w), (-28, 2 + 16 * w), (-32, 10 + 16 * w)], shade(body, 0.8))
            pen.polygon([(-24, 3 + 8 * w), (-6, -9), (14, -8), (24, 0), (12, 7), (-8, 8)], body)
            pen.polygon([(-4, -8), (5, -8), (-6, -18)], shade(body, 0.75))
            pen.polygon([(20, -3), (32, 2), (20, 4)], body)
            pen.polygon([(2, 5), (9, 5), (0, 15 + 6 * w)], shade(body, 0.7))
            pen.polygon([(-6, 6), (16, 4), (8, 8)], (238, 240, 244))
            pen.dot(17, -3, 1.4, DARK_EYE)
        case _:  # mermaid: tail, fin, hips, trunk, arm, hair, face
            hair = (190, 60, 40)
            pen.polygon([(-2, -5), (-2, 5), (-22, 3 + 9 * w), (-24, -1 + 9 * w)], body)
            pen.polygon([(-22, 1 + 9 * w), (-34, -8 + 16 * w), (-30, 2 + 14 * w), (-33, 10 + 14 * w)], shade(body, 0.8))
            pen.ellipse(-3, 0, 6, 5.6, body)
            pen.polygon([(-2, -5), (11, -4.5), (11, 4.5), (-2, 5)], SKIN)
            pen.box(4, -5, 9, 5, shade(body, 0.8))
            pen.limb(9, 0, 1.2 + 0.9 * strength * beat, 13, 3.4, SKIN)
            pen.polygon([(12, -9), (20, -10), (8, -6 + 5 * w), (-8, -12 + 8 * w), (-4, -6 + 6 * w), (8, -3)], hair)
            pen.dot(17, -2, 7, SKIN)
            pen.polygon([(9, -6), (16, -11), (22, -8), (14, -4)], hair)
            pen.ellipse(20, -2, 1.3, 1.5, DARK_EYE)


def _flier(pen: Pen, d: Drawn) -> None:
    body = COLOURS[d.colour]
    flap = 0.3 if d.motion == "spinning" else math.sin(_cycle(d, 1.75))
    if d.kind == "bird":
        pen.polygon([(-10, 0), (-22, -4), (-22, 5)], shade(body, 0.7))
        pen.ellipse(0, 0, 13, 8, body)
        pen.ellipse(12, -6, 6.5, 6, body)
        pen.polygon([(17, -7), (25, -5), (17, -3)], (250, 180, 40))
        pen.dot(14, -7, 1.5, DARK_EYE)
        pen.polygon([(-6, -3), (6, -3), (-4, -3 - 17 * flap)], shade(body, 0.6))
        return
    pen.polygon([(-8, 2), (-30, 8 + 4 * flap), (-34, 2 + 4 * flap), (-10, -4)], body)  # the dragon's tail
    pen.polygon([(-6, -4), (8, -4), (2, -8 - 20 * flap), (-14, -6 - 16 * flap)], shade(body, 0.6))
    pen.ellipse(0, 1, 14, 8, body)
    pen.ellipse(0, 4, 10, 4, shade(body, 1.5))
    pen.limb(9, -2, 2.3, 11, 6, body)
    pen.ellipse(20, -11, 8, 5, body, 0.15)
    pen.polygon([(13, -13), (10, -21), (17, -15)], (240, 230, 200))
    pen.dot(20, -13, 1.4, (250, 230, 60))
    pen.limb(-4, 6, 0.2, 7, 3.5, shade(body, 0.8))
    pen.limb(6, 6, -0.1, 7, 3.5, shade(body, 0.8))
