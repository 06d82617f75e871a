"""The language in which a command answers: the one that was asked for, or that of the terminal."""

import argparse
import os
import sys

from reference.oracle.rendering.language import LANGUAGES, preferred, saying


def add_language(parser: argparse.ArgumentParser | argparse._ArgumentGroup, of: str) -> None:
    """The flag --language, with words for what is said in it."""
    told = f"{of}; else what LC_ALL, LC_MESSAGES or LANG say"
    parser.add_argument("--language", type=_named, metavar="en|ja", help=told)


def language_of(asked: str | None) -> str:
    """The language that was asked for; else that of the terminal, where its letters can be printed.

    Raises:
        ValueError: the letters of the one that was asked for cannot be; the message is for the user.
    """
    language = asked or preferred(os.environ)
    try:
        saying(language)("right").encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        if asked:
            raise ValueError(f"--language {asked}: its letters are not in the encoding {sys.stdout.encoding}") from None
        return "en"
    return language


def _named(language: str) -> str:
    if language not in LANGUAGES:
        raise argparse.ArgumentTypeError(f"a language is one of {', '.join(LANGUAGES)}; got {language}")
    return language
