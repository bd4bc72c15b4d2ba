#!/usr/bin/env python3
"""Makes tests/golden/tokenizer: small sentencepiece models, odd texts, and the ids the reference gives them.

Needs sentencepiece 0.2.1, transformers 4.57.1 and protobuf. Run from anywhere: `python tools/golden/tokenizer.py`.

texts.json       {"texts": [...], "bytes": [...hex...], "literals": [...]}
NAME/spiece.model, NAME/tokenizer_config.json
NAME/ids.json    "legacy": ids of T5Tokenizer(legacy=True) for every text, without </s>;
                 "modern": {index: ids} where T5Tokenizer(legacy=False) differs;
                 "plain": {index: ids} where sentencepiece's own ids differ from "legacy";
                 "bytes", "literals": sentencepiece's ids of what the reference's str interface cannot take as it is:
                 text that is not UTF-8, and text that holds the names of special tokens.
NAME = playset holds ids.json only: its model is models/playset/tokenizer.
"""

import io
import json
import random
import shutil
import tempfile
import warnings
from pathlib import Path

import sentencepiece
import transformers
from sentencepiece import sentencepiece_model_pb2 as protobuf
from transformers import T5Tokenizer

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/tokenizer"
PLAYSET = ROOT / "models/playset/tokenizer"

# What the small models learn from. Several scripts, so that their vocabularies hold more than ASCII.
SENTENCES = """
The young witch walks through the dark forest while an owl watches from above.
A red fox is jumping over the old stone wall near the river.
Two astronauts are dancing slowly on the moon, waving at the blue earth.
In the morning the baker opens his shop and the whole street smells of bread.
The teal robot sits on the left; the purple cat is sleeping on the right.
She stretches, bows to the audience, and begins to play the violin.
It's raining again: the children's boots are full of water!
A close-up of a brown horse running along the beach at 24 frames per second.
Der kleine Bär läuft über die grüne Wiese und grüßt die Vögel.
Où est la forêt enchantée ? L'élève a déjà mangé le gâteau.
El niño sueña con un dragón que vive en la montaña más alta.
Маленькая лиса бежит по снегу и смотрит на звёзды.
Η μικρή αλεπού τρέχει στο δάσος και κοιτάζει τα αστέρια.
小さな魔女が森の中を歩いています。
小女巫走在黑暗的森林里,猫头鹰在看着她。
작은 마녀가 어두운 숲을 걷고 있습니다.
الثعلب الصغير يجري في الثلج وينظر إلى النجوم
छोटी लोमड़ी बर्फ में दौड़ती है
Jump, jump, jump! {scene one} [v1] girl witch (smiling) costs 12.50 $ or 100 %.
Nothing was said; everyone was looking, listening, waiting, walking, talking, thinking.
""".strip().splitlines()

WORDS = sorted({word for sentence in SENTENCES[:8] for word in sentence.split()})


def corpus():
    generator = random.Random(4)
    lines = list(SENTENCES) * 4
    lines += [" ".join(generator.choices(WORDS, k=generator.randint(3, 14))) for _ in range(400)]
    return lines


def train(vocab_size=420, **options):
    """The bytes of a unigram model with T5's first three pieces. Nothing of this machine gets into them."""
    writer = io.BytesIO()
    settings = dict(
        model_type="unigram", vocab_size=vocab_size, hard_vocab_limit=False, character_coverage=0.995,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, num_threads=1, minloglevel=2)
    settings.update(options)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus()), model_writer=writer, **settings)
    return writer.getvalue()


def edited(model, change):
    proto = protobuf.ModelProto.FromString(model)
    change(proto)
    return proto.SerializeToString()


def mark_unused(proto):
    """Every fifth piece, and all pieces of a few letters, so that some unknown characters are spelt by an unused piece."""
    for i, piece in enumerate(proto.pieces):
        if piece.type == piece.NORMAL and (i % 5 == 0 or piece.piece in "aqzéw,"):
            piece.type = piece.UNUSED


