"""`functional-nn explain CAUSE ...`: what a word that stands as a cause in a report means, and what to do."""

import argparse
import difflib
import sys
from collections.abc import Sequence

from reference.oracle.causes import RENAMED, TABLE, current
from reference.oracle.command.output import NOT_JUDGED
from reference.oracle.command.spoken import add_language, language_of
from reference.oracle.rendering.language import saying
from reference.oracle.rendering.text import wrapped

DESCRIPTION = "Say what a cause in a report means: its name of today, or one of an earlier version. None lists all."
# What is told of a cause, and under which words; how it is told from others is written in English alone.
LINES = {
    "en": {
        "says": "what is seen",
        "repair": "what to do",
        "edit": "the edit",
        "rule": "when it is this",
        "seen": "seen in",
    },
    "ja": {"says": "見えること", "repair": "直し方", "seen": "見つかった場所"},
}
WIDTH = 80


def main(argv: Sequence[str] | None = None) -> int:
    """Print the explanations; the exit status is 0, or 2 where a name is none of a cause."""
    parser = argparse.ArgumentParser("functional-nn explain", description=DESCRIPTION)
    parser.add_argument("causes", nargs="*", metavar="CAUSE", help="a word that stands as a cause")
    add_language(parser, "of the explanation")
    options = parser.parse_args(argv)
    names = options.causes
    try:
        language = language_of(options.language)
    except ValueError as error:
        print(f"functional-nn explain: {error}", file=sys.stderr)
        return NOT_JUDGED
    for name in names:
        if current(name) not in TABLE:
            near = difflib.get_close_matches(name, [*TABLE, *RENAMED], n=1)
            hint = f"; did you mean {near[0]}?" if near else "; without a name it lists all"
            print(f"functional-nn explain: there is no cause {name}{hint}", file=sys.stderr)
            return NOT_JUDGED
    print("\n\n".join(explained(name, language) for name in names) if names else listed(language))
    return 0


def explained(name: str, language: str) -> str:
    """All that the vocabulary says of a cause, whichever version named it."""
    cause, say = current(name), saying(language)
    earlier = {"en": f", which earlier versions called {name}", "ja": f"（以前の版では {name}）"}[language]
    told = {key: TABLE[cause][key] for key in LINES[language] if TABLE[cause][key]}
    lines = [f"{LINES[language][key]}: {text if key == 'seen' else say(text)}" for key, text in told.items()]
    heading = cause if cause == name else cause + earlier
    return "\n".join([heading, *(wrapped(line, WIDTH, first="  ", rest="    ") for line in lines)])


def listed(language: str) -> str:
    """Every cause in a sentence."""
    say = saying(language)
    return "\n".join(wrapped(f"{name}: {say(entry['says'])}", WIDTH, rest="    ") for name, entry in TABLE.items())


if __name__ == "__main__":
    sys.exit(main())
