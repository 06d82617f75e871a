"""Going on with a text: the logits of the whole pass at every token, and draws that are as they were asked for."""

from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import reference.models.lstm_lm as lstm_by_hand
import reference.models.transformer as transformer_by_hand
from functional_nn.models import lstm_lm, mlp, transformer
from functional_nn.models.generation import READS, drawn, generate, window

CONTEXT = 6
OF_TRANSFORMER = {"vocabulary": 11, "width": 8, "heads": 2, "key_heads": 1, "layers": 2, "hidden": 5}
OF_LSTM = {"vocabulary": 11, "width": 4, "hidden": 5, "layers": 2}
TEXT = [int(token) for token in np.random.default_rng(0).integers(0, 11, 3 * CONTEXT)]


def arranged(name: str, dtype: Any = jnp.float64) -> tuple[Any, Any, Callable[[list[int]], np.ndarray]]:
    """Parameters and state of a model, and the logits after a text, of its whole pass by hand in float64."""
    side, by_hand, sizes = {
        "transformer": (transformer, transformer_by_hand, {**OF_TRANSFORMER, "context": CONTEXT}),
        "lstm_lm": (lstm_lm, lstm_by_hand, OF_LSTM),
    }[name]
    params, _ = by_hand.init(0, by_hand.Config(**sizes))
    rng = np.random.default_rng(1)
    params = jax.tree.map(lambda leaf: (leaf + rng.normal(scale=0.4, size=leaf.shape)).astype(dtype), params)
    wide, config = jax.tree.map(lambda leaf: leaf.astype(float), params), by_hand.Config(**sizes)

    def whole(tokens: list[int]) -> np.ndarray:
        seen = window(tokens, CONTEXT) if name == "transformer" else tokens
        return np.asarray(by_hand.apply(wide, {"config": config}, np.array([seen]))[0][0, -1])

    return params, {"config": side.Config(**sizes)}, whole


@pytest.mark.parametrize(("dtype", "rounding"), [(jnp.float64, 1e-13), (jnp.float32, 3e-6)], ids=["64", "32"])
@pytest.mark.parametrize("name", ["transformer", "lstm_lm"])
@pytest.mark.parametrize("prompt", [1, CONTEXT + 3])
def test_what_is_kept_gives_the_logits_of_the_whole_pass_also_beyond_the_context(
    name: str, prompt: int, dtype: Any, rounding: float
):
    params, state, whole = arranged(name, dtype)
    read, kept = READS[type(state["config"])], None
    for length in range(prompt, len(TEXT) + 1):
        logits, kept = read(params, state, kept, TEXT[:length])
        expected = whole(TEXT[:length])
        assert logits.dtype == dtype
        error = np.max(np.abs(logits - expected)) / np.max(np.abs(expected))
        assert error <= rounding, f"after {length} tokens the logits are off by {error:.1e}"


def test_a_window_holds_the_end_of_a_text_and_more_than_half_of_the_context():
    assert [window(range(n), 6)[0] for n in range(1, 14)] == [0, 0, 0, 0, 0, 0, 3, 3, 3, 6, 6, 6, 9]
    for context in (1, 2, 5, 8):
        for length in range(1, 40):
            seen = window(range(length), context)
            assert seen[-1] == length - 1
            assert min(length, context - context // 2) <= len(seen) <= context


@pytest.mark.parametrize("name", ["transformer", "lstm_lm"])
def test_a_continuation_is_a_pure_function_and_its_end_is_that_of_its_beginning(name: str):
    params, state, _ = arranged(name)
    first, again, other = (list(islice(generate(params, state, TEXT[:4], seed=seed), 9)) for seed in (3, 3, 4))
    assert first == again
    assert first != other
    assert list(islice(generate(params, state, TEXT[:4] + first[:3], seed=3), 6)) == first[3:]


def test_without_temperature_it_is_always_the_most_probable_token():
    params, state, whole = arranged("transformer")
    tokens = TEXT[:2]
    for token in islice(generate(params, state, tokens, temperature=0, seed=5), 8):
        assert token == int(np.argmax(whole(tokens)))
        tokens = [*tokens, token]
    assert list(islice(generate(params, state, TEXT[:2], top_k=1), 8)) == tokens[2:]
    assert list(islice(generate(params, state, TEXT[:2], temperature=1e-300), 8)) == tokens[2:]


def test_tokens_are_drawn_as_often_as_they_are_probable():
    logits = np.random.default_rng(0).normal(size=11)
    draw = jax.vmap(partial(drawn, logits=jnp.asarray(logits), temperature=2.0, among=3))
    tokens = list(np.asarray(draw(jax.random.split(jax.random.key(0), 4000))))
    best = np.argsort(-logits)[:3]
    assert set(tokens) == set(best)
    weights = np.exp(logits[best] / 2.0)
    shares = np.array([tokens.count(token) for token in best]) / len(tokens)
    assert np.max(np.abs(shares - weights / weights.sum())) < 0.03


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"prompt": []}, ValueError, "prompt must have at least one token; got none"),
        ({"prompt": [1, 11]}, ValueError, "prompt[1] must be at least 0 and at most 10; got prompt[1]=11"),
        ({"prompt": [1.0]}, TypeError, "prompt[0] must be an integer; got prompt[0]=1.0"),
        ({"temperature": -1}, ValueError, "temperature must be a finite number, at least 0; got temperature=-1"),
        ({"top_k": 0}, ValueError, "top_k must be at least 1; got top_k=0"),
        ({"seed": -1}, ValueError, "seed must be at least 0 and at most 2147483647; got seed=-1"),
    ],
)
def test_bad_input_is_refused_before_the_first_token(settings: dict[str, Any], error: type, says: str):
    params, state, _ = arranged("lstm_lm")
    with pytest.raises(error) as raised:
        generate(params, state, **{"prompt": [1], **settings})
    assert str(raised.value) == f"generate: {says}"


def test_another_model_is_refused():
    with pytest.raises(
        TypeError, match=r"^generate: state must be of transformer or lstm_lm; got functional_nn\.models\.mlp"
    ):
        generate({}, {"config": mlp.Config()}, [1])