def keep_blanks_as_they_are(proto):
    proto.normalizer_spec.escape_whitespaces = False


def models():
    symbols = ["[v1]", "[v12]", "<mask>", "  ", "ﬁ", "witch\u2581hat", "🧙"]
    identity = train(normalization_rule_name="identity")
    return {
        "nmt_nfkc": train(normalization_rule_name="nmt_nfkc"),
        "nmt_nfkc_cf": train(normalization_rule_name="nmt_nfkc_cf", vocab_size=300),
        "nfkc": train(normalization_rule_name="nfkc", vocab_size=600),
        "identity": identity,
        "keep_blanks": train(normalization_rule_name="nmt_nfkc", remove_extra_whitespaces=False,
                             allow_whitespace_only_pieces=True),
        "no_prefix": train(normalization_rule_name="identity", add_dummy_prefix=False),
        "suffix": train(normalization_rule_name="identity", treat_whitespace_as_suffix=True),
        "byte_fallback": train(normalization_rule_name="nmt_nfkc", byte_fallback=True, vocab_size=640),
        "user_defined": train(normalization_rule_name="nmt_nfkc", user_defined_symbols=symbols,
                              control_symbols=["<sep>"]),
        "across_blanks": train(normalization_rule_name="identity", split_by_whitespace=False, vocab_size=600,
                               max_sentencepiece_length=40),
        "unused": edited(identity, mark_unused),
        "bare_blanks": edited(identity, keep_blanks_as_they_are),
    }


def odd_texts():
    """Texts for every corner of the normaliser and of the search."""
    return [
        "", " ", "    ", "\t", "\n", "\r\n", " \t\n ", "\u00a0", "\u3000\u3000", "\u200b", "\ufeff", "\u2581", "\u2581\u2581 \u2581",
        "   space   ", "a\n\tb", "{x}", "a  b   c", "a\u00a0b", "a\u3000b", "a\u2003b\u2009c", "a\u2028b\u2029c", "a\u0085b",
        "a\u200bb", "a\u200cb\u200dc", "a\u00adb", "\ufeffa", "a\ufeffb", "a\u2060b", "a\u0000b", "\u0001\u0002x\u0007\u001b[0m", "a\u007fb",
        "a\u0080\u009fb", "x\u2581y", "x \u2581 y", "\u2581the fox", " \u2581 the", "the\u2581", "the \u2581\u2581", "the ", " the", "the\n",
        "cafe\u0301", "café", "e\u0301\u0301\u0323", "A\u030a", "\u212b", "\u00c5", "\u0301", "\u0301a", "q\u0307\u0323", "q\u0323\u0307",
        "ﬁre ﬂy oﬃce ﬄ ﬅ ﬆ", "ĳ Ǆ ǆ ŉ", "ＦＵＬＬ　ｗｉｄｔｈ！", "ｶﾞｷﾞ ﾊﾟ", "①②③ ⑳ ㊙ ㍿ ㎏", "½ ¼ ⅓ x² H₂O ™ ℃ № ℡", "…‥․", "“curly” ‘quotes’ „low“ «angle»",
        "–—―−‐‑", "ß ẞ ſ K Å Ω", "İstanbul ıI", "ΣΊΣΥΦΟΣ ς", "ὀδός ᾳ ΐ", "Ĳ ſt", "\u1100\u1161\u11a8", "각", "\u1112\u1161\u11ab\u1100\u1173\u11af", "한글 작은 마녀",
        "\ufdfa", "\ufefb \ufedf\ufeea", "ﷲ الله", "الثعلب الصغير", "عَرَبِيّ", "שָׁלוֹם", "\ufb2a\ufb2b", "छोटी लोमड़ी", "क़ \u0915\u093c", "ไทย กำ \u0e33", "ལྷ་ས",
        "👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️ ❤", "1️⃣", "🧙‍♀️ walks", "🧙🧙🧙", "fox🦊fox", "𝐁𝐨𝐥𝐝 𝒮𝒸𝓇𝒾𝓅𝓉 𝟙𝟚", "𠮷野家", "豈 更 車", "⼀⼆", "\u2f800", "ゔ ヷ か\u3099 は\u309a",
        "小さな魔女が森の中を歩いています。", "小女巫走在黑暗的森林里", "魔女 witch 魔女", "Ма́ленькая лиса", "й и\u0306", "Η μικρή αλεπού", "\u0374\u037e\u0387", "\u1e9b\u0323",
        "\ufffd", "\ufffe\uffff", "\U0010ffff", "\ue000", "\U000e0001\U000e0041", "\u202eevil\u202c", "\u061c\u200e\u200f", "\u180e", "\u115f\u1160\u3164\uffa0",
        "aaaaaaaaaaaaaaaaaaaaaaaa", "zzzz", "qqq xxx", "ß", "漢", "漢字", "漢 字", "x漢y", "ǅ", "@", "@@@", "#~^`|\\", "<", ">", "<>", "< /s >", "<s>", "<0x41>", "<sep>", "<mask>",
        "[v1] girl witch is walking", "[v12] and [v1]", "[v1][v1]", "[v", "witch hat", "witch\u2581hat", "ﬁ", "fi", "the  fox", "the   fox    sat",
        "it's 12.50 $", "100%", "1,000,000", "3.14159", "0123456789", "e-mail@example.org", "snake_case camelCase", "C++ && ||", "a/b\\c", "\"quoted\"", "don't", "THE QUICK FOX", "tHe WiTcH",
        "the", "The", "thethe", "the the", "walkingwalking", "w a l k i n g", "jumping over", "?!", "!!!", ". . .", "...",
        "The young witch walks through the dark forest.", "Der kleine Bär grüßt.", "Où est la forêt ?", "El niño sueña.", "Маленькая лиса бежит.",
    ]


