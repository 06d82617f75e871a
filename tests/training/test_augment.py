"""The variation of images and dropout: each image its own way, and all of it a function of the key."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.single_steps import call_of, prepared
from helpers.small_runs import DATASET, OF_DIGITS, make_small, one_batch

from functional_nn.training.setup import build
from functional_nn.training.step.augment import Augmentation, augment


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


varied = jax.jit(augment, static_argnums=0)
IMAGES: Any = np.arange(1, 1 + 40 * 6 * 5, dtype=np.float32).reshape(40, 6, 5, 1)


class TestAugmentation:
    def test_nothing_is_done_by_default(self) -> None:
        assert augment(Augmentation(), jax.random.key(0), IMAGES) is IMAGES

    def test_a_shift_moves_each_image_by_its_own_way_and_black_comes_in(self) -> None:
        shifted = np.asarray(varied(Augmentation(shift=2), jax.random.key(0), IMAGES))
        ways = set()
        for image, original in zip(shifted[..., 0], IMAGES[..., 0], strict=True):
            framed = np.pad(original, 2)
            (way,) = [
                (row, column)
                for row in range(5)
                for column in range(5)
                if (framed[row : row + 6, column : column + 5] == image).all()
            ]
            ways.add(way)
        assert len(ways) > 12
        assert {row for row, _ in ways} == {column for _, column in ways} == set(range(5))

    def test_about_half_of_the_images_are_mirrored(self) -> None:
        flipped = np.asarray(varied(Augmentation(flip=True), jax.random.key(0), IMAGES))
        mirrored = [(image == original[:, ::-1]).all() for image, original in zip(flipped, IMAGES, strict=True)]
        same = [(image == original).all() for image, original in zip(flipped, IMAGES, strict=True)]
        assert [a != b for a, b in zip(mirrored, same, strict=True)] == [True] * 40
        assert 8 < sum(mirrored) < 32

    @pytest.mark.slow
    def test_a_square_is_blackened_that_a_border_may_cut(self) -> None:
        cut = np.asarray(varied(Augmentation(cutout=3), jax.random.key(0), IMAGES))
        sizes = set()
        for image in cut[..., 0]:
            rows, columns = np.nonzero(image == 0)
            sizes.add((np.ptp(rows) + 1, np.ptp(columns) + 1))
            assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        assert (3, 3) in sizes
        assert max(map(max, sizes)) == 3
        assert len(sizes) > 1

    @pytest.mark.slow
    def test_it_is_a_function_of_the_key(self) -> None:
        rules = Augmentation(2, True, 2)
        first, second, again = (varied(rules, jax.random.key(key), IMAGES) for key in (0, 1, 0))
        np.testing.assert_array_equal(first, again)
        assert (np.asarray(first) != np.asarray(second)).any()

    @pytest.mark.slow
    def test_the_step_varies_its_images_by_its_number(self) -> None:
        losses: dict[int, set[float]] = {}
        call = call_of(prepared(shift=1, flip=True, cutout=2, optimizer="sgd")[0])
        for number in (0, 1, 0):
            state = prepared(optimizer="sgd")[1]._replace(step=jnp.asarray(number, jnp.int32))
            _, report = call(state, one_batch(DATASET.train))
            losses.setdefault(number, set()).add(float(report.totals.loss[0]))
        assert [len(seen) for seen in losses.values()] == [1, 1]
        assert losses[0] != losses[1]


@pytest.mark.slow
def test_dropout_differs_from_step_to_step_and_repeats_with_the_seed() -> None:
    draw = jax.jit(build("deep_convnet", OF_DIGITS).dropout_masks, static_argnums=1)
    keys = [jax.random.fold_in(jax.random.key(3), step) for step in (0, 1, 0)]
    first, second, again = (np.asarray(draw(key, 5)["dropout1"]) for key in keys)
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()
