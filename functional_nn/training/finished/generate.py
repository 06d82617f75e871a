"""What a network of text or of questions writes after a prompt."""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from functional_nn.models import generation, seq2seq
from functional_nn.training.data.generated import BLANK, START
from functional_nn.training.data.text import START as BEFORE_TEXT
from functional_nn.training.endings import BadInput
from functional_nn.training.finished.loaded import Finished, load_finished

# Unicode's pictures of the control characters, of all but the tabulator and the line feed; beyond ASCII it has none.
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
PICTURES |= {127: 0x2421, **dict.fromkeys(range(128, 160), 0xFFFD)}


def generate(
    run: Path, prompt: str, *, temperature: float = 1.0, top_k: int | None = None, seed: int = 0, length: int = 1000
) -> Iterator[str]:
    """The prompt and so many bytes after it, in pieces of whole characters; or the answer to a question.

    Raises BadInput, before the first piece, where the run or the prompt is none that can be gone on with.
    """
    finished = load_finished(run)
    if finished.kind == "images":
        raise BadInput(f"{run}: this run learned images, and only one of text can go on with a text")
    if not prompt:
        raise BadInput("--prompt is empty: there is nothing to go on with")
    if finished.kind == "questions":
        return iter([answer(finished, prompt)])
    alphabet = bytes(finished.facts["alphabet"])
    known = _known(prompt.encode("utf-8", "surrogateescape"), alphabet)
    tokens = [alphabet.index(byte) for byte in BEFORE_TEXT + known]
    after = generation.generate(
        finished.params,
        {"config": finished.network.config},
        tokens,
        temperature=temperature,
        top_k=top_k,
        seed=seed,
    )
    return in_characters(chain(known, (alphabet[token] for token in islice(after, length))))


def answer(finished: Finished, question: str) -> str:
    """What a network of questions writes, without the blanks that fill it up."""
    alphabet, length = bytes(finished.facts["alphabet"]), finished.facts["question_length"]
    if len(question) > length:
        raise BadInput(f"--prompt must have at most {length} characters, as the questions have; got {len(question)}")
    known = _known(question.encode("utf-8", "surrogateescape"), alphabet).ljust(length, BLANK.encode())
    source = jnp.array([[alphabet.index(byte) for byte in known]])
    state, start = {"config": finished.network.config}, alphabet.index(START.encode())
    written = seq2seq.decode(finished.params, state, source, start, finished.facts["answer_length"])
    return bytes(alphabet[token] for token in np.asarray(written)[0]).decode("ascii").rstrip(BLANK)


def in_characters(bytes_of_text: Iterable[int]) -> Iterator[str]:
    """Characters of UTF-8 as soon as their last byte is there; what is no UTF-8 becomes U+FFFD."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for byte in bytes_of_text:
        if piece := decoder.decode(bytes([byte])):
            yield piece
    if rest := decoder.decode(b"", final=True):
        yield rest


def for_a_terminal(piece: str) -> str:
    """The same text with a picture for each control character that would move the cursor, or worse: ␛ for escape."""
    return piece.translate(PICTURES)


def _known(prompt: bytes, alphabet: bytes) -> bytes:
    """The prompt, if all of it was learned."""
    for place, byte in enumerate(prompt):
        if byte not in alphabet:
            shown = repr(bytes([byte]))[1:] if byte < 128 else f"0x{byte:02x}"
            raise BadInput(f"--prompt holds what the network has never seen: byte {place} is {shown}")
    return prompt
