"""`functional-nn check`: what it finds in a file, what it says, how it ends, and that no file can hurt it."""

import json
import re
import sys
from pathlib import Path

import pytest

from reference.oracle.command import cli, runner
from reference.oracle.command.attempts import attempt
from reference.oracle.command.discover import find, load
from reference.oracle.command.scenes import part_of, recognized, scenes

TEXTBOOK = Path(__file__).parent / "textbook"

# The first cause that each planted mistake is reported under; several where the input cannot tell them apart.
PLANTED = {
    "ReluInPlace": {"cotangent_changed"},
    "ReluMaskOfUpstream": {"not_linear"},
    "SigmoidTwice": {"derivative_at_output"},
    "SigmoidWithoutUpstream": {"ignores_cotangent"},
    "AffineMeanBias": {"scaled_by_batch", "mean_instead_of_sum"},
    "AffineForgetsBias": {"forward"},
    "AffineAccumulates": {"accumulates"},
    "SoftmaxWithLossNotDivided": {"scaled_by_batch"},
    "DropoutWithoutMask": {"mask_missing", "identity"},
    "BatchNormalizationConstantVariance": {"centered_term_missing", "statistics_as_constants"},
    "BatchNormalizationForgetsGamma": {"argument_factor_missing"},
    "ConvolutionFlipsKernel": {"flipped"},
    "ConvolutionAssigns": {"overlap_dropped"},
    "PoolingNearTies": {"near_ties"},
    "TwoLayerNetDoubledBias": {"scaled_by_two"},
}


@pytest.fixture
def check(capfd):
    """Run the command; its exit status, standard output and standard error."""

    def run(*arguments):
        status = cli.main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        assert "Traceback" not in said.out + said.err, said.out + said.err
        return status, said.out, said.err

    return run


@pytest.fixture
def file(tmp_path):
    def write(text, name="student.py"):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.fixture
def loaded(file, monkeypatch):
    """A module from text, in this process."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(text, name="loaded_by_a_test.py"):
        monkeypatch.delitem(sys.modules, "loaded_by_a_test", raising=False)
        return load(file(text, name))

    return make


def test_right_layers_pass_and_their_notes_are_counted(check):
    status, out, _ = check(TEXTBOOK / "layers.py")
    assert status == 0, out
    assert out.startswith(f"Running {TEXTBOOK / 'layers.py'} (at most 60 s).")
    assert "9 right, 0 wrong, 0 could not be judged." in out
    assert "Affine: pass: the gradients of x, W, b are right" in out


def test_pairs_caches_rules_and_vjps_pass(check):
    status, out, _ = check(TEXTBOOK / "pairs.py")
    assert (status, out.count(": pass: ")) == (0, 10), out


def test_a_derivative_of_the_output_passes_with_the_reason(check):
    status, out, _ = check(f"{TEXTBOOK / 'pairs.py'}:sigmoid")
    assert status == 0
    assert "The derivative is a function of the output" in out


def test_a_wrong_derivative_is_no_derivative_of_the_output_either(check, file):
    text = "import numpy as np\ndef tanh(x): return np.tanh(x)\ndef tanh_prime(x): return 1 + x**2\n"
    assert check(file(text))[0] == 1


@pytest.fixture(scope="module")
def broken():
    """Every result of the file of planted mistakes, run once."""
    options = cli._parser().parse_args([str(TEXTBOOK / "broken.py"), "--html", "page.html"])
    return {result["name"]: result for result in runner.run(TEXTBOOK / "broken.py", None, None, options)}


def test_every_class_of_the_file_is_judged(broken):
    assert set(broken) == set(PLANTED)


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


def test_one_name(check):
    status, out, _ = check(f"{TEXTBOOK / 'broken.py'}:AffineMeanBias")
    assert status == 1
    assert re.search(r"^fail: b_ct is .*1/(3|N) of the true gradient", out, re.MULTILINE), out
    assert "0 right, 1 wrong, 0 could not be judged." in out


def test_a_wrong_name_suggests_the_near_one(check):
    status, out, _ = check(f"{TEXTBOOK / 'layers.py'}:Afine")
    assert status == 2
    assert "there is no Afine to judge. Did you mean Affine?" in " ".join(out.split())


RELU = """
import numpy as np
class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask
    def backward(self, dout):
        return dout * self.mask
