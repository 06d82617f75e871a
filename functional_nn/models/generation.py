"""A language model goes on with what it is given, token after token."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from functional_nn._checks import as_number, require, require_ints
from functional_nn.models import lstm_lm, transformer
from functional_nn.models._network import Params, State

# Of parameters, state, what was kept at the token before (None before the first) and all tokens so far: the logits
# (vocabulary,) of the next token, and what is kept.
Read = Callable[[Params, State, Any, Sequence[int]], tuple[jax.Array, Any]]


def generate(
    params: Params,
    state: State,
    prompt: Sequence[int],
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    seed: int = 0,
) -> Iterator[int]:
    """The tokens that a transformer or an lstm_lm puts behind a prompt, without end.

    Pure: the same arguments give the same tokens. The token at place n of prompt and continuation is drawn with the
    key fold_in(key(seed), n), so that a prompt that is longer by the first tokens goes on with the others.

    Each token costs one step: a transformer keeps keys and values, an lstm its memory. The logits are those of `apply`
    on `window(tokens, context)`, so a transformer goes on beyond its context, where it sees the end of the text alone.

    Args:
        params: from `init`, or learned.
        state: from `init`; it says which model, and the memory of `lstm_lm.stateful` is not used.
        prompt: at least one token, each at least 0 and below vocabulary.
        temperature: by what logits are divided before a token is drawn; at 0 it is always the most probable one.
        top_k: draw from so many of the most probable tokens; None for all.
        seed: of the draws, at least 0 and below 2**31.

    Returns:
        An iterator of Python ints.

    Raises:
        ValueError: no token in prompt, or one out of range; temperature is negative or no finite number, top_k below
            1, or seed out of range.
        TypeError: a token, top_k or seed is no integer, or the state is of another model.
    """
    if type(state["config"]) not in READS:
        raise TypeError(f"generate: state must be of transformer or lstm_lm; got {type(state['config']).__module__}")
    vocabulary = state["config"].vocabulary
    _check_tokens(prompt, vocabulary)
    _check_int("seed", seed, 0, 2**31 - 1)
    rule = "be a finite number, at least 0"
    temperature = as_number("generate", "temperature", temperature, rule, lambda t: 0 <= t < math.inf)
    if top_k is not None:
        _check_int("top_k", top_k, 1, math.inf)
    among = 1 if temperature == 0 else min(top_k or vocabulary, vocabulary)
    return _go_on(params, state, list(map(int, prompt)), partial(drawn, temperature=temperature, among=among), seed)


def window(tokens: Sequence[int], context: int) -> Sequence[int]:
    """What a transformer sees of a text: all of it up to its context, then the end of it.

    It begins at 0 and moves on by half a context whenever the text has outgrown it: between moves every token costs
    one step, and more than half of the context is always seen.
    """
    return tokens[_first_seen(len(tokens), context) :]


def _first_seen(count: int, context: int) -> int:
    half = max(1, context // 2)
    return max(0, -(-(count - context) // half) * half)


def _go_on(params: Params, state: State, tokens: list[int], draw: Callable[..., jax.Array], seed: int) -> Iterator[int]:
    read, kept = READS[type(state["config"])], None
    for place in count(len(tokens)):
        logits, kept = read(params, state, kept, tokens)
        tokens.append(int(draw(jax.random.fold_in(jax.random.key(seed), place), logits)))
        yield tokens[-1]


@partial(jax.jit, static_argnames=("among",))
def drawn(key: jax.Array, logits: jax.Array, *, temperature: float, among: int) -> jax.Array:
    """One of so many of the most probable tokens."""
    likeliest, tokens = jax.lax.top_k(logits.astype(jnp.promote_types(logits.dtype, jnp.float32)), among)
    # The largest is subtracted: divided by a small temperature it would be infinite, as others might be.
    return tokens[0 if among == 1 else jax.random.categorical(key, (likeliest - likeliest[0]) / temperature)]


def read_transformer(
    params: Params, state: State, cache: transformer.Cache | None, tokens: Sequence[int]
) -> tuple[jax.Array, transformer.Cache]:
    """As Read says: the last token alone is computed, or the whole window where nothing is kept or it has moved."""
    config = state["config"]
    seen = window(tokens, config.context)
    if cache is not None and _first_seen(len(tokens) - 1, config.context) == len(tokens) - len(seen):
        logits, after = _decode(params, state, cache, np.array([seen[-1:]]), len(seen) - 1)
        return logits[0, 0], after
    # Filled up to the context, so that there is one program for prompts of every length: no token sees a later one.
    whole = np.zeros((1, config.context), int)
    whole[0, : len(seen)] = seen
    dtype = params["embedding"]["table"].dtype
    logits, after = _decode(params, state, transformer.empty_cache(config, 1, dtype), whole, 0)
    return logits[0, len(seen) - 1], after


def read_lstm_lm(params: Params, state: State, memory: State | None, tokens: Sequence[int]) -> tuple[jax.Array, State]:
    """As Read says: the last token alone is computed, or all where nothing is kept."""
    dtype = params["embedding"]["table"].dtype
    before, new = (lstm_lm.stateful(state, 1, dtype), tokens) if memory is None else (memory, tokens[-1:])
    logits, after = _apply(params, before, np.array([new]))
    return logits[0, -1], after


_decode = jax.jit(transformer.decode, donate_argnames="cache")
_apply = jax.jit(lstm_lm.apply)
READS: dict[type, Read] = {transformer.Config: read_transformer, lstm_lm.Config: read_lstm_lm}


def _check_tokens(prompt: Sequence[int], vocabulary: int) -> None:
    require(len(prompt) > 0, "generate", "prompt must have at least one token", "none")
    for place, token in enumerate(prompt):
        _check_int(f"prompt[{place}]", token, 0, vocabulary - 1)


def _check_int(name: str, value: Any, low: int, high: float) -> None:
    require_ints("generate", f"{name} must be an integer", f"{name}={value!r}", (value,))
    rule = f"{name} must be at least {low}" + (f" and at most {high}" if high < math.inf else "")
    require(low <= value <= high, "generate", rule, f"{name}={value!r}")
