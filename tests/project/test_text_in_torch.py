"""The plain PyTorch script that the text preset is compared with: the same network, rate and judgement."""

import importlib
import math
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

from functional_nn.models import transformer
from functional_nn.training.data.examples import IGNORED, Examples
from functional_nn.training.setup import schedule


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "scripts"))
    return importlib.import_module("text_in_torch")


def test_the_network_has_the_parameters_of_ours(script: ModuleType):
    config = transformer.Config(vocabulary=96, width=128, heads=4, layers=4, hidden=344, context=256)
    params, _ = jax.eval_shape(lambda: transformer.init(jax.random.key(0), config))
    ours = sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))
    assert sum(weight.numel() for weight in script.network(96).parameters()) == ours


def test_the_rate_is_that_of_training(script: ModuleType):
    ours = schedule(script.CHOSEN.peak_learning_rate, 1000, script.CHOSEN.warmup)
    for step in (30, 100, 101, 550, 999):
        assert script.rate(step / 1000) == pytest.approx(float(ours(step)), rel=0.04), step


def test_a_network_that_knows_nothing_needs_the_bits_of_its_alphabet(script: ModuleType):
    tokens = np.random.default_rng(0).integers(0, 96, (70, 256))
    labels = np.where(np.arange(256) < 128, IGNORED, tokens)
    model = script.network(96)
    model.head.weight.data.zero_()
    assert script.bits_per_byte(model, Examples(tokens, labels)) == pytest.approx(math.log2(96), rel=1e-6)


def test_no_seconds_are_refused(script: ModuleType, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        script.main(["--seconds", "0"])
    assert "--seconds must be above 0; got 0.0" in capsys.readouterr().err
