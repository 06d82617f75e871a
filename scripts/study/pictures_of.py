"""A picture's SVG for a page: inline, in both languages, with identifiers that are its own."""

import importlib
import re
from collections.abc import Callable, Mapping

from markupsafe import Markup

from .refusal import Refusal
from .schema import LANGUAGES, Both

REGISTRY = f"{__package__}.pictures"
PROLOGUE = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>", re.DOTALL)
IDENTIFIER = re.compile(r'(\bid="|url\(#|href="#)')


def registered() -> Mapping[str, Callable[[str], str]]:
    """The registry of pictures, if there is one."""
    try:
        return importlib.import_module(REGISTRY).PICTURES
    except ModuleNotFoundError as error:
        if error.name != REGISTRY:
            raise
        return {}


def drawn(name: str, role: str) -> Both:
    """The picture in both languages; the role tells apart a picture that stands on a page twice."""
    pictures = registered()
    if name not in pictures:
        raise Refusal(f"a picture must be registered in PICTURES; got {name!r}")
    return Both(*(inline(pictures[name](language), f"{role}-{name}-{language}") for language in LANGUAGES))


def inline(svg: str, prefix: str) -> str:
    """The SVG element alone; its identifiers begin with the prefix, so that two pictures can share a page."""
    return Markup(IDENTIFIER.sub(rf"\g<1>{prefix}-", PROLOGUE.sub("", svg)).strip())


def same(picture: Both) -> bool:
    """Whether the two languages see the same drawing."""
    bare = [re.sub(r'(\bid="|url\(#|href="#)[\w-]*', "", picture[language]) for language in LANGUAGES]
    return bare[0] == bare[1]
