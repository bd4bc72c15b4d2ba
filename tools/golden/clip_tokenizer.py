#!/usr/bin/env python3
"""Makes tests/golden/clip-tokenizer: a small byte-pair vocabulary, odd texts, and the ids the reference gives them.

Needs transformers 4.57.1. Run from anywhere: `python tools/golden/clip_tokenizer.py`.
With `--vocabulary FOLDER` nothing is written: the ids of another vocabulary (the published CLIP's) go to standard output,
one text a line, to be compared with `dreamrunner`'s.

texts.json   {"texts": [...300...]}
vocab.json, merges.txt
ids.json     {"ids": [...], "77": [...], "32": [...]}: whole; cut to 77 and to 32
"""

import argparse
import json
import random
import tempfile
import unicodedata
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizerFast

from tokenizer import corpus

OUT = Path(__file__).resolve().parents[2] / "tests/golden/clip-tokenizer"
START, END = "<|startoftext|>", "<|endoftext|>"

CHOSEN = [
    "", " ", "\n\t \r\n", "a", "A", "the person is bowing", "The Person  is\tBOWING.", "person is playing the violin",
    "it's we're they've I'm you'll he'd don't", "'s", "''s", "'S 'T 'RE", "'string 'treat 'really 'very 'more 'llama 'day",
    "rock'n'roll", "the dogs' bone", "it’s a curly one", "O'Neill", "\"'s\"", "1234567890", "3.14159", "½ ¼ ² ³ ① Ⅷ ٣ ४ 〇 一二三",
    "v1v2 a1b2c3", "#hashtag @name $5 100%", "a-b_c/d\\e|f", "...!!!???", "(nested [brackets] {here})", "<b>html</b> &amp; &lt;",
    "<|start|> <| endoftext |>", "<|startoftext", "endoftext|>", "</w> <w>", "a</w>b", "e\u0301 é E\u0301 É", "n\u0303 ñ",
    "A\u030a Å \u212b", "o\u0323\u0302 ộ", "\u1100\u1161\u11a8 각", "ﬁ ﬂ ﬃ", "ß ẞ SS", "İstanbul I ı i̇", "ΣΊΣΥΦΟΣ Σ ς σ",
    "ΑΣ. ΑΣ", "ǅ ǈ ǋ", "Ⓐ Ⓩ", "Ა Ꭰ ꭰ", "Маленькая ЛИСА бежит", "小さな魔女が森の中", "小女巫走在黑暗的森林里,猫头鹰在看着她。",
    "작은 마녀가 숲을", "الثعلب الصغير يجري", "שָׁלוֹם עֲלֵיכֶם", "हिन्दी में लिखा", "ภาษาไทยไม่มีช่องว่าง", "မြန်မာ", "தமிழ்", "ខ្មែរ",
    "👩‍👩‍👧‍👦 👍🏽 🏳️‍🌈 🇩🇪", "😀😃😄😁", "❤️ ☕ ✈️", "a👍b", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛", "𐍈 𐌰 𠀀 𠮷", "a\u200bb\u200cc\u200dd", "a\ufeffb", "\u202eabc\u202c",
    "a\u00a0b\u2003c\u3000d\u1680e\u2028f\u2029g\u0085h\u202fi\u205fj", "a\u180eb\u2060c", "\x00 \x01\x02\x1b\x7f\x80\x9f", "a\x00b",
    "a\x1cb\x1dc\x1ed\x1fe", "\x0b\x0c", "\ud7ff\ue000\ufffd\uffff", "\U0010ffff \U000e0001", "ﷺ ㌀ ㎏ ℃ №", "\u0345 ᾳ ͅα", "ʼn ŉ",
    "ＦＵＬＬ　ｗｉｄｔｈ １２３", "café naïve résumé Ångström", "ĲSSELMEER ǆ", "ªº", "〱 ー々", "ꙮ ؁ ۝", "\u0301\u0301\u0301", "x" + "\u0300" * 40,
    "a" * 500, "ab" * 400, "é" * 300, "1" * 200, "!" * 300, "walking " * 100, "word" * 90 + " " + "long" * 60, "'" * 50, "'s" * 60,
]

RANGES = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80), (0x1E00, 0x2070), (0x2070, 0x2C00),
          (0x3000, 0x3200), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0xFB00, 0xFDFF), (0xFF00, 0xFFF0), (0x10300, 0x10400), (0x1D400, 0x1D800),
          (0x1F300, 0x1F650)]


def texts():
    """300 texts: chosen ones, sentences of the other tokenizer's corpus in changing case, and characters at random."""
    draw = random.Random(7)
    result = list(CHOSEN)
    sentences = corpus()[:100]
    for sentence in sentences:
        result.append(draw.choice([str.lower, str.upper, str.title, str.swapcase])(sentence))
    while len(result) < 300:
        text = ""
        for _ in range(draw.randint(1, 6)):
            low, high = draw.choice(RANGES)
            for _ in range(draw.randint(1, 8)):
                text += chr(draw.randrange(low, high))
            text += draw.choice(["", "", " ", "'s", "\u0301", "7"])
        # What one Unicode version has not assigned yet is a letter in the next. U+0C3C is of version 14; the reference
        # normalises by an older one.
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cn", "Cs") and c != "\u0c3c")
        if text not in result:
            result.append(text)
    return result[:300]


def train(folder):
    """A vocabulary of CLIP's kind: all bytes, inside a word and at its end, what was merged, the two special tokens last."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=END))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pattern, behavior="removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    trainer = trainers.BpeTrainer(vocab_size=700, end_of_word_suffix="</w>", show_progress=False)
    bpe.train_from_iterator(corpus(), trainer)
    state = json.loads(bpe.to_str())["model"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # One letter is left out, so that an unknown byte occurs.
    alphabet.remove("\u0120")
    tokens = alphabet + [c + "</w>" for c in alphabet]
    merges = [tuple(pair) for pair in state["merges"]]
    for left, right in merges:
        tokens += [left + right] if left + right not in tokens else []
    tokens += [START, END]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    assert len(vocabulary) == len(tokens)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")


def reference(folder):
    """transformers' fast tokenizer of the two files alone."""
    return CLIPTokenizerFast(vocab_file=str(folder / "vocab.json"), merges_file=str(folder / "merges.txt"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=Path)
    arguments = parser.parse_args()
    if arguments.vocabulary:
        oracle = reference(arguments.vocabulary)
        for text in texts():
            print(*oracle(text).input_ids)
        return
    OUT.mkdir(parents=True, exist_ok=True)
    train(OUT)
    oracle = reference(OUT)
    all_texts = texts()
    ids = {"ids": [oracle(text).input_ids for text in all_texts]}
    for length in (77, 32):
        ids[str(length)] = [oracle(text, truncation=True, max_length=length).input_ids for text in all_texts]
    dump = lambda name, value: (OUT / name).write_text(json.dumps(value) + "\n", encoding="utf-8")
    dump("texts.json", {"texts": all_texts})
    dump("ids.json", ids)
    print(f"{len(all_texts)} texts, {sum(map(len, ids['ids']))} ids, vocabulary of {len(oracle)}")


if __name__ == "__main__":
    main()
