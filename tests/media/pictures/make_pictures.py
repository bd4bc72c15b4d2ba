#!/usr/bin/env python3
"""Makes the pictures of this folder, with Pillow (and two with ImageMagick): small files of the kinds that people have.

All show the same, 32 x 16: red, green, blue and yellow quarters (top left, top right, bottom left, bottom right). Where there is
transparency, green is fully and blue half transparent. Each file is checked against Pillow's own reading of it.
"""
from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path

from PIL import Image, ImageOps

FOLDER = Path(__file__).resolve().parent
WIDTH, HEIGHT = 32, 16
QUARTERS = [(200, 30, 40), (30, 180, 60), (40, 60, 200), (230, 200, 40)]
ALPHAS = [255, 0, 128, 255]
ORIENTATION = 0x0112
TURN = Image.Transpose
# What to do to an upright picture so that EXIF's number turns it back.
STORED = {
    2: TURN.FLIP_LEFT_RIGHT, 3: TURN.ROTATE_180, 4: TURN.FLIP_TOP_BOTTOM, 5: TURN.TRANSPOSE, 6: TURN.ROTATE_90, 7: TURN.TRANSVERSE,
    8: TURN.ROTATE_270,
}


def quarter(x: int, y: int) -> int:
    return (2 if y >= HEIGHT // 2 else 0) + (1 if x >= WIDTH // 2 else 0)


def picture(mode: str, value) -> Image.Image:
    """A picture whose pixel in quarter `q` is `value(q)`."""
    image = Image.new(mode, (WIDTH, HEIGHT))
    image.putdata([value(quarter(x, y)) for y in range(HEIGHT) for x in range(WIDTH)])
    return image


def rgb() -> Image.Image:
    return picture("RGB", lambda q: QUARTERS[q])


def rgba() -> Image.Image:
    return picture("RGBA", lambda q: (*QUARTERS[q], ALPHAS[q]))


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def inks(colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """C, M, Y, K of a colour, with as much black as goes."""
    black = 255 - max(colour)
    return (*(round(255 - 255 * channel / (255 - black)) for channel in colour), black)


def four_inks(with_marker: bool) -> bytes:
    """A JPEG of C, M, Y, K. Pillow writes Adobe's way: inverted, with the APP14 marker, which can be cut out."""
    values = [inks(colour) for colour in QUARTERS]
    data = encoded(picture("CMYK", lambda q: values[q]), "JPEG", quality=95, optimize=True)
    marker = data.index(b"\xff\xee\x00\x0eAdobe")
    return data if with_marker else data[:marker] + data[marker + 16 :]


def turned_inks(sampling: str) -> bytes:
    """Four inks turned to Y, Cb, Cr, K, as ImageMagick writes them."""
    command = ["convert", "png:-", "-strip", "-colorspace", "CMYK", "-sampling-factor", sampling, "-quality", "95", "jpeg:-"]
    return subprocess.run(command, input=encoded(rgb(), "PNG"), stdout=subprocess.PIPE, check=True).stdout


def sixteen_bits() -> bytes:
    """PNG of 16-bit RGB, which Pillow cannot write: the chunks by hand."""
    import zlib

    rows = b"".join(
        b"\0" + b"".join(struct.pack(">3H", *(channel * 257 + 3 for channel in QUARTERS[quarter(x, y)])) for x in range(WIDTH))
        for y in range(HEIGHT))
    chunks = [(b"IHDR", struct.pack(">2I5B", WIDTH, HEIGHT, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def palette(transparent: bool) -> tuple[Image.Image, dict]:
    image = picture("P", lambda q: q)
    image.putpalette([channel for colour in QUARTERS for channel in colour])
    return image, {"transparency": bytes(ALPHAS)} if transparent else {}


def main() -> None:
    files: dict[str, bytes] = {}
    for orientation in range(1, 9):
        stored = rgb().transpose(STORED[orientation]) if orientation > 1 else rgb()
        files[f"orientation-{orientation}.jpg"] = encoded(
            stored, "JPEG", quality=95, subsampling=0, optimize=True, exif=exif(orientation))
    turned = rgb().transpose(STORED[6])
    files["exif.png"] = encoded(turned, "PNG", exif=exif(6))
    files["exif.webp"] = encoded(turned, "WebP", lossless=True, exif=exif(6))
    files["grey.jpg"] = encoded(picture("L", lambda q: QUARTERS[q][0]), "JPEG", quality=95)
    files["progressive.jpg"] = encoded(rgb(), "JPEG", quality=95, subsampling=0, progressive=True)
    files["420.jpg"] = encoded(rgb(), "JPEG", quality=95, subsampling=2)
    files["inks-cmyk.jpg"] = four_inks(with_marker=True)
    files["inks-unmarked.jpg"] = four_inks(with_marker=False)
    files["inks-ycck.jpg"] = turned_inks("1x1,1x1,1x1,1x1")
    files["inks-ycck-420.jpg"] = turned_inks("2x2,1x1,1x1,2x2")
    image, options = palette(True)
    files["palette.png"] = encoded(image, "PNG", **options)
    files["grey.png"] = encoded(picture("L", lambda q: QUARTERS[q][0]), "PNG")
    files["grey-alpha.png"] = encoded(picture("LA", lambda q: (QUARTERS[q][0], ALPHAS[q])), "PNG")
    files["one-bit.png"] = encoded(picture("1", lambda q: 255 * (q % 2)), "PNG")
    files["16-bit.png"] = sixteen_bits()
    files["rgba.png"] = encoded(rgba(), "PNG")
    files["lossy.webp"] = encoded(rgb(), "WebP", quality=95)
    files["lossy-alpha.webp"] = encoded(rgba(), "WebP", quality=95, exact=True)
    files["lossless-alpha.webp"] = encoded(rgba(), "WebP", lossless=True, exact=True)
    files["animated.webp"] = encoded(rgb(), "WebP", save_all=True, append_images=[rgb().transpose(TURN.ROTATE_180)], lossless=True)
    files["plain.bmp"] = encoded(rgb(), "BMP")
    files["palette.bmp"] = encoded(palette(False)[0], "BMP")
    files["plain.gif"] = encoded(palette(False)[0], "GIF")
    files["transparent.gif"] = encoded(palette(False)[0], "GIF", transparency=1)
    files["two.gif"] = encoded(palette(False)[0], "GIF", save_all=True, append_images=[palette(False)[0].transpose(TURN.ROTATE_180)])
    files["other.tiff"] = encoded(rgb().resize((4, 4)), "TIFF")
    for name, data in files.items():
        assert len(data) < 2048, (name, len(data))
        (FOLDER / name).write_bytes(data)
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
        # Pillow takes all inks for inverted.
        if name not in ("other.tiff", "inks-unmarked.jpg"):
            assert shown.size == (WIDTH, HEIGHT), name
            print(f"{name:22} {len(data):5} bytes, quarters {[shown.getpixel(at) for at in ((4, 4), (28, 4), (4, 12), (28, 12))]}")


if __name__ == "__main__":
    main()
