"""What is left in English of a report that is said in Japanese."""

import re
from collections.abc import Iterator

from reference.oracle.rendering import text
from reference.oracle.rendering.language import japanese
from reference.oracle.report import Report

# Words of the templates that are no names of arguments or functions.
NO_NAMES = (
    "the of in is are to and or by for at it with than that where which its line got expected takes lacks has"
    " uses gives along besides entries times gradient wrong right gets every another more most"
)


def english_in(report: Report) -> Iterator[str]:
    """The sentences of a report that are not wholly Japanese."""
    table = japanese()
    said = [text.headline(report), *text.circumstances(report).split("\n"), *report.acquittals, *report.power]
    said += [
        one for finding in report.findings for one in (finding.message, *dict(text.finding_lines(finding)).values())
    ]
    said += map(text.accurate, report.accuracy)
    for sentence in said:
        read = table.read(sentence)
        if read.left or words_left(read.text, table.known):
            yield f"{sentence} -> {read.text}"


def words_left(translated: str, known: set[str]) -> list[str]:
    """English words outside of code, two in a row or no name: found without what the translation says of itself."""
    plain = re.sub(
        r"`[^`]*`|例外を起こしました：.*|形：.*|として検査.*|も同じように説明できます：[\w, ()]*", " ", translated
    )
    runs = re.findall(r"(?<![\w.])([a-z]{2,}) ([a-z]{2,})(?![\w.(=])", plain)
    alone = re.findall(rf"(?<![\w.'=])(?:{NO_NAMES.replace(' ', '|')})(?![\w.(='])", plain)
    return [*alone, *(" ".join(run) for run in runs if set(run) <= known)]
