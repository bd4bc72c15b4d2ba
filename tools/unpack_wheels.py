#!/usr/bin/env python3
"""Unpacks the parts of Python wheels that a C++ program needs: LibTorch's headers and libraries, NVIDIA's libraries.

    unpack_wheels.py DEVICE TARGET WHEEL...

TARGET appears complete or not at all: everything goes to a temporary folder beside it, which then takes its name. What
TARGET holds already (the files for "cpu", when those for "cuda" are added) is kept. DEVICE is "cpu" or "cuda".
"""
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

# The rest of the wheels is Python, static libraries and tools: two thirds of the disk space.
WANTED = {
    "cpu": r"torch/include/.*|torch/lib/(libtorch_cpu\.so|libc10\.so|libgomp\.so\.1)|nvidia/[^/]+/lib/[^/]+\.so[.0-9]*"
           r"|[^/]+\.dist-info/(licenses/.*|LICENSE|NOTICE)",
    "cuda": r"torch/lib/(libtorch_cuda|libtorch_cuda_linalg|libc10_cuda|libtorch_nvshmem|libcaffe2_nvrtc)\.so",
}


def unpack(wheel: Path, folder: Path, wanted: re.Pattern) -> int:
    """Extracts the wanted files of one wheel and returns how many there were; zipfile checks each file's checksum."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if wanted.fullmatch(name) and not name.endswith("/")]
        for name in names:
            # A file of an older set-up may be a hard link: never write through it.
            (folder / name).unlink(missing_ok=True)
            archive.extract(name, folder)
    return len(names)


def main() -> int:
    if len(sys.argv) < 4 or sys.argv[1] not in WANTED:
        print(__doc__, file=sys.stderr)
        return 2
    device, target = sys.argv[1], Path(sys.argv[2])
    pattern = WANTED["cpu"] if device == "cpu" else WANTED["cpu"] + "|" + WANTED["cuda"]
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    previous = target.with_name(f"{target.name}.{os.getpid()}.old")
    try:
        if target.exists():
            shutil.copytree(target, temporary, copy_function=os.link)
        for wheel in map(Path, sys.argv[3:]):
            if unpack(wheel, temporary, re.compile(pattern)) == 0:
                print(f"error: {wheel.name}: nothing in it that LibTorch needs", file=sys.stderr)
                return 1
        if target.exists():
            target.rename(previous)
        temporary.rename(target)
    except (OSError, zipfile.BadZipFile) as error:
        print(f"error: {target}: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
