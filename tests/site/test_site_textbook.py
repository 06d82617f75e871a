"""The textbook's form on the study pages: shown first, run on both sides, and held to the library's."""

import re
from pathlib import Path

import pytest
from helpers.study_site import BOOK_JAX, BOOK_NUMPY, SIGMOID, small_study, spoil

from scripts.study import site
from scripts.study.excerpt import functions_in
from scripts.study.refusal import Refusal
from scripts.study.shapes import Recorder
from scripts.study.site import Order

STUDY = Path(__file__).resolve().parents[2] / "docs" / "study"
BOOKS = sorted((STUDY / "textbook").rglob("*.py"))


@pytest.fixture
def order(tmp_path: Path) -> Order:
    made = small_study(tmp_path)
    return Order(made.folder, made.output, made.root, only=("sigmoid",))


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    made = small_study(tmp_path_factory.mktemp("textbook"))
    site.build(Order(made.folder, made.output, made.root, only=("sigmoid",)))
    return (made.output / "sigmoid.html").read_text(encoding="utf-8")


def test_the_textbook_stands_open_and_the_library_behind_a_fold(page: str):
    steps = page.partition('<ol class="steps">')[2].partition("</ol>")[0]
    folds = " ".join(map(text_of, re.findall(r"<details.*?</details>", steps, re.DOTALL)))
    opened = text_of(re.sub(r"<details.*?</details>", "", steps, flags=re.DOTALL))
    for line in (
        "return 1 / (1 + np.exp(-x)) # (3,)",
        "return 1 / (1 + jnp.exp(-x)) # (3,)",
        "return dout * y * (1 - y)",
    ):
        assert line in opened, f"not shown: {line}"
    for line in ("shrunk = np.exp(-np.abs(x))", "cannot overflow"):
        assert line in folds, f"not behind the fold: {line}"
        assert line not in opened, f"not only behind the fold: {line}"


def test_the_calls_are_the_textbooks_and_the_librarys_are_folded(page: str):
    values = page.partition('id="values"')[2]
    opened = text_of(re.sub(r"<details.*?</details>", "", values, flags=re.DOTALL))
    assert "sigmoid_backward(sigmoid(x), dout)" in opened
    assert "backward_by_hand" not in opened
    assert text_of(values).count("backward_by_hand") == 2  # what the call needs, and the call


BACKWARD_CALL = 'textbook = {numpy = "sigmoid_backward(sigmoid(x), dout)"'
SENTENCE = "differences = [{ja ="
# What is spoiled, how, what the build says, and what stands on the line of the page that it names.
REFUSALS = {
    "differs-numpy": (
        BOOK_NUMPY,
        "return dout * y * (1 - y)",
        "return dout * y * (1 + y)",
        "the textbook's form and the library's must agree on the side of numpy to 1e-12; got a difference of 0.776",
        BACKWARD_CALL,
    ),
    "differs-jax": (
        BOOK_JAX,
        "1 / (1",
        "2 / (1",
        "the textbook's form and the library's must agree on the side of jax to 1e-12; got a difference of 0.8",
        'textbook = "sigmoid(x)"',
    ),
    "code": (
        BOOK_JAX,
        "[1](dout)",
        "[1](dout",
        "textbook code must be Python; got textbook/jax/sigmoid.py:12: ",
        "textbook = {function",
    ),
    "raises": (
        BOOK_JAX,
        "import jax\n",
        "import jacks\n",
        "textbook code must run; got ModuleNotFoundError in textbook/jax/sigmoid.py:3: No module named 'jacks'",
        "[[steps]]",
    ),
    "call": (
        SIGMOID,
        '"sigmoid(x)"',
        '"sigmoids(x)"',
        "a textbook call must be computable on the side of numpy; got NameError",
        'textbook = "sigmoids(x)"',
    ),
    "function": (
        SIGMOID,
        '{function = "sigmoid"}',
        '{function = "sigmoids"}',
        "a textbook function must stand in textbook/numpy/sigmoid.py; got 'sigmoids'",
        '{function = "sigmoids"}',
    ),
    "unheld": (
        SIGMOID,
        BACKWARD_CALL + ', jax = "sigmoid_backward(x, dout)"}',
        "",
        "a textbook function must be run by a value that the library computes too; got sigmoid_backward",
        'textbook = {numpy = {function = "sigmoid_backward"',
    ),
    "one-call": (
        SIGMOID,
        ', jax = "sigmoid_backward(x, dout)"}',
        "}",
        "a textbook call must be one string, or one for numpy and one for jax; got {'numpy'",
        BACKWARD_CALL,
    ),
    "differences": (
        SIGMOID,
        SENTENCE,
        "note = {ja = 'あ', en = 'a'}\n# " + SENTENCE,
        "the library's lines behind a fold need a sentence for each difference, and no other lines have one; got 0",
        "[[steps]]",
    ),
    "translation": (
        SIGMOID,
        ', en = "Only $-|x|$',
        ', de = "Only $-|x|$',
        "differences must be a table with ja and en",
        SENTENCE,
    ),
    "side": (
        SIGMOID,
        ', jax = {function = "sigmoid_backward"}}',
        "}",
        "a step without code on a side needs a note that says why; got no jax",
        "[[steps]]",
    ),
}


@pytest.mark.parametrize(("file", "old", "new", "message", "at"), REFUSALS.values(), ids=REFUSALS)
def test_a_textbook_form_that_is_wrong_stops_the_build_with_its_line(order, file, old, new, message, at):
    spoil(order.folder, file, old, new)
    with pytest.raises(Refusal) as refused:
        site.check(order)
    told = next((line for line in str(refused.value).splitlines() if message in line), "")
    assert told, f"nothing says {message!r}; the build said:\n{refused.value}"
    place = re.match(rf"{SIGMOID}:(\d+): ", told)
    assert place, f"the sentence does not begin with the page and a line: {told}"
    line = (order.folder / SIGMOID).read_text(encoding="utf-8").splitlines()[int(place[1]) - 1]
    assert at in line, f"{told}\nnames a line that reads {line!r}"


def test_equal_code_of_two_files_is_told_apart(tmp_path: Path):
    functions, calls = [], []
    for name in ("one", "two"):
        file, names = tmp_path / f"{name}.py", {}
        file.write_text("def twice(x):\n    return 2 * x\n", encoding="utf-8")
        exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
        functions += functions_in(file)
        calls.append(names["twice"])
    recorder = Recorder(functions)
    with recorder.watching():
        for call in calls:
            call(1)
    assert [recorder.ran(function) for function in functions] == [True, True]


def test_there_is_a_textbook_for_both_sides_of_a_page():
    names = {side: {file.name for file in BOOKS if file.parent.name == side} for side in ("numpy", "jax")}
    assert names["numpy"] == names["jax"]
    assert names["numpy"] <= {f"{file.stem}.py" for file in (STUDY / "pages").glob("*.toml")}


@pytest.mark.parametrize("file", BOOKS, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_textbook_stands_on_its_own(file: Path):
    imported = set(re.findall(r"^(?:import|from) ([\w.]+)", file.read_text(encoding="utf-8"), re.MULTILINE))
    allowed = {"numpy": {"numpy"}, "jax": {"jax", "jax.numpy"}}[file.parent.name]
    assert imported <= allowed, f"a textbook page imports nothing but {', '.join(sorted(allowed))}; got {imported}"
