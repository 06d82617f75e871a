"""The planted mistakes of tests/textbook/broken.py: each is found, named, and shown in 80 columns and on a page."""

import pytest
from helpers.oracle_command import TEXTBOOK

from reference.oracle.command import cli, runner

# The first cause that each planted mistake is reported under; several where the input cannot tell them apart.
PLANTED = {
    "ReluInPlace": {"changed_in_place"},
    "ReluMaskOfUpstream": {"not_linear"},
    "SigmoidTwice": {"derivative_at_wrong_value"},
    "SigmoidWithoutUpstream": {"ignores_cotangent"},
    "AffineMeanBias": {"scaled_by_count"},
    "AffineForgetsBias": {"forward"},
    "AffineAccumulates": {"accumulates"},
    "SoftmaxWithLossNotDivided": {"scaled_by_count"},
    "DropoutWithoutMask": {"mask_missing", "derivative_missing"},
    "BatchNormalizationConstantVariance": {"statistics_as_constants"},
    "BatchNormalizationForgetsGamma": {"wrong_factor"},
    "ConvolutionFlipsKernel": {"flipped"},
    "ConvolutionAssigns": {"not_accumulated"},
    "PoolingNearTies": {"wrong_winner"},
    "TwoLayerNetDoubledBias": {"scaled_by_constant"},
}


@pytest.fixture(scope="module")
def broken():
    """Every result of the file of planted mistakes, run once; one of them is a matter of strictness."""
    options = cli._parser().parse_args(
        [str(TEXTBOOK / "broken.py"), "--html", "page.html", "--strict", "--timeout", "900"]
    )
    return {result["name"]: result for result in runner.run(TEXTBOOK / "broken.py", None, None, options)}


@pytest.mark.slow
def test_every_class_of_the_file_is_judged(broken):
    assert set(broken) == set(PLANTED)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_the_planted_mistake_is_found_and_named(broken, name):
    report = broken[name]["report"]
    assert report["verdict"] == "fail", broken[name]["text"]
    assert report["findings"][0]["cause"] in PLANTED[name], broken[name]["text"]


@pytest.mark.parametrize("name", PLANTED)
def test_the_text_fits_80_columns_and_the_page_shows_the_error(broken, name):
    wide = [line for line in broken[name]["text"].splitlines() if len(line) > 80]
    assert not wide, wide
    values_wrong = any(argument["wrong_entries"] for argument in broken[name]["report"]["arguments"])
    assert ('class="bad"' in broken[name]["html"]) == values_wrong
