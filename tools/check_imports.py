#!/usr/bin/env python3
"""Fails on any #include in src/ and tests/ that the room table of docs/architecture.md does not allow.

    check_imports.py [ROOT]       check the checkout at ROOT (default: the one this script is in)
    check_imports.py --self-test  check the checker on small made-up checkouts

The rules, read from the table whose header begins `| room | may include |`:
  - a room includes its own headers, those of the rooms in its row, and those of what these may include;
  - LibTorch headers (<ATen/...>, <torch/...>, <c10/...>) only in rooms marked T;
  - tests/ROOM/ may include tests/support/, headers beside the test, and any room; but a room marked T only where ROOM may:
    tests of the others have to build without LibTorch. Other folders of tests/ (golden) are free.
A room that is not in the table, a row without a folder and a cycle are faults as well.
"""
import re
import sys
import tempfile
from pathlib import Path

TABLE = Path("docs/architecture.md")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
LIBTORCH = ("ATen/", "torch/", "c10/")
SUFFIXES = {".h", ".hpp", ".cpp", ".cc", ".cu"}


class Fault(Exception):
    """The table itself cannot be used."""


def read_table(text):
    """Returns {room: set of rooms in its row} and the set of rooms marked T."""
    rooms, torch_rooms, inside = {}, set(), False
    for line in text.splitlines():
        cells = [cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")]
        if cells[:2] == ["room", "may include"]:
            inside = True
        elif inside and not line.strip().startswith("|"):
            break
        elif inside and not set(cells[0]) <= set("-: "):
            name = cells[0].rstrip("/")
            if name in rooms:
                raise Fault(f"{TABLE}: room {name} comes twice")
            rooms[name] = set() if cells[1] == "nothing" else set(cells[1].split())
            if len(cells) > 2 and cells[2] == "T":
                torch_rooms.add(name)
    if not rooms:
        raise Fault(f"{TABLE}: no table that begins with '| room | may include |'")
    for room, deps in rooms.items():
        for unknown in sorted(deps - set(rooms)):
            raise Fault(f"{TABLE}: room {room} may include {unknown}, which has no row")
    return rooms, torch_rooms


def reachable(rooms):
    """Returns {room: all rooms it may include}; a room's row may name rooms of the rows above it only."""
    closure = {}
    for room, deps in rooms.items():
        late = sorted(dep for dep in deps if dep not in closure)
        if late:
            raise Fault(f"{TABLE}: room {room} may include {late[0]}, whose row comes later; the order is that of dependency")
        closure[room] = deps.union(*(closure[dep] for dep in deps))
    return closure


def faults_of_file(path, where, room, allowed, may_torch, known, is_test):
    """The lines of one file that break the rules."""
    faults = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1) or match.group(2)
        if target.startswith(LIBTORCH):
            if not may_torch:
                faults.append(f"{where}:{number}: LibTorch header <{target}>; room {room} is not marked T")
            continue
        if not match.group(1):
            continue
        first, slash, _ = target.partition("/")
        if not slash or first not in known:
            if not (is_test and (first == "support" or (not slash and (path.parent / target).exists()))):
                faults.append(f'{where}:{number}: "{target}" is not written as "room/file.h"')
        elif first != room and first not in allowed:
            faults.append(f'{where}:{number}: "{target}"; room {room} may include {" ".join(sorted(allowed)) or "nothing"}')
    return faults


def check(root):
    """All faults of a checkout, as lines."""
    rooms, torch_rooms = read_table((root / TABLE).read_text(encoding="utf-8"))
    closure = reachable(rooms)
    faults = []
    folders = {path.name for path in (root / "src").iterdir() if path.is_dir() and any(path.rglob("*.*"))}
    faults += [f"src/{name}: no row in the table of {TABLE}" for name in sorted(folders - set(rooms))]
    faults += [f"{TABLE}: room {name} has no folder in src/" for name in sorted(set(rooms) - folders)]
    for top in ("src", "tests"):
        for path in sorted((root / top).rglob("*")):
            where = path.relative_to(root)
            if path.suffix not in SUFFIXES or len(where.parts) < 3 or where.parts[1] not in rooms:
                continue
            room = where.parts[1]
            allowed = closure[room]
            if top == "tests":
                allowed = set(rooms) if room in torch_rooms else allowed | (set(rooms) - torch_rooms)
            faults += faults_of_file(path, where, room, allowed, room in torch_rooms, rooms, top == "tests")
    return faults


