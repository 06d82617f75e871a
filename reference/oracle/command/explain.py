"""`functional-nn explain CAUSE ...`: what a word that stands as a cause in a report means, and what to do."""

import argparse
import difflib
import sys
from collections.abc import Sequence

from reference.oracle.causes import RENAMED, TABLE, current
from reference.oracle.command.output import NOT_JUDGED
from reference.oracle.rendering.text import wrapped

DESCRIPTION = "Say what a cause in a report means: its name of today, or one of an earlier version. None lists all."
# What is told of a cause, and under which words.
LINES = {
    "says": "what is seen",
    "repair": "what to do",
    "edit": "the edit",
    "rule": "when it is this",
    "seen": "seen in",
}
WIDTH = 80


def main(argv: Sequence[str] | None = None) -> int:
    """Print the explanations; the exit status is 0, or 2 where a name is none of a cause."""
    parser = argparse.ArgumentParser("functional-nn explain", description=DESCRIPTION)
    parser.add_argument("causes", nargs="*", metavar="CAUSE", help="a word that stands as a cause")
    names = parser.parse_args(argv).causes
    for name in names:
        if current(name) not in TABLE:
            near = difflib.get_close_matches(name, [*TABLE, *RENAMED], n=1)
            hint = f"; did you mean {near[0]}?" if near else "; without a name it lists all"
            print(f"functional-nn explain: there is no cause {name}{hint}", file=sys.stderr)
            return NOT_JUDGED
    print("\n\n".join(map(explained, names)) if names else listed())
    return 0


def explained(name: str) -> str:
    """All that the vocabulary says of a cause, whichever version named it."""
    cause = current(name)
    heading = cause if cause == name else f"{cause}, which earlier versions called {name}"
    lines = [f"{words}: {TABLE[cause][key]}" for key, words in LINES.items() if TABLE[cause][key]]
    return "\n".join([heading, *(wrapped(line, WIDTH, first="  ", rest="    ") for line in lines)])


def listed() -> str:
    """Every cause in a sentence."""
    return "\n".join(wrapped(f"{name}: {entry['says']}", WIDTH, rest="    ") for name, entry in TABLE.items())


if __name__ == "__main__":
    sys.exit(main())
