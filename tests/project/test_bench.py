"""The benchmark: what it counts, how it judges, what it writes, and what it says about wrong flags."""

import importlib
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import jax
import pytest

from functional_nn import _libraries

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(autouse=True)
def scripts_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))


@pytest.fixture
def bench() -> SimpleNamespace:
    names = ("networks", "measure", "report", "scaling", "written")
    modules = {name: importlib.import_module(f"benchmarks.{name}") for name in names}
    return SimpleNamespace(bench=importlib.import_module("bench"), **modules)


@pytest.fixture
def at_once(bench: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more rounds than there must be, and one try at the roofline."""
    rounds, fastest = bench.measure.rounds, bench.measure._fastest
    monkeypatch.setattr(bench.measure, "_fastest", partial(fastest, times=1))
    monkeypatch.setattr(bench.measure, "rounds", lambda contenders, seconds, least: rounds(contenders, 0.0, least))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--only", "nothing like this"], "no case's name contains 'nothing like this'"),
        (["--platform", "abacus"], "invalid choice: 'abacus'"),
        (["--fast"], "unrecognized arguments: --fast"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_flag_is_one_sentence_and_status_2(bench, flags, message, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as ended:
        bench.bench.main(flags)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("bench: ")
    assert said.count("\n") == 1


def test_memory_that_cannot_be_kept_is_one_sentence_and_status_2(bench, capsys: pytest.CaptureFixture, monkeypatch):
    monkeypatch.setattr(bench.bench, "keep_freed_memory", lambda: False)
    assert bench.bench.main(["--forms", "--keep-memory"]) == 2
    assert capsys.readouterr().err == ("bench: --keep-memory needs glibc, and no settings for it in the environment\n")


@pytest.mark.slow
@pytest.mark.skipif(any(d.platform == "gpu" for d in jax.devices()), reason="there is a GPU")
def test_a_device_that_is_not_there_is_one_sentence_and_status_2() -> None:
    """In a process of its own: a run settles for all that follows where JAX computes, and how it rounds."""
    for library in ("flax", "equinox", "torch"):
        pytest.importorskip(library)
    words = [sys.executable, str(SCRIPTS / "bench.py"), "--platform", "gpu"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, env=os.environ | {"JAX_PLATFORMS": ""})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bench: --platform gpu: JAX finds ")
    assert done.stderr.count("\n") == 1, done.stderr


def test_slopes_on_logarithmic_axes_by_hand(bench):
    points = [{"value": 1, "ms": 3.0}, {"value": 2, "ms": 6.0}, {"value": 8, "ms": 96.0}]
    assert bench.scaling.exponents(points, lambda point: point["ms"]) == pytest.approx([1.0, 2.0])
    case = bench.scaling.network(batch=5, size=8, channels=4, depth=3)
    # Three convolutions of 5 x 8 x 8 positions, 9 x 4 x 4 products each, and a dense layer.
    assert bench.networks.multiplications(case) == 5 * 64 * 144 * (2 + 3 + 3) + 3 * 5 * 4 * 10


def test_multiplications_by_hand(bench):
    simple = next(network for network in bench.networks.NETWORKS if network.name == "simple_convnet")
    # conv 24x24 positions, 5x5x1 to 30, no gradient to the images; dense 4320 to 100 to 10, three products each.
    by_hand = 100 * (2 * 24 * 24 * 25 * 30 + 3 * (4320 * 100 + 100 * 10))
    assert bench.networks.multiplications(simple) == by_hand


def test_multiplications_of_a_transformer_by_hand(bench):
    case = bench.networks.Transformer("", batch=2, context=8, vocabulary=5, width=4, heads=2, layers=3, hidden=6)
    # Queries, keys, values and their sum's kernel; the gated network's three; scores and sums over half the pairs.
    layer = 4 * 4 * 4 + 3 * 4 * 6 + 2 * 4 * 8 // 2
    assert bench.networks.multiplications(case) == 3 * 2 * 8 * (3 * layer + 4 * 5)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "digits"), [("float32", 1e-4), ("bfloat16", 3e-2)])
def test_the_transformers_compared_learn_alike(bench, dtype: str, digits: float):
    for library in ("flax", "equinox", "torch"):
        pytest.importorskip(library)
    contenders = importlib.import_module("benchmarks.contenders")
    sizes = {"batch": 2, "context": 8, "vocabulary": 5, "width": 8, "heads": 2, "layers": 2, "hidden": 6}
    case = bench.networks.Transformer("", **sizes, dtype=dtype)
    runs, refused = contenders.started(contenders.builders(case, "cpu", compiled=False))
    losses = {name: [float(run()) for _ in range(3)] for name, run in runs.items()}
    assert (set(losses), refused) == ({"ours", "plain JAX", "flax", "torch"}, {})
    assert losses["ours"][0] > losses["ours"][2]
    for found in losses.values():
        assert found == pytest.approx(losses["ours"], rel=digits)


def test_rounds_take_every_contender_as_often(bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench.measure, "TIMED_SECONDS", 0)
    calls = []
    contenders = {name: lambda name=name: calls.append(name) for name in ("ours", "theirs")}
    taken = bench.measure.rounds(bench.measure.timed(contenders), 0.0, 3)
    assert {name: len(pairs) for name, pairs in taken.items()} == {"ours": 3, "theirs": 3}
    # A contender's steps follow one another, one of them before those that count.
    burst = 1 + bench.measure.TIMED_STEPS
    order = calls[::burst]
    assert calls == [name for name in order for _ in range(burst)]
    rounds = [tuple(order[i : i + 2]) for i in range(0, 6, 2)]
    assert set(rounds) == {("ours", "theirs"), ("theirs", "ours")}, "either begins a round at times"


@pytest.mark.parametrize(
    ("steps", "mean"),
    [((1.0, 2.0, 6.0), 3.0), ((0.001, 0.001, 0.001, 0.0015, 0.003), 0.0015)],
    ids=["three", "as many as five milliseconds take"],
)
def test_a_step_is_timed_after_one_that_does_not_count(bench, monkeypatch: pytest.MonkeyPatch, steps, mean):
    clock = SimpleNamespace(now=0.0)
    seconds = iter([100.0, *steps])

    def step() -> None:
        clock.now += next(seconds)

    monkeypatch.setattr(
        bench.measure,
        "time",
        SimpleNamespace(sleep=lambda _: None, perf_counter=lambda: clock.now, process_time=lambda: 2 * clock.now),
    )
    (found,) = bench.measure.rounds(bench.measure.timed({"ours": step}), 0.0, 1)["ours"]
    assert found == pytest.approx((mean, 2 * mean))
    assert next(seconds, None) is None


def test_ratios_are_of_the_times_of_one_round(bench):
    pairs = {"ours": [(1.0, 1.0), (2.0, 4.0), (4.0, 2.0)], "theirs": [(3.0, 2.0), (4.0, 4.0), (20.0, 8.0)]}
    entry = bench.measure.summary(pairs)["theirs"]
    assert entry["wall_ratio"] == [3.0, 2.0, 5.0]
    assert entry["processor_ratio"] == [2.0, 1.0, 4.0]
    assert (entry["wall_ms"], entry["least_wall_ms"], entry["least_processor_ms"]) == (4000.0, 3000.0, 2000.0)


def test_results_are_written_as_table_numbers_and_picture(bench, tmp_path: Path):
    pytest.importorskip("matplotlib")
    entries = bench.measure.summary({"ours": [(0.001, 0.002)], "flax": [(0.005, 0.008)]})
    for entry in entries.values():
        entry |= {"import_s": 0.5, "first_step_s": 1.5, "peak_mb": None, "roofline_share": 0.25}
    roof = {"gflops": 300.0, "gbytes": 10.0}
    result = {"machine": bench.measure.machine(), "roofline": roof, "cases": [{"name": "a", "contenders": entries}]}
    bench.written.write(result, bench.report, tmp_path / "deep" / "result")
    assert json.loads((tmp_path / "deep" / "result.json").read_text()) == result
    page = (tmp_path / "deep" / "result.md").read_text()
    assert "| flax | 5.00 | 5.00 | 8.00 | 8.00 | 5.00 (5.00 to 5.00) | 4.00 (4.00 to 4.00) | 25% |" in page
    assert "| a | flax | 0.50 | 1.5 |  |  |" in page
    assert max(map(len, page.splitlines())) <= 120
    assert (tmp_path / "deep" / "result.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.usefixtures("at_once")
def test_a_quick_run_times_all_libraries(bench, capsys: pytest.CaptureFixture):
    for library in ("flax", "equinox", "torch"):
        pytest.importorskip(library)
    assert bench.bench.main(["--quick", "--only", "mlp"]) == 0
    table = capsys.readouterr().out
    assert "## mlp\n" in table
    for contender in ("ours", "flax", "equinox", "torch"):
        assert f"| {contender} |" in table


@pytest.mark.slow
def test_a_step_in_a_process_of_its_own(bench):
    for library in ("flax", "equinox", "torch"):
        pytest.importorskip(library)
    alone = importlib.import_module("benchmarks.alone")
    found = alone.in_new_process("mlp", "ours", "cpu")
    assert set(found) == {"import_s", "first_step_s", "peak_mb", "program_mb"}
    # x, two kernels and their successors, in float32, and not much more.
    assert 4e-6 * (100 * 784 + 2 * 79_510) <= found["program_mb"] < 2
    with pytest.raises(RuntimeError, match="juggler of mlp failed alone: KeyError: 'juggler'"):
        alone.in_new_process("mlp", "juggler", "cpu")


def test_the_forms_are_measured_side_by_side(bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    forms = importlib.import_module("benchmarks.forms")
    monkeypatch.setattr(forms, "GEOMETRIES", ((2, 5, 3, 4, 3, 1, 1),))
    monkeypatch.setattr(forms.lowerings, "FAST", True)
    monkeypatch.setattr(_libraries, "WANTED", False)
    rows = forms.rows(0.0)
    found = [(row["sum"], row["chosen"]) for row in rows]
    assert found == [
        ("correlate", "ours"),
        ("spread", "ours"),
        ("gather", "lax"),
    ]
    # x is copied for three columns and out for three rows.
    assert (rows[2]["copied"], rows[2]["multiplied"]) == (21, 108)
    bench.written.write({"machine": "here", "rows": rows}, forms, tmp_path / "forms-0.1")
    assert "| gather | 2, 5x5, 3 to 4, 3x3, stride 1, pad 1 | 21 | 108 |" in (tmp_path / "forms-0.1.md").read_text()


def test_the_memory_of_a_loss_over_many_classes(bench, tmp_path: Path):
    vocabulary = importlib.import_module("benchmarks.vocabulary")
    rows = vocabulary.rows(((256, 8, 3000),), chunks=(8,), dtypes=("f4",))
    assert [row["form"] for row in rows] == ["all at once", "chunk=8"]
    # Scores, their exponentials and gradients, of which a chunk of 8 in 256 rows has a 32nd.
    assert rows[0]["bytes"] >= 4 * 256 * 3000
    assert rows[1]["share"] < 0.1
    bench.written.write({"machine": "here", "rows": rows}, vocabulary, tmp_path / "vocabulary-0.1")
    assert "| 256 | 8 | 3000 | float32 | all at once | " in (tmp_path / "vocabulary-0.1.md").read_text()


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.usefixtures("at_once")
def test_scaling_gives_a_table_and_a_picture(bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    for library in ("flax", "equinox", "torch", "matplotlib"):
        pytest.importorskip(library)
    monkeypatch.setattr(bench.scaling, "VALUES", {"batch": (2, 4), "depth": (1, 2)})
    monkeypatch.setattr(bench.scaling, "USUAL", {"batch": 2, "size": 4, "channels": 3, "depth": 1})
    assert bench.bench.main(["--scaling", "--quick", "--output", str(tmp_path / "scaling")]) == 0
    assert "| depth | 2 |" in capsys.readouterr().out
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")


def test_the_memory_of_attention_is_counted_without_running_it(bench, monkeypatch: pytest.MonkeyPatch, capsys):
    module = importlib.import_module("benchmarks.attention_memory")
    monkeypatch.setattr(module, "FORMS", {"ours": module.FORMS["ours"], "jax.nn": module.FORMS["jax.nn"]})
    (row,) = module.rows((4096,))
    assert row["length"] == 4096
    # 8 heads of 4096 by 4096 scores, which JAX's own function holds as a whole.
    assert row["jax.nn"][0] > 4e-6 * 8 * 4096**2 > row["ours"][0]
    monkeypatch.setattr(module, "rows", lambda: [row])
    monkeypatch.setattr(module, "COLUMNS", ("length",))
    assert bench.bench.main(["--attention-memory"]) == 0
    assert "| 4096 | 34 |" in capsys.readouterr().out