def made_texts(count):
    """Random mixtures: words, blanks of all kinds, and characters from all planes."""
    generator = random.Random(11)
    blanks = [" ", " ", " ", "  ", "\n", "\t", "\u00a0", "\u3000", "\u200b", ""]
    ranges = [(0x20, 0x7E), (0xA0, 0x17F), (0x300, 0x36F), (0x370, 0x4FF), (0x600, 0x6FF), (0x1100, 0x11FF), (0x1E00, 0x1FFF),
              (0x2000, 0x206F), (0x2100, 0x218F), (0x2460, 0x24FF), (0x3040, 0x30FF), (0x3200, 0x33FF), (0x4E00, 0x4EFF),
              (0xAC00, 0xACFF), (0xF900, 0xFAFF), (0xFB00, 0xFB4F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF), (0xFF00, 0xFFEF),
              (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F)]
    texts = []
    for _ in range(count):
        parts = []
        for _ in range(generator.randint(2, 14)):
            if generator.random() < 0.55:
                parts.append(generator.choice(WORDS))
            else:
                low, high = generator.choice(ranges)
                parts.append("".join(chr(generator.randint(low, high)) for _ in range(generator.randint(1, 4))))
            parts.append(generator.choice(blanks))
        texts.append("".join(parts))
    return texts


def long_texts():
    generator = random.Random(7)
    return [
        " ".join(generator.choices(WORDS, k=400)),
        " ".join(generator.choices(" ".join(SENTENCES).split(), k=400)),
        "".join(generator.choices("thewicandogr", k=1500)),
        "漢" * 300 + "fox" + "🦊" * 50,
    ]


