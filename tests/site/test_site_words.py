"""One word for one thing in the Japanese of the study site, and it is the textbook's."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.study_site import ROOT

from scripts.study.ui import WORDS

STUDY = ROOT / "docs" / "study"
FILES = [*sorted((STUDY / "pages").glob("*.toml")), STUDY / "glossary.toml"]
# What is not said, and what is said instead.
INSTEAD = {
    "残差": "保存しておく値",
    "例ごと": "データごと",
    "すべての例": "すべてのデータ",
    "正解率": "認識精度",
    "階段関数": "ステップ関数",
    "順伝搬|逆伝搬": "順伝播、逆伝播",
    "公式の誤差": "打ち切り誤差",
    "倍率とずらし": "スケールとシフト",
    "線や縁": "線やエッジ",
    "同じ種": "同じシード",
    "一つ|二つ|三つ|四つ": "1つ、2つ、3つ、4つ",
    "べき乗": "累乗",
    r"ゼロから作る\s+Deep": "ゼロから作るDeep Learning",
    r"(?<![\w.])sigmoid\s?(?=[ぁ-ん])": "シグモイド",
    r"Saito, Deep Learning from Scratch": "斎藤康毅『ゼロから作るDeep Learning』",
}


def japanese(node: Any) -> Iterator[str]:
    """Every Japanese sentence of a file, without its code and links; a title that is alike in both languages too."""
    if isinstance(node, dict) and set(node) == {"ja", "en"}:
        yield re.sub(r"`[^`]*`|\[\[[^\]|]*", " ", node["ja"])
    elif isinstance(node, dict):
        for key, part in node.items():
            if key == "text" and isinstance(part, str):
                yield part
            yield from japanese(part)
    elif isinstance(node, list):
        for part in node:
            yield from japanese(part)


def said(sentences: Iterator[str]) -> list[str]:
    return [
        f"{found[0]} (say {better}): {sentence[max(found.start() - 10, 0) : found.end() + 10]!r}"
        for sentence in sentences
        for word, better in INSTEAD.items()
        for found in re.finditer(word, sentence)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_page_uses_the_textbooks_words(file: Path):
    text = file.read_text(encoding="utf-8")
    wrong = said(japanese(tomllib.loads(text)))
    assert not wrong, f"{file.relative_to(ROOT)}: " + "; ".join(wrong)


def test_the_sites_own_words_are_the_textbooks():
    wrong = said(words.ja for words in WORDS.values())
    assert not wrong, "; ".join(wrong)


def test_a_wrong_word_is_noticed_and_code_is_not():
    page = {"idea": [{"ja": "残差を保存します。`sigmoid` と [[sigmoid|関数]] の一つです。", "en": "."}]}
    assert [told.split(" ")[0] for told in said(japanese(page))] == ["残差", "一つ"]
