"""Every warning about an input is true: a mistake that it names goes unseen there, and shows on an input without it."""

import numpy as np
import pytest
from helpers.blind_inputs import BLIND, dense, dense_backward, draw

from reference import linear
from reference.oracle.questions.power import power
from reference.oracle.subjects.subject import from_forward_backward


def same_gradients(blind, inputs, statics):
    primals, cotangent = inputs
    right, wrong = (b(cotangent, *primals, **statics) for b in (blind.right, blind.wrong))
    if not isinstance(right, tuple):
        right, wrong = (right,), (wrong,)
    return all(a is b or np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(right, wrong, strict=True))


def warnings_of(blind, inputs, statics):
    primals, cotangent = inputs
    subject = from_forward_backward(lambda *p: blind.forward(*p, **statics), blind.right)
    return power(subject, names_of(blind, primals), primals, cotangent, blind.op, statics)


def names_of(blind, primals):
    named = blind.right.__code__.co_varnames[1 : blind.right.__code__.co_argcount]
    return named if len(named) == len(primals) else ("x", "kernel", "bias")[: len(primals)]


@pytest.mark.parametrize("blind", BLIND.values(), ids=BLIND.keys())
def test_the_warning_is_true(blind):
    weak, strong = blind.statics
    assert same_gradients(blind, blind.hides, weak), "the input that should hide the mistake shows it"
    assert not same_gradients(blind, blind.shows, strong), "the input that should show the mistake hides it"


@pytest.mark.parametrize("blind", BLIND.values(), ids=BLIND.keys())
def test_the_warning_is_given_where_it_is_due_and_nowhere_else(blind):
    weak, strong = blind.statics
    due, undue = warnings_of(blind, blind.hides, weak), warnings_of(blind, blind.shows, strong)
    assert any(blind.says in sentence for sentence in due), f"missing; said {due}"
    assert not any(blind.says in sentence for sentence in undue), f"said of a strong input: {undue}"


def test_a_full_input_of_a_dense_layer_gives_no_warning():
    subject = from_forward_backward(linear.dense, dense_backward)
    said = power(subject, ("x", "kernel", "bias"), (draw(3, 7), draw(7, 11), draw(11)), draw(3, 11), "dense", {})
    assert said == ()


def test_ambiguous_sizes_are_named():
    subject = from_forward_backward(dense, dense_backward)
    said = " ".join(power(subject, ("x", "kernel"), (draw(2, 7), draw(7, 7)), draw(2, 7)))
    assert "A batch of 2 makes 1/N and 1/2 the same number" in said
    assert "Axes 0 and 1 of kernel both have size 7" in said


def test_padding_that_cannot_show():
    subject = from_forward_backward(lambda x: x, lambda ct, x: ct)
    said = " ".join(power(subject, ("x",), (1 + np.abs(draw(2, 9, 3)),), None, "max_pool", {"window": 3, "padding": 1}))
    assert "max_pool of positive values" in said
    said = " ".join(power(subject, ("x",), (draw(2, 9, 3),), None, "avg_pool", {"window": 3, "padding": 0}))
    assert "avg_pool without padding" in said


def test_a_forward_that_raises_is_left_to_the_engine():
    def broken(x):
        raise RuntimeError("no")

    assert power(from_forward_backward(broken, broken), ("x",), (draw(3, 7),), None) == ()


def test_nothing_given_is_changed():
    x = draw(3, 7)
    kept = x.copy()

    def writes(x):
        x += 1
        return x

    power(from_forward_backward(writes, writes), ("x",), (x,), None)
    np.testing.assert_array_equal(x, kept)


def test_padding_of_every_form_is_understood():
    subject = from_forward_backward(lambda x: x, lambda ct, x: ct)
    for padding, padded in ((0, False), ("VALID", False), ("SAME", True), ((0, (0, 0)), False), ((0, (0, 1)), True)):
        said = " ".join(power(subject, ("x",), (draw(2, 9, 3),), None, "conv", {"strides": 2, "padding": padding}))
        assert ("no padding" in said) != padded, (padding, said)
