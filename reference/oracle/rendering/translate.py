"""English sentences of a report in another language: found again among the templates that they were made from.

A table pairs every template with its translation; `{1}`, `{2}`, ... are its fields, which are translated in turn where
they are made from templates themselves, and stay where they are code, names or numbers. A template that begins with a
blank or a comma continues what stands before it (`{before}`), one that ends with a blank begins what follows
(`{after}`). In a translation `{1!}` is a field that stays as it is, `{1#}` a number, and `{1|sum=...|mean=...}` gives
the words that the field can hold. What is quoted in backticks, and lists of numbers, are never looked into.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

# Code and lists of numbers, each kept as one letter of this range while a sentence is read.
CODE = re.compile(r"`[^`]*`|[(\[](?=[^)\]]*\d)(?:[-+\d., e]|nan|inf|[(\[][-+\d., e]*[)\]])*[)\]]")
FIRST, LETTERS = 0xE000, "\ue000-\uf8ff"
FIELD = re.compile(r"\{(\w+)([!#]?)((?:\|[^|{}]*=[^|{}]*)*)\}")
PLACE = rf"(?: in (?:the reference's )?[{LETTERS}]| wherever it stands)?"
NAME = rf"the reference's [{LETTERS}]|the derivative of \S+|the \w+|a value of \S+|a constant array|\S+"
NUMBER = r"[-+\d.einfa%]+"
# Of Japanese: what words are written with, and that with the signs between them.
WORD = re.compile("[ぁ-んァ-ヶー一-龠々]")
JAPANESE = re.compile("[ぁ-んァ-ヶー一-龠々、。：（）「」]")
LETTER = re.compile(f"[A-Za-z0-9)\\]{LETTERS}]")
# Words of no meaning of their own: one of them, left alone, is no name.
SMALL = {"the", "of", "in", "is", "are", "to", "a", "an", "and", "or", "by", "for", "at", "it", "with", "over", "on"}
# Between parts of a sentence, and what stands there in Japanese.
BETWEEN = {"; ": "。", ". ": "。", ": ": "：", ", ": "、", " and ": "と", " or ": "または"}


@dataclass(frozen=True)
class Read:
    """A sentence in the other language, and how many English words are left in it."""

    text: str
    left: int


@dataclass(frozen=True)
class Template:
    """An English template and its translation."""

    english: str
    other: str

    @cached_property
    def kinds(self) -> dict[str, str]:
        """What the translation says of each field: "!" or "#"."""
        return {name: kind for name, kind, _ in FIELD.findall(self.other)}

    @cached_property
    def choices(self) -> dict[str, dict[str, str]]:
        """The words that a field can hold, where the translation lists them."""
        listed = {name: words[1:].split("|") for name, _, words in FIELD.findall(self.other) if words}
        return {name: dict(one.split("=", 1) for one in words) for name, words in listed.items()}

    @cached_property
    def whole(self) -> str:
        """The template with the field for what stands before or after it."""
        before = "{before}" if self.english[0] in " ,;:.(" and self.english.strip() else ""
        return before + self.english + ("{after}" if self.english[-1] == " " else "")

    @cached_property
    def words(self) -> list[str]:
        """The fixed parts, the longest first."""
        return sorted(re.split(r"`\{\w+\}`|[(\[]\{\w+\}[)\]]|\{\w+\}|`[^`]*`", self.whole), key=len, reverse=True)

    @cached_property
    def weight(self) -> int:
        """How much of a sentence is the template's own."""
        return sum(map(len, self.words))

    @cached_property
    def patterns(self) -> tuple[re.Pattern[str], ...]:
        """What a sentence of it looks like: with a place in the code at its end, with short fields, with long ones."""
        parts = re.split(r"(`\{\w+\}`|[(\[]\{\w+\}[)\]]|\{\w+\}|`[^`]*`)", self.whole)
        fixed = parts[::2]
        return tuple(
            re.compile(
                "".join(
                    re.escape(part) if place % 2 == 0 else self._field(part, fixed, place // 2, many)
                    for place, part in enumerate(parts)
                ),
                re.DOTALL,
            )
            for many in ("place", "+?", "+")
        )

    def _field(self, part: str, fixed: list[str], place: int, many: str) -> str:
        """The pattern of one field, or of code that the template quotes itself."""
        before, after = fixed[place], fixed[place + 1]
        added, many = (PLACE, "+?") if many == "place" else ("", many)
        if "{" not in part:
            return f"[{LETTERS}]"
        name = re.sub(r"\W", "", part)
        if part[0] == "`":
            return f"(?P<_{name}>[{LETTERS}])"
        if part[0] in "([":
            return rf"(?P<_{name}>\{part[0]}.{many}\{part[-1]}|[{LETTERS}])"
        if name in self.choices:
            return f"(?P<_{name}>{'|'.join(map(re.escape, self.choices[name]))})"
        if self.kinds.get(name) == "#":
            return f"(?P<_{name}>{NUMBER})"
        if after.startswith("_ct"):
            return rf"(?P<_{name}>\w+)"
        if name in ("before", "after") or (after == "" and before[-1:] == " " and self._quotes(place)):
            return f"(?P<_{name}>.{many.replace('+', '*')})"
        continues = before[-1:].isalnum() or before[-1:] in (",", ")") or (before == "" and place > 0)
        if continues and self.kinds.get(name) != "!" and not after[:1].isalpha():  # what is added there, or nothing
            added = added or rf"(?:(?:[\s,;:({LETTERS}[]|\. ).{many.replace('+', '*')})?"
            return rf"(?P<_{name}>{added})"
        if added and after == " ":  # a name, before something else that is no fixed word
            return f"(?P<_{name}>{NAME})"
        return f"(?P<_{name}>.{many})"

    def _quotes(self, place: int) -> bool:
        """Whether quoted code follows a field."""
        return bool(re.search(r"\{\w+\}`\{", self.whole)) and place == 0 + self.whole.startswith("{before}")


class Table:
    """All templates of one language."""

    def __init__(
        self,
        frames: Iterable[tuple[str, str]],
        said: Iterable[tuple[str, str]],
        labels: Mapping[str, str],
        words: Mapping[str, str],
    ):
        """frames: templates around others, the outer ones first; labels: words that stand alone; words: single words
        that a sentence can hold.
        """
        frames = list(frames)
        self.labels = dict(labels)
        said = [*frames, *said]
        alone = {english: re.sub(r"\{(before|after)\}", "", other) for english, other in said if "{" not in english}
        self.exact = {**alone, **words}
        order = {english: place for place, (english, _) in enumerate(frames)}
        made = [Template(english, other) for english, other in said if english.strip()]
        self.templates = sorted((one for one in made if one.whole != one.english or "{" in one.english),
                                key=lambda one: (order.get(one.english, len(order)), -one.weight))  # fmt: skip
        self.known = {word.lower() for english, _ in said for word in re.findall(r"[A-Za-z]{2,}", english)}
        self._read = lru_cache(4096)(self._translated)

    def said(self, text: str) -> str:
        """A sentence, or several, in the other language; what no template fits stays in English."""
        return self.labels.get(text) or self.read(text).text

    def read(self, text: str) -> Read:
        """A sentence, and how much of it is left in English."""
        if text in self.exact:
            return Read(self.exact[text], 0)
        codes = dict.fromkeys(CODE.findall(text))
        letters = {code: chr(FIRST + place) for place, code in enumerate(codes)}
        found = self._read(CODE.sub(lambda match: letters[match[0]], text))
        restored = re.sub(f"[{LETTERS}]", lambda match: list(codes)[ord(match[0]) - FIRST], found.text)
        return Read(restored, found.left)

    def _translated(self, text: str) -> Read:
        if text in self.exact:
            return Read(self.exact[text], 0)
        best = Read(text, self._left(text))
        if not best.left:
            return best
        for template in self.templates:
            if all(words in text for words in template.words):
                best = min([best, *self._by(template, text)], key=lambda one: one.left)
                if not best.left:
                    return best
        return min([best, *self._in_parts(text)], key=lambda one: one.left)

    def _by(self, template: Template, text: str) -> list[Read]:
        """The sentence as one of this template."""
        matches = [pattern.fullmatch(text) for pattern in template.patterns]
        groups = [match.groupdict() for match in matches if match]
        return [self._filled(template, one) for place, one in enumerate(groups) if one not in groups[:place]]

    def _filled(self, template: Template, group: dict[str, str]) -> Read:
        given = {name[1:]: value or "" for name, value in group.items()}
        inner = re.findall(r"[(\[]\{(\w+)\}[)\]]", template.english)
        bare = {name: value[1:-1] if name in inner and value[1:] else value for name, value in given.items()}
        fields = {
            name: Read(value, 0) if template.kinds.get(name) in ("!", "#") else self._read(value)
            for name, value in bare.items()
        }
        put = {name: template.choices.get(name, {}).get(bare[name], one.text) for name, one in fields.items()}
        other = template.other.replace("`", "") if "`{" in template.english else template.other
        for name in inner:  # a list of numbers brings its own brackets
            if not given[name][1:]:
                other = re.sub(rf"[（(\[](\{{{name}\W[^}}]*\}}|\{{{name}\}})[）)\]]", given[name], other)
        for name in ("before", "after"):
            if name in put and f"{{{name}}}" not in other:
                other = f"{{before}}{other}" if name == "before" else f"{other}{{after}}"
        left = sum(one.left for name, one in fields.items() if name not in template.choices)
        return Read(_joined(re.split(r"\{(\w+)[^{}]*\}", other), put), left)

    def _in_parts(self, text: str) -> list[Read]:
        """The sentence in parts that are translated each, if every one of them can be."""
        if text.endswith("."):
            whole = self._read(text[:-1])
            return [Read(f"{whole.text}。", whole.left)]
        found = []
        for between, other in BETWEEN.items():
            first, mark, rest = text.partition(between)
            if mark and rest:
                parts = self._read(first), self._read(rest)
                if not any(part.left for part in parts):
                    found.append(Read(_beside(_beside(parts[0].text.removesuffix("。"), other), parts[1].text), 0))
        return found

    def _left(self, text: str) -> int:
        """How many words of a text are English, as far as anybody can tell words from names."""
        words = re.findall(r"(?<![\w.])[A-Za-z]{2,}(?![\w(=])", text)
        formula = re.fullmatch(r"[^,:;]*[-+*/=][^,:;]*", text) and not re.search(r"[A-Za-z]{2} [A-Za-z]{2}", text)
        known = SMALL if formula or " " not in text.strip() else self.known
        return sum(word.lower() in known for word in words) + len(re.findall(r"\w_ct\b", text))


def _joined(parts: list[str], put: Mapping[str, str]) -> str:
    """Fixed parts and the names of fields in turn, with the fields filled in."""
    text = parts[0]
    for name, fixed in zip(parts[1::2], parts[2::2], strict=True):
        text = _beside(_beside(text, put[name]), fixed)
    return text


def _beside(text: str, more: str) -> str:
    """Two parts with a blank between code and Japanese, and none within Japanese."""
    before, after = text.rstrip(" "), more.lstrip(" ")
    if not before or not after:
        return text + more
    if JAPANESE.match(before[-1]) and JAPANESE.match(after[0]):
        return before + after
    letters = LETTER.match(before[-1]), LETTER.match(after[0])
    mixed = (letters[0] and WORD.match(after[0])) or (WORD.match(before[-1]) and letters[1] and after[0] not in ")]")
    return f"{before} {after}" if mixed else text + more
