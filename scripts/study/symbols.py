"""Which names in the code and which signs in the formulas are one thing, and so are marked together."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Symbols:
    """A page's symbols: name in the code to LaTeX. Names of one sign share a mark, which is the first of them."""

    latex: dict[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> dict[str, str]:
        """Every name with its mark."""
        first: dict[str, str] = {}
        return {name: first.setdefault(sign, name) for name, sign in self.latex.items()}

    @property
    def signs(self) -> dict[str, str]:
        """Every mark with its sign in LaTeX."""
        return {mark: self.latex[mark] for mark in self.marks.values()}

    def names(self, mark: str) -> list[str]:
        """The names that share a mark."""
        return [name for name, of_name in self.marks.items() if of_name == mark]
