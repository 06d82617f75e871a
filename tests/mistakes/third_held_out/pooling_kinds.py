"""Pooling over whole maps and over time, and enlarging (catalogue 69 to 75)."""

import numpy as np

from ..case import Family, sized

family = Family("pooling")

MAPS = sized(((7, 3, 5, 6),), ((8, 12, 10, 9),))
STEPS = sized(((3, 7, 4),), ((16, 24, 12),))


def whole_map(x):
    return x.mean(axis=(2, 3)), x.shape


@family.wrong(74, whole_map, MAPS, style="rule", argument="x", cause=("scaled_by_spatial", "scaled_by_window"))
def mean_of_a_map_sent_back_undivided(shape, g):
    return (np.broadcast_to(g[:, :, None, None], shape).copy(),)


@family.wrong(75, whole_map, MAPS, style="rule", argument="x", cause="one_sample_repeated")
def every_map_gets_the_first_images_share(shape, g):
    n, c, h, w = shape
    return (np.tile(g[0][:, None, None] / (h * w), (n, 1, h, w)).reshape(shape),)


@family.wrong(4, whole_map, MAPS, style="rule", argument="x", cause="scaled_by_batch")
def mean_of_a_map_averaged_over_images_too(shape, g):
    n, c, h, w = shape
    return (np.ones(shape) * g[:, :, None, None] / (n * h * w),)


@family.whole(73, "wrong backward", "vjp", STEPS, argument="x", cause=("wrong_winner", "shifted"))
def latest_maximum_found_one_step_late(x):
    """The maximum over time, and an index counted from the second step on."""
    padded = np.pad(x, ((0, 0), (1, 0), (0, 0)), constant_values=-np.inf)
    best = padded.argmax(axis=1)

    def pullback(g):
        dx = np.zeros_like(x)
        rows, cols = np.ogrid[: x.shape[0], : x.shape[2]]
        dx[rows, best % x.shape[1], cols] = g
        return (dx,)

    return padded.max(axis=1), pullback


@family.whole(73, "wrong backward", "vjp", STEPS, argument="x", cause="wrong_winner")
def least_takes_what_the_greatest_earned(x):
    def pullback(g):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, x.argmin(axis=1)[:, None], g[:, None], axis=1)
        return (dx,)

    return x.max(axis=1), pullback


@family.whole("", "control", "vjp", STEPS)
def maximum_over_time(x):
    best = x.argmax(axis=1)

    def pullback(g):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, best[:, None], g[:, None], axis=1)
        return (dx,)

    return np.take_along_axis(x, best[:, None], axis=1)[:, 0], pullback


def enlarge(x):
    return x.repeat(2, axis=2).repeat(2, axis=3)


@family.wrong(12, enlarge, MAPS, argument="x", cause=("use_dropped", "overlap_dropped"))
def enlarged_pixel_read_at_one_corner(g, x):
    return g[:, :, ::2, ::2]


@family.wrong(1, enlarge, MAPS, argument="x", cause=("scaled_by_window", "mean_instead_of_sum"))
def enlarged_pixel_averaged(g, x):
    n, c, h, w = x.shape
    return g.reshape(n, c, h, 2, w, 2).mean(axis=(3, 5))


@family.whole(74, "impure", "layer", MAPS, cause="cotangent_changed")
class AverageThatDividesItsUpstream:
    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dout):
        dout /= self.shape[2] * self.shape[3]
        return np.ones(self.shape) * dout[:, :, None, None]