def self_test():
    """Each rule is broken once in a made-up checkout, and each break has to be found."""
    table = "| room | may include | | holds |\n|---|---|---|---|\n| `base/` | nothing | | x |\n| `nn/` | `base` | T | x |\n| `cli/` | `nn` | | x |\n"
    clean = {"src/base/a.h": "", "src/nn/n.cpp": '#include <ATen/ATen.h>\n#include "nn/n.h"\n#include "base/a.h"\n',
             "src/cli/c.cpp": '#include <vector>\n#include "base/a.h"\n', "tests/cli/t.cpp": '#include "support/x.h"\n#include "cli/c.h"\n',
             "tests/base/h.h": "", "tests/base/t.cpp": '#include "h.h"\n#include "cli/c.h"\n',
             "tests/golden/g.cpp": '#include <ATen/ATen.h>\n#include "nn/n.h"\n'}
    cases = [
        ("clean", {}, table, None),
        ("a room above", {"src/base/b.cpp": '#include "cli/c.h"\n'}, table, 'src/base/b.cpp:1: "cli/c.h"; room base may include nothing'),
        ("a spaced include", {"src/base/b.cpp": '\n#  include"nn/n.h"\n'}, table, 'src/base/b.cpp:2: "nn/n.h"'),
        ("LibTorch outside T", {"src/cli/c.cpp": "#include <c10/util/Half.h>\n"}, table, "src/cli/c.cpp:1: LibTorch header"),
        ("LibTorch in a test", {"tests/cli/t.cpp": "#include <torch/torch.h>\n"}, table, "tests/cli/t.cpp:1: LibTorch header"),
        ("a test that needs LibTorch by a room", {"tests/base/t.cpp": '#include "nn/n.h"\n'}, table, 'tests/base/t.cpp:1: "nn/n.h"'),
        ("a bare name beside no test", {"tests/base/t.cpp": '#include "gone.h"\n'}, table, 'is not written as "room/file.h"'),
        ("support in src", {"src/cli/c.cpp": '#include "support/x.h"\n'}, table, 'is not written as "room/file.h"'),
        ("a bare name", {"src/cli/c.cpp": '#include "c.h"\n'}, table, 'is not written as "room/file.h"'),
        ("a room without a row", {"src/new/x.h": ""}, table, "src/new: no row"),
        ("a row without a room", {}, table + "| `gone/` | nothing | | x |\n", "room gone has no folder"),
        ("a row that looks down", {}, table.replace("nothing", "`cli`"), "whose row comes later"),
        ("an unknown room in a row", {}, table.replace("nothing", "`nowhere`"), "nowhere, which has no row"),
        ("no table", {}, "words\n", "no table"),
    ]
    failed = 0
    for name, files, text, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            for path, content in {**clean, **files, str(TABLE): text}.items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_text(content, encoding="utf-8")
            try:
                found = check(Path(folder))
            except Fault as fault:
                found = [str(fault)]
        good = not found if expected is None else len(found) == 1 and expected in found[0]
        if not good:
            failed += 1
            print(f"check_imports self-test: {name}: expected {expected}, found {found}", file=sys.stderr)
    print(f"check_imports self-test: {len(cases) - failed} of {len(cases)} cases as expected")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    try:
        faults = check(root)
    except Fault as fault:
        faults = [str(fault)]
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    if not faults:
        print("check_imports: every include keeps to the table of docs/architecture.md")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
