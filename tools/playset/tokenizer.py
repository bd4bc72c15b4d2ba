"""Trains the tokenizer: sentencepiece in T5's layout, in which every word of the world's captions is one piece.

    tokenizer.py --state DIR

It folds case, so that "The Witch" is "the witch". Motions that the video model never sees and the tokens of dressed
characters are pieces too: a prior that is learnt later needs words of its own.
"""
from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

import sentencepiece

import config
import world

_CAPTIONS, _SHUFFLED = 20_000, 40_000  # lines
# Words that plans and stories use and the world's own captions do not.
_MORE_WORDS = """then and with holding sleeping looking at talking to hugging wearing hat cape collar big small happy sad tall
short story one day friend friends together after before near next to under over behind in front of person man woman child
animal tree rock house flower table ball boat star sun moonlight water grass sand snow""".split()
_SIGNS = "[v1] [v2] [v3] [v4] a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9 . , ' - ! ? : ;"


def write_corpus(path: Path) -> None:
    captions = [world.caption(world.sample_clip(seed), random.Random(seed)) for seed in range(_CAPTIONS)]
    words = sorted({w for text in captions for w in text.replace(",", "").split()} | set(world.UNSEEN_MOTIONS) | set(_MORE_WORDS))
    rng = random.Random(0)
    with open(path, "w") as file:
        file.write("\n".join(captions) + "\n")
        for _ in range(_SHUFFLED):  # words in no order: pairs that often meet would become pieces otherwise
            file.write(" ".join(rng.choices(words, k=6)) + "\n")
        file.write(f"{_SIGNS}\n" * 200)


def train(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.txt"
        write_corpus(corpus)
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=str(out / "spiece"), vocab_size=480, hard_vocab_limit=False, model_type="unigram",
            character_coverage=1.0, normalization_rule_name="nmt_nfkc_cf", pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
            pad_piece="<pad>", eos_piece="</s>", unk_piece="<unk>", minloglevel=1)
    (out / "spiece.vocab").unlink()
    settings = {"tokenizer_class": "T5Tokenizer", "model_max_length": config.TEXT_TOKENS, "extra_ids": 0, "additional_special_tokens": [],
                "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", required=True)
    options = parser.parse_args()
    train(config.State(options.state).tokenizer)


if __name__ == "__main__":
    main()