"""
BAD = {
    "syntax": ("def relu(:\n", "does not import: SyntaxError in line 1"),
    "raises": ("x = 1\nraise RuntimeError('no luck')\n", "does not import: RuntimeError in line 2: no luck"),
    "exits": ("import sys\nsys.exit(3)\n", "does not import: SystemExit in line 2: 3"),
    "missing import": ("import no_such_module\n", "ModuleNotFoundError in line 1"),
    "empty": ("", "nothing to judge"),
    "nothing there": ("def relu(x):\n    return x\n", "nothing to judge"),
    "kills": ("import os\nos._exit(7)\n", "the file ended the process (exit status 7)"),
    "hangs": ("while True:\n    pass\n", "the file took more than 2 s and was stopped"),
    "forward raises": (RELU.replace("x > 0", "x > undefined"), "NameError: name 'undefined' is not defined"),
    "forward interrupts": (RELU.replace("return x * self.mask", "raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "examples": (f"EXAMPLES = [1]\n{RELU}", "EXAMPLES must be a dict from names to inputs; got a list"),
    "forward is text": (RELU.replace("return x * self.mask", "return 'text'"), "no floating numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_clear_sentence(check, file, name):
    text, words = BAD[name]
    status, out, _ = check(file(text), "--timeout", 2 if name == "hangs" else 60)
    assert status == 2, out
    assert words in " ".join(out.split()), out
    assert "0 right, 0 wrong, 1 could not be judged." in out


def test_a_file_that_is_no_text(check, tmp_path):
    path = tmp_path / "student.py"
    path.write_bytes(b"\xff\xfe\x00")
    status, out, _ = check(path)
    assert status == 2
    assert "does not import: SyntaxError" in out


HANGS = RELU + RELU.replace("class Relu", "class Sleepy").replace(
    "return dout", "import time; time.sleep(60); return dout"
)
KILLS = RELU + RELU.replace("class Relu", "class Deadly").replace("return dout", "import os; os._exit(0); return dout")


@pytest.mark.parametrize(
    ("text", "says"),
    [(HANGS, "Sleepy: cannot tell: the file took more than 6 s and was stopped while Sleepy was judged"),
     (KILLS, "Deadly: cannot tell: the file ended the process (exit status 0) while Deadly was judged")],
    ids=["hangs", "kills"],
)  # fmt: skip
def test_what_was_judged_before_a_hang_or_a_crash_is_kept(check, file, text, says):
    status, out, _ = check(file(text), "--timeout", 6)
    assert status == 2
    assert "Relu: pass" in out
    assert says in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no_such_file.py"], "there is no file no_such_file.py"),
        ([TEXTBOOK], "is a folder: name a Python file in it"),
        ([TEXTBOOK.parent.parent / "pyproject.toml"], "is not a Python file"),
        ([TEXTBOOK / "layers.py", "--op", "convv"], "there is no op convv; did you mean conv?"),
        ([TEXTBOOK / "layers.py", "--op", "qqq"], "it must be one of sigmoid"),
        ([TEXTBOOK / "layers.py", "--statics", "2"], "--statics must be a dict"),
        ([TEXTBOOK / "layers.py", "--statics", "{open('x')}"], "--statics must be a dict"),
        ([TEXTBOOK / "layers.py", "--html", "no/such/folder/page.html"], "there is no folder no/such/folder"),
    ],
    ids=["missing", "folder", "suffix", "op", "far op", "statics", "statics code", "html"],
)
def test_a_bad_call_is_refused_before_anything_runs(check, arguments, says):
    status, out, err = check(*arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--timeout", "0"], ["--timeout", "soon"], ["--seed", "-1"], ["--unknown"], []])
def test_a_bad_option_ends_with_2(arguments, capfd):
    with pytest.raises(SystemExit) as stopped:
        cli.main([*arguments, *([str(TEXTBOOK / "layers.py")] if arguments else [])])
    assert stopped.value.code == 2
    assert "usage: functional-nn check" in capfd.readouterr().err


def test_the_help_fits_80_columns(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    wide = [line for line in capfd.readouterr().out.splitlines() if len(line) > 80]
    assert not wide, wide


NOISY = RELU.replace("import numpy", "print('hello from the file')\nimport numpy")


def test_json_is_one_document_whatever_the_file_prints(check, file):
    status, out, err = check(file(NOISY), "--json", "--seed", 5)
    parsed = json.loads(out)
    assert (status, parsed["status"], parsed["format"]) == (0, 0, 1)
    assert [(result["name"], result["verdict"]) for result in parsed["results"]] == [("Relu", "pass")]
    assert parsed["results"][0]["report"]["seed"] == 5
    assert "hello from the file" in err


def test_html_is_written(check, tmp_path):
    page = tmp_path / "page.html"
    status, _, _ = check(f"{TEXTBOOK / 'broken.py'}:AffineMeanBias", "--html", page)
    assert status == 1
    assert "1/3 of the true gradient" in page.read_text("utf-8")


OWN = """
import numpy as np
class Scale:
    def __init__(self, factor): self.factor = factor
    def forward(self, q): return q * self.factor
    def backward(self, dout): return dout * self.factor
