"""What can be said of a clip, and whether it is true: the sentences that CLIP and ViCLIP learn from, and their tokenizer.

The world knows who does what where, so every sentence is checked against every clip of a batch: a batch of 48 clips and
150 sentences is 7,200 answers, not 48 pairs. An answer is yes, no, or unsure, when the only one it could be about is
mostly out of the picture.
"""
from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import world
from characters import COLOURS, FAMILIES, FAMILY_OF

CONTEXT = 32  # tokens
MERGES = 400
START, END = "<|startoftext|>", "<|endoftext|>"
MOTIONS = {**world.MOTIONS, "biped": world.MOTIONS["biped"] + world.UNSEEN_MOTIONS}
YES, NO, UNSURE = 1, 0, -1

# Other words for the kinds. "Person" is whoever walks on two legs, teddy bears included.
_PEOPLE = {noun: frozenset(FAMILIES["biped"]) for noun in ("person", "somebody", "someone")}
_NOUNS = {"man": frozenset({"king", "wizard", "knight"}), "woman": frozenset({"witch", "girl"}), "old man": frozenset({"wizard"}),
          "man in armour": frozenset({"knight"}), "animal": frozenset(FAMILIES["quad"])}


@dataclass(frozen=True)
class Claim:
    """Somebody of these kinds, of this colour, does this. None: not said."""

    kinds: frozenset[str]
    colour: str | None = None
    motion: str | None = None

    def fits(self, actor: world.Actor) -> bool:
        return (actor.kind in self.kinds and self.colour in (None, actor.colour)
                and self.motion in (None, actor.acts[0].motion))


@dataclass(frozen=True)
class Sentence:
    text: str
    claims: tuple[Claim, ...] = ()
    background: str | None = None
    nobody: bool = False

    def true_of(self, clip: world.Clip, visible: Sequence[bool]) -> int:
        """visible: which of the clip's actors can be seen well"""
        if self.background not in (None, clip.background):
            return NO
        if self.nobody:
            return YES if not clip.actors else NO if any(visible) else UNSURE
        seen = [actor for actor, there in zip(clip.actors, visible, strict=True) if there]
        return YES if self._said_of(seen) else UNSURE if len(seen) < len(clip.actors) and self._said_of(clip.actors) else NO

    def _said_of(self, actors: Sequence[world.Actor]) -> bool:
        """Each claim is about somebody else."""
        return any(all(claim.fits(actor) for claim, actor in zip(self.claims, chosen))
                   for chosen in permutations(actors, len(self.claims)))


def query(motion: str, noun: str = "person") -> Sentence:
    """What a retrieval asks the scorers: "the person is bowing"."""
    kinds = _PEOPLE.get(noun) or _NOUNS.get(noun) or frozenset({noun})
    return Sentence(f"the {noun} is {motion}", (Claim(kinds, None, motion),))


def queries() -> list[Sentence]:
    return [query(motion) for motion in MOTIONS["biped"]]


def _who(claim_kind: str, colour: str, rng: random.Random) -> tuple[str, Claim]:
    """A wording for somebody of this kind and colour, and what it claims."""
    coloured = rng.random() < 0.55
    names: list[tuple[str, frozenset[str]]] = [(claim_kind, frozenset({claim_kind}))] * 3
    names += [(noun, kinds) for noun, kinds in _NOUNS.items() if claim_kind in kinds]
    if FAMILY_OF[claim_kind] == "biped":
        names += [("person", _PEOPLE["person"])] * 2
    noun, kinds = rng.choice(names)
    if not coloured:
        return rng.choice([world.article(noun), f"the {noun}", noun]), Claim(kinds)
    wording = rng.choice([f"{world.article(colour)} {noun}", f"{world.article(colour)} {noun}", f"the {colour} {noun}", f"{world.article(noun)} in {colour}"])
    return wording, Claim(kinds, colour)


