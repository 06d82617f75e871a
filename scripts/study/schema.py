"""Reading the fields of a TOML table: every one of the right kind, none unknown, every sentence in both languages."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from .source import Place, Source

LANGUAGES = ("ja", "en")


@dataclass(frozen=True)
class Both:
    """The same thing in Japanese and in English."""

    ja: str
    en: str

    def __getitem__(self, language: str) -> str:
        return getattr(self, language)

    def __bool__(self) -> bool:
        return bool(self.ja or self.en)


NOTHING = Both("", "")


@dataclass(frozen=True)
class Letter:
    """A letter of formulas, as LaTeX, and what it stands for."""

    sign: str
    text: Both


class Table:
    """A table of a TOML file under a path; each reader takes one key and refuses what is not of its kind."""

    def __init__(self, source: Source, path: Place, values: Any):
        self.source, self.path = source, path
        if not isinstance(values, dict):
            source.refuse(path, "a table is needed here", repr(values))
        self.values: dict[str, Any] = values

    def refuse(self, key: str, rule: str, got: object, needle: str = "") -> NoReturn:
        """Refuse the value of a key."""
        self.source.refuse((*self.path, key), rule, got, needle)

    def only(self, keys: Iterable[str]) -> None:
        """No key but these."""
        known = list(keys)
        for key in self.values:
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                meant = f" (did you mean {close[0]!r}?)" if close else ""
                self.refuse(key, f"a key must be one of {', '.join(known)}", f"{key!r}{meant}")

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        value = self.values.get(key, default)
        if value is None:
            self.refuse(key, f"the key {key!r} is needed", "nothing")
        if not isinstance(value, str):
            self.refuse(key, f"{key} must be a string", repr(value))
        return value

    def number(self, key: str, default: float) -> float:
        """A number."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(key, f"{key} must be a number", repr(value))
        return float(value)

    def both(self, key: str, required: bool = True) -> Both:
        """A sentence in both languages."""
        value = self.values.get(key)
        if value is None and not required:
            return NOTHING
        return self._both(key, value)

    def boths(self, key: str, required: bool = True) -> tuple[Both, ...]:
        """A list of such sentences."""
        values = self._list(key, required)
        return tuple(self._both(key, value) for value in values)

    def strings(self, key: str, required: bool = False) -> tuple[str, ...]:
        """A list of strings."""
        values = self._list(key, required)
        for value in values:
            if not isinstance(value, str):
                self.refuse(key, f"{key} must be a list of strings", repr(value))
        return tuple(values)

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        values = self._list(key, required=False)
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int):
                self.refuse(key, f"{key} must be a list of whole numbers", repr(value))
        return tuple(values)

    def mapping(self, key: str) -> dict[str, str]:
        """A table of strings."""
        value = self.values.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            self.refuse(key, f"{key} must be a table of strings", repr(value))
        return dict(value)

    def tables(self, key: str) -> list["Table"]:
        """A list of tables."""
        return [Table(self.source, (*self.path, key, n), value) for n, value in enumerate(self._list(key, False))]

    def letters(self, key: str) -> tuple[Letter, ...]:
        """A list of letters with what they stand for."""
        tables = self.tables(key)
        for table in tables:
            table.only(("sign", *LANGUAGES))
        return tuple(
            Letter(table.text("sign"), self._both(key, {name: table.text(name) for name in LANGUAGES}))
            for table in tables
        )

    def table(self, key: str) -> "Table | None":
        """A table, if it is there."""
        value = self.values.get(key)
        return None if value is None else Table(self.source, (*self.path, key), value)

    def _list(self, key: str, required: bool) -> list[Any]:
        value = self.values.get(key, [])
        if not isinstance(value, list) or (required and not value):
            self.refuse(key, f"{key} must be a list" + (" that is not empty" if required else ""), repr(value))
        return value

    def _both(self, key: str, value: Any) -> Both:
        """Prose in every language; an empty or a missing one is a page without its translation."""
        if not isinstance(value, dict) or set(value) - set(LANGUAGES):
            self.refuse(key, f"{key} must be a table with ja and en", repr(value))
        for language in LANGUAGES:
            if not isinstance(value.get(language), str) or not value[language].strip():
                other = next((text for text in value.values() if isinstance(text, str)), "")
                self.refuse(key, f"{key} must be translated: {language} is missing", repr(value)[:80], other)
        return Both(**value)