def odd_forward(q): return q.reshape(13, 2).sum(1)
def odd_backward(dout, q): return np.repeat(dout, 2)
"""
HOOKS = {
    "mapping": "EXAMPLES = {'Scale': {'init': [2.0], 'inputs': [np.arange(5.0)]}, 'odd': (np.arange(26.0),)}\n",
    "function": "def example_inputs(name):\n"
    "    return {'Scale': {'init': {'factor': 2.0}, 'inputs': np.arange(5.0)}, 'odd': np.arange(26.0)}[name]\n",
}


@pytest.mark.parametrize("hook", HOOKS)
def test_the_file_brings_its_own_inputs(check, file, hook):
    status, out, _ = check(file(OWN + HOOKS[hook]), "--verbose")
    assert status == 0, out
    assert out.count("Inputs: the file's own EXAMPLES.") == 2
    assert "q (26,) float64" in out


def test_without_inputs_it_says_how_to_give_them(check, file):
    status, out, _ = check(file(OWN))
    assert status == 2
    assert "Give some in the file: EXAMPLES = {'odd': (x, ...)}" in " ".join(out.split())


def test_op_can_be_named_and_refused(check, file):
    wrong = file(RELU.replace("x > 0", "x > -0.5").replace("class Relu", "class Mystery"))
    assert check(wrong)[0] == 0, "its backward fits its own forward"
    status, out, _ = check(wrong, "--op", "relu")
    assert status == 1, out
    assert "judged as relu" in out
    assert check(file(RELU.replace("x > 0", "x > -0.5")), "--op", "none")[0] == 0


GRADED = """
import numpy as np
class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.mean(axis=0)
        return dout @ self.W.T
class Dead:
    def forward(self, x): return np.maximum(x, 100.0)
    def backward(self, dout): return 0 * dout
"""


def test_grading_gives_points_for_each_part_and_none_for_a_vacuous_gradient(check, file):
    status, out, _ = check(file(GRADED), "--grade", "--json")
    assert status == 1
    parts = {result["name"]: {p["name"]: p["earned"] for p in result["grade"]} for result in json.loads(out)["results"]}
    assert parts["Affine"] == {
        "forward": 1,
        "gradient of x": 1,
        "gradient of W": 1,
        "gradient of b": 0,
        "no side effects": 1,
    }
    assert parts["Dead"]["gradient of x"] == 0


def test_grading_draws_hidden_inputs_unless_a_seed_is_given(file):
    def seeds(*arguments):
        options = cli._parser().parse_args(["x.py", *arguments])
        return runner.job_of(Path("x.py"), None, None, options, Path("results"))["seeds"]

    assert seeds("--grade", "--seed", "7") == [7, 8, 9]
    assert seeds("--grade") != seeds("--grade")
    assert seeds() == [0]


FRAMEWORKS = """
import jax, jax.numpy as jnp, torch
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3
    @staticmethod
    def backward(ctx, dout):
        (x,) = ctx.saved_tensors
        return dout * 3 * x**2
