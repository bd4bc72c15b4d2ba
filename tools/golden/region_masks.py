"""Digests of the region masks of the released plans: the oracle of tests/region/region_masks_test.cpp.

Reads plans as Python literals and lays their boxes on a token grid by the rules of docs/plans.md ("From boxes to
tokens"), one token and one frame at a time, in the plainest way. It shares no code with the program. Needs Python 3.9
and nothing else:

    python tools/golden/region_masks.py PLANS_FOLDER tests/golden/region_masks.json

A digest is the first 16 hexadecimal digits of the SHA-256 of the masks' bytes, [N][F][H][W] in C order with the
background last, or of the captions, each followed by a newline.
"""
import ast
import hashlib
import json
import math
import pathlib
import re
import sys

GRIDS = [(12, 30, 45), (8, 6, 9)]
INTERPOLATIONS = ["repeat", "linear"]


def read_plan(payload):
    """The text of a released plan -> (background, [[(entity, motion, caption, box), ...] for each key frame])."""
    text = payload.strip()
    assert text[0] == text[-1] == '"'
    lines = [line.strip() for line in text[1:-1].splitlines() if line.strip()]
    background = re.fullmatch(r"Background:\s*(.*)", lines[0]).group(1)
    frames = []
    for number, line in enumerate(lines[1:], 1):
        head, body = re.fullmatch(r"Frame_(\d+):\s*(.*)", line).groups()
        assert int(head) == number
        frames.append([(*names, tuple(map(float, box))) for names, box in ast.literal_eval("[" + body + "]")])
    return background, frames


def clip(box):
    return tuple(min(1.0, max(0.0, edge)) for edge in box)


def numbered(frame):
    """Regions by (entity, motion, caption, how many of the same came before it in the frame)."""
    found = {}
    for entity, motion, caption, box in frame:
        earlier = sum(1 for key in found if key[:3] == (entity, motion, caption))
        found[entity, motion, caption, earlier] = clip(box)
    return found


def boxes_at(frames, k, latent_frames, interpolation):
    """What latent frame k shows: [(entity, motion, caption, clipped box)]."""
    count = len(frames)
    shown = numbered(frames[math.floor(k * count / latent_frames)])
    if interpolation == "linear":
        # In key frames, with key frame i in the middle of its stretch; whole numbers until the division.
        doubled = (2 * k + 1) * count - latent_frames
        first, rest = divmod(doubled, 2 * latent_frames)
        if doubled >= 0 and first + 1 < count:
            left, right = numbered(frames[first]), numbered(frames[first + 1])
            weight = rest / (2 * latent_frames)
            for key in left.keys() & right.keys():
                shown[key] = tuple(a + (b - a) * weight for a, b in zip(left[key], right[key]))
    return [(*key[:3], box) for key, box in shown.items()]


def region_masks(background, frames, grid, interpolation):
    """-> captions with the background last, and one bytearray a caption."""
    latent_frames, height, width = grid
    captions = list(dict.fromkeys(caption for frame in frames for _, _, caption, _ in frame))
    masks = {caption: bytearray(latent_frames * height * width) for caption in captions}
    for k in range(latent_frames):
        for _, _, caption, (left, top, right, bottom) in boxes_at(frames, k, latent_frames, interpolation):
            for y in range(round(top * height), round(bottom * height)):
                for x in range(round(left * width), round(right * width)):
                    masks[caption][(k * height + y) * width + x] = 1
    rest = bytearray(int(not any(column)) for column in zip(*masks.values()))
    return captions + [background], [*masks.values(), rest]


def authors_masks(frames, grid):
    """The authors' slicing for their 12 latent frames: no clipping, so a negative edge counts from the other side."""
    latent_frames, height, width = grid
    masks = {}
    for number, frame in enumerate(frames):
        for _, _, caption, (left, top, right, bottom) in frame:
            mask = masks.setdefault(caption, [[[0] * width for _ in range(height)] for _ in range(latent_frames)])
            for k in (2 * number, 2 * number + 1):
                for row in mask[k][round(top * height):round(bottom * height)]:
                    columns = slice(round(left * width), round(right * width))
                    row[columns] = [1] * len(row[columns])
    return [bytearray(token for plane in mask for row in plane for token in row) for mask in masks.values()]


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def main(folder, target):
    plans, differing = [], []
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            background, frames = read_plan(json.loads(line)[1])
            entry = {"file": path.name, "line": number, "key_frames": len(frames), "regions": sum(map(len, frames))}
            for grid in GRIDS:
                for interpolation in INTERPOLATIONS:
                    captions, masks = region_masks(background, frames, grid, interpolation)
                    entry[f"{'x'.join(map(str, grid))} {interpolation}"] = digest(b"".join(masks))
                    if grid == GRIDS[0] and interpolation == "repeat" and masks[:-1] != authors_masks(frames, grid):
                        differing.append({"file": path.name, "line": number})
            entry["captions"] = digest("".join(c + "\n" for c in captions).encode())
            entry["conditions"] = len(captions)
            plans.append(entry)
    rows = ",\n  ".join(json.dumps(plan) for plan in plans)
    pathlib.Path(target).write_text(
        f'{{"made_by": "tools/golden/region_masks.py",\n "differ_from_authors": {json.dumps(differing)},\n "plans": [\n  {rows}\n]}}\n')
    print(f"{len(plans)} plans, {sum(p['regions'] for p in plans)} regions; differing from the authors' slicing:", differing)


if __name__ == "__main__":
    main(*sys.argv[1:])