def sentence(clip: world.Clip, rng: random.Random) -> Sentence:
    """Something true, if what it speaks of can be seen."""
    where = clip.background
    if not clip.actors:
        text, silent = rng.choice([("the {}", False), ("a view of the {}", False), ("an empty {}", True), ("nobody in the {}", True), ("the empty {}", True)])
        return Sentence(text.format(where), (), where, silent)
    if rng.random() < 0.1:  # of the place alone
        return Sentence(rng.choice(["the {}", "{}", "a cartoon of the {}", "in the {}"]).format(where), (), where)
    spoken = clip.actors if rng.random() < 0.6 else [rng.choice(clip.actors)]
    parts, claims = [], []
    for actor in spoken:
        words, claim = _who(actor.kind, actor.colour, rng)
        if rng.random() < 0.92:
            motion = actor.acts[0].motion
            words += f" is {motion}" if rng.random() < 0.85 else f" {motion}"
            claim = replace(claim, motion=motion)
        parts.append(words)
        claims.append(claim)
    text, placed = rng.choice([" and ", " while "]).join(parts), rng.random() < 0.6
    if placed:
        text += rng.choice([" in the ", " in the ", " on the ", ", "]) + where
    return Sentence(text if rng.random() < 0.85 else f"cartoon of {text}", tuple(claims), where if placed else None)


def altered(clip: world.Clip, rng: random.Random) -> Sentence:
    """A sentence of a clip that differs from this one in one thing: the hardest kind of wrong one."""
    if not clip.actors:
        return sentence(world.Clip(rng.choice(world.BACKGROUNDS)), rng)
    other = world.Clip(clip.background, [replace(actor, acts=[replace(actor.acts[0])]) for actor in clip.actors])
    actor = rng.choice(other.actors)
    match rng.choices(["motion", "colour", "kind", "background"], [6, 1, 1, 1])[0]:
        case "motion":
            actor.acts[0].motion = rng.choice(MOTIONS[FAMILY_OF[actor.kind]])
        case "colour":
            actor.colour = rng.choice(list(COLOURS))
        case "kind":
            actor.kind = rng.choice(FAMILIES[FAMILY_OF[actor.kind]])
        case _:
            other.background = rng.choice(world.BACKGROUNDS)
    return sentence(other, rng)


# ---------------------------------------------------------------- CLIP's tokenizer: byte pairs, learnt from the sentences


def byte_letters() -> dict[int, str]:
    """The printable letter that stands for each byte: itself, or the next free one from U+0100 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + k) for k, byte in enumerate(hidden)}


def learn_merges(texts: Iterable[str], wanted: int = MERGES) -> list[tuple[str, str]]:
    """The commonest neighbours become one, again and again; equally common ones in alphabetical order."""
    letters = byte_letters()
    words = Counter(word for text in texts for word in re.findall(r"[a-z]+|[0-9]|[^\sa-z0-9]+", text.lower()))
    corpus = {tuple([*(letters[b] for b in word.encode()[:-1]), letters[word.encode()[-1]] + "</w>"]): n for word, n in words.items()}
    merges: list[tuple[str, str]] = []
    while len(merges) < wanted:
        pairs: Counter[tuple[str, str]] = Counter()
        for pieces, n in corpus.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        corpus = {_merged(pieces, best): n for pieces, n in corpus.items()}
    return merges


def _merged(pieces: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return tuple(out)


def write_tokenizer(folder: Path, merges: Sequence[tuple[str, str]]) -> None:
    """vocab.json, merges.txt and tokenizer_config.json, as transformers' CLIPTokenizer reads them."""
    letters = list(byte_letters().values())
    vocabulary = [*letters, *(letter + "</w>" for letter in letters), *(a + b for a, b in merges), START, END]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({piece: k for k, piece in enumerate(vocabulary)}, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT, "bos_token": START, "eos_token": END,
        "pad_token": END, "unk_token": END}, indent=2) + "\n")
