"""Readings over kanji: {漢字|かんじ}."""

import re

from markupsafe import Markup

from .refusal import Refusal

RUBY = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")
KANA = re.compile(r"[぀-ヿー・ ]+")
KANJI = re.compile(r"[一-鿿々]")


def ruby(base: str, reading: str) -> Markup:
    """The base with its reading above it; where ruby is not known, in brackets behind it."""
    if not KANA.fullmatch(reading) or not KANJI.search(base):
        raise Refusal(f"a reading must be kana over kanji; got {{{base}|{reading}}}")
    return Markup("<ruby>{}<rp>(</rp><rt>{}</rt><rp>)</rp></ruby>").format(base, reading)


def without_readings(text: str) -> str:
    return RUBY.sub(r"\1", text)