@jax.custom_vjp
def wave(x): return jnp.sin(x)
def wave_fwd(x): return jnp.sin(x), x
def wave_bwd(x, dout): return (dout * jnp.cos(x),)
wave.defvjp(wave_fwd, wave_bwd)
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (FRAMEWORKS, [("Cube", "torch"), ("wave", "jax")]),
        (RELU, [("Relu", "layer")]),
        ("def forward(x): return x\ndef backward(dout, x): return dout\n", [("loaded_by_a_test", "forward_backward")]),
        ("def f_fwd(x): return x, x\ndef f_bwd(res, ct): return ct\n", [("f", "rule")]),
        ("def f(x): return x, 1\ndef f_backward(dout, cache): return dout\n", [("f", "cache")]),
        ("def tanh(x): return x\ndef tanh_grad(dout, x): return dout\n", [("tanh", "forward_backward")]),
        ("def tanh(x): return x\ndef tanh_grad(x): return 1\n", [("tanh", "derivative")]),
        ("def mse_loss(y, t): return y - t\n", []),
        ("def mse_loss(y, t): return y - t, y\n", [("mse_loss", "value_and_gradient")]),
        ("def f_vjp(x): return x, lambda dout: dout\n", [("f_vjp", "vjp")]),
        ("from reference import oracle\nmine = oracle.from_vjp(lambda x: (x, lambda d: d))\n", [("mine", "subject")]),
        ("class Net:\n    def loss(self, x, t): ...\n    def gradient(self, x, t): ...\n", [("Net", "network")]),
        ("from numpy import *\nfrom reference.linear import dense_fwd, dense_bwd\n", []),
    ],
    ids=[
        "frameworks",
        "layer",
        "bare",
        "rule",
        "cache",
        "grad",
        "derivative",
        "loss",
        "loss and gradient",
        "vjp",
        "subject",
        "network",
        "imported",
    ],
)
def test_what_is_found(loaded, text, found):
    if text is FRAMEWORKS:
        pytest.importorskip("torch")
    module = loaded(text)
    if not found:
        with pytest.raises(Exception, match="nothing to judge"):
            find(module)
        return
    assert sorted((each.name, each.style) for each in find(module)) == sorted(found)


def test_a_file_never_takes_the_place_of_a_module_in_use(loaded):
    loaded(RELU, "json.py")
    assert sys.modules["json"] is json


@pytest.mark.parametrize(
    ("name", "op", "scene"),
    [
        ("Affine", "dense", "dense"),
        ("conv_naive", "conv", "conv"),
        ("MyRelu", "relu", "elementwise"),
        ("LogSoftmax", "log_softmax", "elementwise"),
        ("LeakyRelu", None, "elementwise"),
        ("SoftmaxWithLoss", None, "classification"),
        ("LayerNorm", None, "normalization"),
        ("Dropout", None, "elementwise"),
        ("conv_relu", None, "elementwise"),
        ("affine_relu", None, "dense"),
        ("Mystery", None, None),
    ],
)
def test_what_a_name_says(name, op, scene):
    assert recognized(name) == (op, scene)


def test_every_argument_part_has_a_value_in_some_scene():
    known = {part for scene in scenes(0) for part in scene.values}
    named = {part_of(name) for name in ("x", "W1", "b2", "gamma", "beta", "t", "y", "idx", "h0", "stride", "pool_h")}
    assert named <= known, named - known


def test_the_sizes_of_a_scene_do_not_hide_a_transpose():
    for scene in scenes(0):
        kernel = scene.values.get("kernel")
        if kernel is not None:
            assert len(set(kernel.shape)) == kernel.ndim, f"{scene.name}: kernel {kernel.shape} has an axis twice"


def test_a_layer_whose_weights_lie_the_other_way_is_still_judged(loaded):
    module = loaded(
        "class Linear:\n"
        "    def __init__(self, W, b): self.W, self.b = W, b\n"
        "    def forward(self, x): self.x = x; return x @ self.W.T + self.b\n"
        "    def backward(self, d): self.dW, self.db = d.T @ self.x, d.sum(0); return d @ self.W\n"
    )
    (found,) = find(module)
    chosen = attempt(found)
    assert chosen.op is None
    assert re.search(r"kernel \(out, in\)", chosen.how)
