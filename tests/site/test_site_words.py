"""One word for one thing on the study site, in both languages: docs/study/words.toml says what is not said, and why."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.study_site import ROOT

from scripts.study.desk_words import WORDS as DESK
from scripts.study.ui import WORDS

STUDY, SITE = ROOT / "docs" / "study", ROOT / "scripts" / "study"
FILES = [
    *sorted((STUDY / "pages").glob("*.toml")),
    *sorted((STUDY / "questions").glob("*.toml")),
    STUDY / "glossary.toml",
]
RULES = tomllib.loads((STUDY / "words.toml").read_text(encoding="utf-8"))
LANGUAGES = ("ja", "en")
# How widgets (`{ ja: "…", en: "…" }`) and pictures (`say("…", "…")`) write what they say.
SAY = r'say\(\s*f?"([^"]*)"'
WORDS_OF = {
    ".js": {language: re.compile(rf'\b{language}: ["`]([^"`]*)["`]') for language in LANGUAGES},
    ".py": {"ja": re.compile(SAY), "en": re.compile(SAY.replace('([^"]*)', '[^"]*') + r',\s*f?"([^"]*)"')},
}
NOT_PROSE = re.compile(r"`[^`]*`|\[\[[^\]|]*")


def sentences(node: Any, language: str) -> Iterator[str]:
    """Every sentence of a file in a language, without its code and links; a title that is alike in both, too."""
    if isinstance(node, dict) and set(node) == {"ja", "en"}:
        yield NOT_PROSE.sub(" ", node[language])
    elif isinstance(node, dict):
        for key, part in node.items():
            if key == "text" and isinstance(part, str):
                yield part
            yield from sentences(part, language)
    elif isinstance(node, list):
        for part in node:
            yield from sentences(part, language)


def said(texts: Iterator[str], language: str) -> list[str]:
    return [
        f"{found[0]} (say {rule['say']}: {rule['why']}): {text[max(found.start() - 10, 0) : found.end() + 10]!r}"
        for text in texts
        for rule in RULES[language]
        for found in re.finditer(rule["form"], text)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_page_says_one_word_for_one_thing(file: Path, language: str):
    wrong = said(sentences(tomllib.loads(file.read_text(encoding="utf-8")), language), language)
    assert not wrong, f"{file.relative_to(ROOT)}: " + "; ".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_so_do_the_sites_own_words(language: str):
    wrong = said((words[language] for words in (*WORDS.values(), *DESK.values())), language)
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_so_do_widgets_and_pictures(language: str):
    code = {
        file: file.read_text(encoding="utf-8")
        for place in ("static/**/*.js", "pictures/*.py")
        for file in SITE.glob(place)
    }
    spoken = {file: WORDS_OF[file.suffix][language].findall(text) for file, text in code.items()}
    assert sum(map(len, spoken.values())) > 300, "they are written in another way now"
    wrong = {file.name: told for file, texts in spoken.items() if (told := said(iter(texts), language))}
    assert not wrong, wrong


@pytest.mark.parametrize(
    "rule", [rule for language in LANGUAGES for rule in RULES[language]], ids=lambda rule: rule["say"]
)
def test_a_rule_has_its_reason(rule: dict[str, str]):
    assert set(rule) == {"form", "say", "why"}
    re.compile(rule["form"])


def test_a_wrong_word_is_noticed_and_code_is_not():
    page = {
        "idea": [
            {
                "ja": "残差を保存します。`sigmoid` と [[sigmoid|関数]] の一つです。",
                "en": "The inner product, and probabilities less answers; `one a layer` is code, and no less is said.",
            }
        ]
    }
    assert [told.split(" ")[0] for told in said(sentences(page, "ja"), "ja")] == ["残差", "一つ"]
    assert [told.split(" (")[0] for told in said(sentences(page, "en"), "en")] == [
        "inner product",
        "probabilities less",
    ]
