"""Which form of a convolution is chosen, by its shapes."""

from functools import partial
from typing import Any

import jax
import numpy as np
import pytest
from helpers.relations import channels_first

from functional_nn import _lax, _libraries
from functional_nn._geometry import Spec, lines
from functional_nn.cpu import lowerings


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    want_fast_forms(monkeypatch)


def want_fast_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests are of the fast forms, whatever the environment says, as chosen beside a library on one core."""
    monkeypatch.setattr(lowerings, "FAST", True)
    monkeypatch.setattr(_libraries, "WANTED", False)
    library_uses_all_cores(monkeypatch, False)


def library_uses_all_cores(monkeypatch: pytest.MonkeyPatch, all_cores: bool) -> None:
    monkeypatch.setattr(lowerings, "LIBRARY_USES_ALL_CORES", all_cores)
    monkeypatch.setattr(lowerings, "SLOW_CHANNELS", () if all_cores else (1, 3))


def chosen(name: str, batch: int, size: int, channels: tuple[int, int], window: int, **change: Any) -> str:
    """The name of the form that is chosen for a square convolution."""
    groups, layout, dtype = change.get("groups", 1), change.get("layout", "channels_last"), change.get("dtype", "f4")
    geometry = lines("conv", (size, size), (window, window), change.get("strides", 1), change.get("padding", "SAME"), 1)
    x, kernel = (
        np.empty((batch, size, size, channels[0]), dtype),
        np.empty((window, window, channels[0] // groups, channels[1]), dtype),
    )
    if layout == "channels_first":
        x, kernel = channels_first(x, kernel)
    spec = Spec(geometry, groups, layout, None)
    out = jax.eval_shape(partial(_lax.correlate, spec=spec), x, kernel)
    pair = {"correlate": (x, kernel), "spread": (out, kernel), "gather": (x, out)}[name]
    return called(lowerings.choose(name, pair[0], pair[1], spec))


def called(form: Any) -> str:
    """The name of the innermost function that a form is made of."""
    if not isinstance(form, partial):
        return form.__name__
    return called(form.args[-1] if callable(form.args[-1]) else form.func)


CHOICES = [
    # The sizes that docs/speed.md reports.
    ("gather", 32, 32, (64, 64), 3, {}, "gather_by_tiles"),
    ("gather", 8, 28, (128, 128), 3, {}, "gather_by_tiles"),
    ("gather", 100, 28, (1, 30), 5, {}, "gather_by_patches"),
    ("gather", 100, 28, (1, 16), 3, {"layout": "channels_first"}, "gather_by_patches"),
    ("gather", 100, 28, (16, 16), 3, {}, "gather_by_tiles"),
    ("gather", 100, 28, (16, 16), 3, {"layout": "channels_first"}, "gather_by_tiles"),
    ("gather", 32, 32, (64, 128), 3, {"strides": 2}, "gather_by_tiles"),
    ("spread", 100, 28, (1, 30), 5, {}, "spread_by_planes"),
    ("spread", 100, 28, (3, 16), 3, {"layout": "channels_first"}, "spread_by_planes"),
    ("spread", 100, 28, (8, 16), 3, {}, "spread"),
    ("spread", 32, 224, (3, 64), 7, {}, "spread"),
    ("gather", 8, 14, (256, 256), 3, {}, "gather_by_tiles"),
    ("gather", 2, 112, (64, 64), 3, {}, "gather_by_tiles"),
    ("correlate", 32, 32, (64, 64), 3, {}, "correlate_on_all_cores"),
    ("spread", 32, 32, (64, 64), 3, {}, "spread_on_all_cores"),
    ("spread", 32, 32, (64, 64), 3, {"layout": "channels_first"}, "spread_on_all_cores"),
    ("correlate", 100, 28, (1, 16), 3, {}, "correlate_by_planes"),
    ("correlate", 100, 28, (1, 30), 5, {"layout": "channels_first"}, "correlate_by_planes"),
    ("correlate", 100, 28, (3, 32), 3, {}, "correlate_by_planes"),
    # Here lax is as fast or faster: a large kernel, a large image, few outputs, little to do, groups, 16 bits.
    ("gather", 8, 14, (512, 512), 3, {}, "gather"),
    ("gather", 2, 224, (64, 64), 3, {}, "gather"),
    ("gather", 100, 28, (1, 4), 3, {}, "gather"),
    ("gather", 2, 28, (3, 30), 3, {}, "gather"),
    ("gather", 32, 32, (64, 64), 3, {"groups": 2}, "gather"),
    ("gather", 32, 32, (64, 64), 3, {"dtype": "f2"}, "gather"),
    # The library does not take these, or is fast on one core: few outputs, strides, double precision, little to do.
    ("correlate", 100, 28, (16, 16), 3, {}, "correlate"),
    ("correlate", 32, 32, (64, 128), 3, {"strides": 2}, "correlate"),
    ("correlate", 2, 112, (64, 64), 3, {}, "correlate"),
    ("correlate", 32, 32, (64, 64), 3, {"dtype": "f8"}, "correlate"),
    ("correlate", 2, 16, (64, 64), 3, {}, "correlate"),
    ("correlate", 100, 28, (8, 64), 3, {}, "correlate"),
    ("correlate", 32, 12, (64, 64), 7, {"padding": "VALID"}, "correlate"),
    ("correlate", 100, 28, (1, 64), 3, {}, "correlate"),
    ("correlate", 100, 28, (4, 32), 3, {}, "correlate"),
    ("correlate", 32, 32, (64, 64), 3, {"groups": 64}, "depthwise_correlate"),
    ("spread", 32, 32, (64, 64), 3, {"groups": 64}, "depthwise_spread"),
    ("gather", 32, 32, (64, 64), 3, {"groups": 64}, "depthwise_gather"),
    ("gather", 32, 32, (64, 64), 3, {"groups": 64, "layout": "channels_first"}, "depthwise_gather"),
    # Two filters a channel, and a window too large to write out.
    ("correlate", 32, 32, (64, 128), 3, {"groups": 64}, "correlate"),
    ("correlate", 32, 32, (64, 64), 9, {"groups": 64}, "correlate"),
    ("gather", 0, 32, (64, 64), 3, {"groups": 64}, "gather"),
]


@pytest.mark.parametrize(("name", "batch", "size", "channels", "window", "change", "form"), CHOICES, ids=str)
def test_the_form_is_chosen_by_shapes(name, batch, size, channels, window, change, form):
    assert chosen(name, batch, size, channels, window, **change) == form


@pytest.mark.parametrize(
    ("name", "batch", "size", "channels", "window", "change", "form"),
    [
        ("correlate", 32, 32, (64, 64), 3, {}, "correlate"),
        ("spread", 32, 32, (64, 64), 3, {}, "spread"),
        ("correlate", 100, 28, (3, 32), 3, {}, "correlate"),
        ("correlate", 100, 28, (1, 30), 5, {}, "correlate"),
        ("correlate", 100, 28, (3, 16), 3, {}, "correlate_by_planes"),
        # It takes these, whose transposes stay in the cache, and multiplies enough with every number tiles would copy.
        ("gather", 100, 8, (64, 64), 3, {}, "gather"),
        ("gather", 100, 8, (64, 64), 3, {"layout": "channels_first"}, "gather"),
        # Here it takes longer to transpose.
        ("gather", 32, 32, (64, 64), 3, {}, "gather_by_tiles"),
        # Here copying is cheap.
        ("gather", 100, 28, (1, 30), 5, {}, "gather_by_patches"),
        # These it does not take, or does badly: small batches, strides, single elements.
        ("gather", 8, 32, (80, 16), 3, {}, "gather_by_tiles"),
        ("gather", 32, 16, (64, 64), 3, {"strides": 2}, "gather_by_tiles"),
        ("gather", 32, 10, (128, 128), 1, {}, "gather_by_tiles"),
    ],
    ids=str,
)
def test_a_library_on_all_cores_keeps_what_it_does_well(name, batch, size, channels, window, change, form, monkeypatch):
    library_uses_all_cores(monkeypatch, True)
    assert chosen(name, batch, size, channels, window, **change) == form


def test_all_forms_can_be_left_to_lax(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(lowerings, "FAST", False)
    assert chosen("gather", 32, 32, (64, 64), 3, groups=64) == "gather"