def invalid_bytes():
    fixed = [b"\xff", b"a\xffb", b"\x80", b"\xc3", b"\xc3(", b"caf\xc3\xa9\xc3", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf",
             b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\xbd\xed\xb8\x80", b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80",
             b"\xf5\x80\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xfe\xfe", b"\xe2\x96", b"the\xe2\x96 fox", b"\xe2\x96\x81\xe2", b"\xef\xbf\xbd\xef\xbf",
             b"\xf0\x9f\xa6", b"fox \xf0\x9f\xa6 fox", b" \xff ", b"\xff \xff", b"\xc3\x28\xa9", b"\xe3\x81the"]
    generator = random.Random(5)
    return fixed + [bytes(generator.randrange(256) for _ in range(generator.randint(1, 40))) for _ in range(30)]


LITERALS = ["</s>", "<pad>", "<unk>", "<extra_id_0>", "a </s> b", "the fox<pad>", " <unk> ", "</s></s>", "<extra_id_99> fox <extra_id_0>", "fox </s>"]


def differing(rows, base):
    return {str(i): row for i, (row, other) in enumerate(zip(rows, base)) if row != other}


def pieces(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids[-1] == tokenizer.eos_token_id
    return ids[:-1]


def expected(folder, texts):
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    legacy = T5Tokenizer.from_pretrained(folder, legacy=True)
    modern = T5Tokenizer.from_pretrained(folder, legacy=False)
    ids = [pieces(legacy, text) for text in texts]
    plain = [processor.encode(text) for text in texts]
    # The reference goes through pieces; only an unused piece can make that differ from sentencepiece's own ids.
    for mine, other, text in zip(ids, plain, texts):
        named = [processor.piece_to_id(piece) for piece in processor.encode(text, out_type=str)]
        assert mine == named, text
        assert mine == other or any(processor.is_unused(i) for i in mine), text
    result = {
        "legacy": ids,
        "modern": differing([pieces(modern, text) for text in texts], ids),
        "plain": differing(plain, ids),
        "bytes": [processor.encode(text) for text in invalid_bytes()],
        "literals": [processor.encode(text) for text in LITERALS],
    }
    # As diffusers' CogVideoXPipeline asks for it.
    lengths = {}
    for length in (2, 32, 226):  # To a single id the reference does not cut at all.
        rows = legacy([texts[-4], texts[-1], "the fox", ""], padding="max_length", max_length=length, truncation=True, add_special_tokens=True)
        lengths[str(length)] = rows["input_ids"]
    result["padded"] = lengths
    return result


def write(path, value):
    """JSON with one array a line where the arrays are many."""
    lines = []
    for name, content in value.items():
        if isinstance(content, list):
            body = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in content) + "\n]"
        else:
            body = json.dumps(content, separators=(",", ":"))
        lines.append(f"{json.dumps(name)}: {body}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    assert sentencepiece.__version__ == "0.2.1" and transformers.__version__ == "4.57.1"
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    odd, long = odd_texts(), long_texts()
    texts = odd + made_texts(max(20, 220 - len(odd) - len(long))) + long
    texts = [text for text in texts if text not in LITERALS]

    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    write(OUT / "texts.json", {"texts": texts, "bytes": [text.hex() for text in invalid_bytes()], "literals": LITERALS})
    for name, model in models().items():
        folder = OUT / name
        folder.mkdir()
        (folder / "spiece.model").write_bytes(model)
        config = {"tokenizer_class": "T5Tokenizer", "legacy": True, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
        write(folder / "ids.json", expected(folder, texts))
    with tempfile.TemporaryDirectory() as copy:
        copy = Path(copy)
        for file in PLAYSET.iterdir():
            shutil.copy(file, copy)
        (OUT / "playset").mkdir()
        write(OUT / "playset/ids.json", expected(copy, texts))
    size = sum(file.stat().st_size for file in OUT.rglob("*") if file.is_file())
    print(f"{len(texts)} texts, {size} bytes in {OUT.relative_to(ROOT)}")
    assert size < 3_000_000


if __name__ == "__main__":
    main()
