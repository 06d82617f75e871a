"""Text: every byte that judges is told once, from enough before it; a run on it is like one on images."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.small_runs import contents, ready_state, with_ready_weights
from helpers.small_texts import TEXT, text_words

import reference
from functional_nn import cli
from functional_nn._twin import twin
from functional_nn.training import setup
from functional_nn.training.choices.config import Model, TrainConfig
from functional_nn.training.choices.presets import PRESETS
from functional_nn.training.data import text
from functional_nn.training.data.examples import IGNORED, batch_indices
from functional_nn.training.finished.loaded import load_finished
from functional_nn.training.kept import checkpoint
from functional_nn.training.report.attention import attention_weights, sharpest_heads
from functional_nn.training.report.results import write_learned
from functional_nn.training.report.text_pictures import nearest
from functional_nn.training.run import loop, verify
from functional_nn.training.setup import build, kernels, make_optimizer
from functional_nn.training.step.state import batch_totals, named_leaves
from functional_nn.training.step.step import losses_of


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "keep_compiled_programs", lambda: None)
    monkeypatch.setattr(cli, "keep_freed_memory", lambda: None)


class TestExamples:
    @pytest.mark.parametrize("length", [1, 7, 8, 9, 12, 13, 50])
    @pytest.mark.parametrize("context", [1, 7, 8])
    def test_every_byte_that_judges_is_told_once_from_half_a_context_at_least(self, length: int, context: int) -> None:
        tokens = np.arange(length + 1, dtype=np.int16)
        examples = text._overlapping(tokens, context)
        told = examples.labels[examples.labels != IGNORED]
        assert told.tolist() == tokens[1:].tolist()
        for number, (x, labels) in enumerate(zip(examples.x, examples.labels, strict=True)):
            places = np.flatnonzero(labels != IGNORED)
            assert (labels[places] == x[places] + 1).all(), "a label is not the byte after its own"
            assert number == 0 or places[0] + 1 >= context / 2
            assert (np.diff(x) <= 1).all()

    def test_what_is_learned_is_each_byte_once_but_for_a_rest(self) -> None:
        examples = text._windows(np.arange(51, dtype=np.int16), 8)
        assert examples.x.ravel().tolist() == list(range(48))
        assert examples.labels.ravel().tolist() == list(range(1, 49))
        assert examples.take(np.array([2, 0])).x[0].tolist() == list(range(16, 24))

    def test_every_twentieth_file_judges(self, tmp_path: Path) -> None:
        for number in range(45):
            (tmp_path / f"{number:02}.txt").write_text(f"<{number:02}>")
        (tmp_path / ".hidden").write_bytes(b"\xff")
        (tmp_path / "__pycache__").mkdir()
        (tmp_path / "__pycache__" / "compiled").write_bytes(b"\xff")
        dataset = text.load(tmp_path, 16)
        test = dataset.test.labels[dataset.test.labels != IGNORED]
        assert bytes(dataset.alphabet[token] for token in test) == b"<10><30>"
        assert len(dataset.train) == 43 * 4 // 16
        assert bytes(dataset.alphabet[token] for token in dataset.train.x[0][:5]) == b"\n<00>"
        assert dataset.alphabet == b"\n0123456789<>"

    def test_of_few_files_the_end_judges(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("a" * 60)
        (tmp_path / "b").write_text("b" * 40)
        dataset = text.load(tmp_path, 16)
        assert (dataset.test.labels[dataset.test.labels != IGNORED] == dataset.alphabet.index(b"b")).sum() == 5
        assert (dataset.train.labels == dataset.alphabet.index(b"a")).sum() == 60

    def test_python_s_own_source_is_there_where_nothing_else_is_given(self) -> None:
        files = text._files(None)
        assert {"os.py", "decoder.py"} <= {file.name for file in files}
        assert not any({"test", "tests", "site-packages"} & set(file.parts) for file in files)

    def test_an_epoch_of_so_many_steps_goes_on_where_the_one_before_ended(self) -> None:
        taken = np.concatenate([batch_indices(3, 1 + n // 4, n % 4, 10, 5, 4) for n in range(8)])
        for start in range(0, 40, 10):
            assert sorted(taken[start : start + 10].tolist()) == list(range(10))
        assert taken[:10].tolist() != taken[10:20].tolist()


class TestFigures:
    def test_what_has_no_label_counts_nothing(self) -> None:
        logits: Any = np.random.default_rng(0).normal(size=(2, 3, 4))
        labels: Any = np.array([[1, IGNORED, 3], [0, 2, IGNORED]])
        by_hand = reference.softmax_cross_entropy(logits, np.maximum(labels, 0))[labels >= 0]
        totals = jax.jit(lambda *arrays: batch_totals(losses_of(logits, labels), logits, labels, *arrays))
        assert float(totals().count) == 4
        assert float(totals().loss) == pytest.approx(by_hand.sum(), rel=1e-12)
        masked = totals(np.array([0.0, 1.0]))
        assert (float(masked.count), float(masked.loss)) == (2, pytest.approx(by_hand[2:].sum(), rel=1e-12))

    def test_an_answer_is_right_only_as_a_whole(self) -> None:
        labels: Any = np.array([[1, IGNORED, 3], [0, 2, 1]])
        logits: Any = 9.0 * np.eye(4)[[[1, 0, 3], [0, 2, 2]]]
        totals = jax.jit(lambda: batch_totals(losses_of(logits, labels), logits, labels, whole=True))()
        assert (float(totals.correct), float(totals.count)) == (1, 2)

    def test_tables_biases_and_scales_do_not_decay(self) -> None:
        decayed = set()
        for model in ("transformer", "lstm_lm"):
            shapes, _ = jax.eval_shape(build(model, {"vocabulary": 5}, TrainConfig(model=model).sizes).init, KEY)
            decayed |= {name.rpartition(".")[2] for name, yes in named_leaves(kernels(shapes)).items() if yes}
        assert decayed == {"kernel", "recurrent_kernel"}

    def test_muon_moves_every_matrix_and_adam_the_table(self) -> None:
        params = {"embedding": {"table": jnp.ones((5, 4))}, "lstm1": {"recurrent_kernel": jnp.ones((4, 16))}}
        state = make_optimizer(TrainConfig(optimizer="muon"), lambda step: jnp.asarray(0.1)).init(params)
        momenta = [name for name in named_leaves(state) if ".mu." in name or ".nu." in name]
        assert any("nu.embedding" in name for name in momenta)
        assert not any("nu.lstm1" in name for name in momenta)


KEY = jax.random.key(0)


class TestAttention:
    def test_the_weights_are_those_that_attention_uses(self) -> None:
        sizes = {"width": 12, "heads": 6, "key_heads": 3, "layers": 2, "hidden": (5,), "context": 9, "tied": True}
        network = build("transformer", {"vocabulary": 7}, sizes)
        by_hand = twin("models.transformer")
        params, _ = by_hand.init(0, by_hand.Config(**asdict(network.config)))
        params = jax.tree.map(lambda leaf: 8 * leaf, params)
        x = np.random.default_rng(0).integers(0, 7, (2, 9))
        weights, reached = jax.device_get(
            jax.jit(lambda params, x: (attention_weights(network, params, x)[1], network.outputs(params, x)))(params, x)
        )
        np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
        assert np.triu(weights, 1).max() == 0
        before = reached["feedforward1"]
        scaled = reference.rms_norm(before, params["attention2_norm"]["scale"])
        value = (scaled @ params["attention2_in"]["kernel"]).reshape(2, 9, 12, 2)[:, :, 9:]
        seen = np.einsum("bhqk,bkhd->bqhd", weights, np.repeat(value, 2, 2)).reshape(2, 9, 12)
        after = before + seen @ params["attention2_out"]["kernel"]
        np.testing.assert_allclose(after, reached["attention2"], rtol=1e-9, atol=1e-9)

    def test_the_sharpest_head_of_a_block_is_shown(self) -> None:
        flat, sharp = np.full((4, 4), 0.25), np.eye(4)
        ((block, head, shown),) = sharpest_heads([np.stack([flat, sharp, flat])[None]])
        assert (block, head) == (1, 2)
        assert (shown == sharp).all()

    def test_the_nearest_point_the_same_way(self) -> None:
        table = np.array([[1.0, 0.0], [0.0, 3.0], [5.0, 0.1], [-1.0, 0.0]])
        assert [token for token, _ in nearest(table, 0, np.arange(4))] == [2, 1, 3]


@pytest.mark.parametrize("model", [pytest.param("transformer", marks=pytest.mark.slow), "lstm_lm"])
def test_gradients_are_those_by_hand(model: Model, tmp_path: Path) -> None:
    (tmp_path / "text").write_text(TEXT)
    sizes: dict[str, Any] = {"width": 8, "hidden": (6,), "layers": 1, "context": 5, "tied": model == "transformer"}
    sizes |= {"dropout_rate": 0.5} if model == "lstm_lm" else {"heads": 2}
    config = replace(PRESETS["text"], model=model, batch_size=2, **sizes)
    job = setup.prepare(config, text.load(tmp_path / "text", 5))
    batch = job.dataset.train.take(np.arange(2))
    with jax.enable_x64(False):
        differences = verify.verify_step(job.network, job.rules, ready_state(job), batch.x, batch.labels)
    assert max(difference.relative for difference in differences) < 1e-5


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with nearly all that can be asked of one, whose gradients are those by hand."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "text").write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch, jax.enable_x64(False):
        patch.setattr(cli, "keep_compiled_programs", lambda: None)
        with_ready_weights(patch)
        words = text_words(folder / "text", *["--accumulate", "2", "--average", "0.9", "--clip-norm", "0.5"])
        further = ["--verify-every", "3", "--tensorboard", "--output", str(folder / "run")]
        assert cli.main([*words, *further]) == 0
    return folder / "run"


def test_it_leaves_what_a_run_on_images_leaves(run: Path) -> None:
    pictures = ["attention.png", "curves.png", "histograms.png", "neighbours.png"]
    others = ["checkpoints", "config.json", "events", "metrics.jsonl", "model.safetensors"]
    assert contents(run) == sorted([*pictures, *others])


def test_its_score_is_the_bits_of_every_byte_that_judges(run: Path) -> None:
    """By the twin, window after window."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["tokens_per_second"] > 0
    finished, dataset = load_finished(run), text.load(run.parent / "text", 16)
    assert bytes(finished.facts["alphabet"]) == dataset.alphabet
    assert (finished.kind, finished.context) == ("text", 16)
    x, labels = dataset.test.x, dataset.test.labels
    logits = np.asarray(jax.jit(finished.logits)(x))
    losses = reference.softmax_cross_entropy(logits.astype(np.float64), np.maximum(labels, 0))[labels != IGNORED]
    assert len(losses) == len(TEXT.encode()) // 20
    assert rows[-1]["test_bits_per_byte"] == pytest.approx(losses.mean() / math.log(2), rel=1e-5)


def test_going_on_is_as_if_it_had_never_ended(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_ready_weights(monkeypatch)
    monkeypatch.setattr(loop, "write_results", write_learned)
    (at_three,) = (path for path in (run / "checkpoints").iterdir() if path.name == "00000004")
    whole = (run / "model.safetensors").read_bytes()
    for later in (run / "checkpoints").iterdir():
        if later.name > at_three.name:
            later.rename(later.name)
    (run / "model.safetensors").rename("model.safetensors")
    with jax.enable_x64(False):
        assert cli.main(["train", "--resume", str(run), "--verify-every", "0"]) == 0
    assert "going on after 4 of 6 steps" in capsys.readouterr().out
    assert (run / "model.safetensors").read_bytes() == whole
    assert checkpoint.damage(run / "checkpoints" / "00000006") is None


def test_another_text_is_not_gone_on_with(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "other").write_text(TEXT.replace("return", "yields"))
    assert cli.main(["train", "--resume", str(run), "--data-dir", "other"]) == 2
    assert "the text is not that which the run began with" in capsys.readouterr().err


def test_only_images_have_a_class_to_tell(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(run), "x.png"]) == 2
    assert "this run learned text, and only images have a class to tell" in capsys.readouterr().err
