"""A class that is several in one: Activation("relu"), Activation("tanh"), each of which has a backward of its own."""

from collections.abc import Iterator
from dataclasses import replace

from reference.oracle.reading.discover import Found
from reference.oracle.reading.source import init_of, method_of, parameters, texts_compared, texts_of

# So many texts of one argument are tried.
MOST = 12


def variants(found: Found) -> Iterator[Found]:
    """The same class, given each text that an argument of its constructor is compared with, but for its default."""
    if found.style != "object" or found.fixed:
        return
    owner, *methods = found.parts
    init = init_of(owner)
    for parameter in parameters(init):
        required = parameter.default is parameter.empty
        if not required and not isinstance(parameter.default, str):
            continue
        first = texts_of(init, parameter.name) if required else []
        texts = [*first, *(text for m in methods if m for text in texts_compared(method_of(owner, m), parameter.name))]
        others = [text for text in dict.fromkeys(texts) if text not in (parameter.default, *first[:1])]
        for text in others[:MOST]:
            yield replace(found, fixed={parameter.name: text})
