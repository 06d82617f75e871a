"""The pictures of the study site: whole in both languages, alike at every build, and at home on any page."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import reference as ref
from reference import optimizers
from scripts.study.pictures import PICTURES, canvas, differences, gradients, networks, training

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
# What code calls the same in every language.
NAMES = {
    *ref.__all__,
    *vars(optimizers),
    "strides",
    "padding",
    "dilation",
    "kernel",
    "bias",
    "float",
    "batch",
    "pool",
    "Huber",
    "Affine",
    "ReLU",
}
SVG = "{http://www.w3.org/2000/svg}"
TRAINED = {"training_curve", "learned_filters", "cnn_layers", "digit_network"}
EVERY = [pytest.param(name, marks=pytest.mark.slow) if name in TRAINED else name for name in sorted(PICTURES)]


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_a_picture_is_whole_in_both_languages(name: str):
    english, japanese = (texts(PICTURES[name](language)) for language in ("en", "ja"))
    assert len(english) == len(japanese) > 0, f"{name}: the languages show different numbers of texts"
    assert not [text for text in english if JAPANESE.search(text)], f"{name}: Japanese stands in the English picture"
    shared = [one for one, other in zip(english, japanese, strict=True) if one == other]
    words = {word for text in shared for word in re.findall("[A-Za-z_]{4,}", text)}
    assert words <= NAMES, f"{name}: not translated: {words - NAMES}"


def test_one_character_stands_upright():
    english, japanese = (PICTURES["initial_scale"](language) for language in ("en", "ja"))
    assert re.search(r"rotate\(-90[^>]*>layer<", english)
    assert re.search(r"<text[^>]*>層<", japanese)
    assert not re.search(r"rotate\(-90[^>]*>層<", japanese)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_a_picture_is_at_home_on_a_page(name: str):
    svg = PICTURES[name]("en")
    bare = re.sub(r"var\(--[\w-]+, #[0-9a-f]{6}\)", "", svg)
    assert not re.findall("#[0-9a-f]{6}", bare), f"{name}: a colour that the page cannot change"
    assert "font-family" not in svg, f"{name}: a font that the page did not choose"
    assert not re.search("<image|<script|<style|<metadata|https?://(?!www.w3.org/)", svg), f"{name}: not only shapes"
    named = re.findall(r'\bid="([^"]+)"', svg)
    assert len(named) == len(set(named)), f"{name}: an id stands twice"
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', svg))
    assert {a or b for a, b in used} <= set(named), f"{name}: something refers to an id that is not there"
    assert len(svg) < 200_000, f"{name}: {len(svg):,} characters"
    narrowest, drawn = (float(re.findall(part, svg)[0]) for part in (r"--least: (\d+)px", r'viewBox="0 0 ([\d.]+) '))
    letters = min(float(size) for size in re.findall(r"font-size: ([\d.]+)px", svg)) * narrowest / drawn
    assert letters >= 8, f"{name}: letters of {letters:.1f} pixels where it is shown smallest"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["error_curve", "descent_paths", "partial_cut", "dropout_mask"])
def test_a_picture_is_alike_at_every_build(name: str):
    drawn_anew = canvas._drawn.__wrapped__
    assert drawn_anew(PICTURES[name]) == canvas._drawn(PICTURES[name])


def test_an_unknown_language_is_named():
    with pytest.raises(ValueError, match="error_curve: language must be ja or en; got 'fr'"):
        PICTURES["error_curve"]("fr")


def test_a_translation_that_is_not_drawn_is_named():
    def lost(figure, say):
        say("無い", "nowhere")

    with pytest.raises(ValueError, match=r"lost: a translated text must stand in the picture.*'nowhere'"):
        canvas.picture(100, 100)(lost)("ja")


def test_one_text_has_one_translation():
    def torn(figure, say):
        figure.text(0, 0, say("傾き", "slope"))
        figure.text(0, 1, say("勾配", "slope"))

    with pytest.raises(ValueError, match="'slope': one text needs one translation; got '勾配' and '傾き'"):
        canvas.picture(100, 100)(torn)("en")


@pytest.mark.parametrize(("rule", "power"), [(differences.forward, 1), (differences.central, 2)])
def test_the_error_of_a_difference_falls_as_its_label_says(rule, power: int):
    wide, narrow = differences.errors(rule, np.float64, 3.0, [1e-2, 1e-3])
    assert wide / narrow == pytest.approx(10**power, rel=0.02)


def test_the_curve_of_errors_is_a_v_and_float32_turns_first():
    steps = differences.steps()
    single, double = (differences.errors(differences.central, kind, 3.0, steps) for kind in (np.float32, np.float64))
    turns = {"float32": steps[int(np.nanargmin(single))], "float64": steps[int(np.nanargmin(double))]}
    assert turns["float64"] < 1e-4 < turns["float32"], turns
    assert double[0] > 1e6 * np.nanmin(double), "no left arm"
    assert double[-1] > 1e6 * np.nanmin(double), "no right arm"


def test_the_gradient_is_the_steepest_of_the_directions_drawn():
    slopes = [
        gradients.directional_derivative(gradients.tilted)(gradients.POINT, np.array([np.cos(a), np.sin(a)]))
        for a in np.linspace(0, 2 * np.pi, 73)
    ]
    length = np.linalg.norm(gradients.gradient(gradients.tilted)(gradients.POINT))
    assert max(slopes) <= length < 1.001 * max(slopes)


@pytest.mark.slow
def test_the_run_that_is_drawn_learns():
    run = training.run()
    assert np.mean(run.losses[-20:]) < 0.25 * np.mean(run.losses[:5])
    assert run.accuracies[-1] > 0.85 > 0.2 > run.accuracies[0]


def test_the_network_that_is_drawn_hands_errors_back_by_its_weights():
    values = networks.forward_and_back()
    np.testing.assert_allclose(values["h_ct"], values["y_ct"] * networks.KERNEL2.T)
