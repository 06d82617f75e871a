"""Where windows lie on the spatial dimensions of x: worked out and checked once, for convolution and pooling."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from functional_nn._checks import require, require_flag, require_ints

# An int for every spatial dimension, or one a dimension.
PerDimension = int | tuple[int, ...]
# "VALID", "SAME", "SAME_LOWER", an int, one int a dimension, or one (low, high) pair a dimension.
Padding = str | int | tuple[int | tuple[int, int], ...]

# The padding at both ends of one dimension, or the name of one that depends on the sizes.
Ends = tuple[int, int] | str

LAYOUTS = ("channels_last", "channels_first")


@dataclass(frozen=True)
class Line:
    """The windows along one spatial dimension: `count` of them, the first starts at `-low`, the next ones stride on.

    `overhang` is the part of `high` that is no padding: as far as ceil_mode lets the last window reach beyond that.
    """

    size: int
    window: int
    stride: int
    dilation: int
    low: int
    high: int
    count: int
    overhang: int = 0

    def positions(self) -> np.ndarray:
        """Where each window's element at each offset lies in x: (window, count) ints, outside of x in the padding."""
        offsets, starts = np.arange(self.window) * self.dilation, np.arange(self.count) * self.stride - self.low
        return offsets[:, None] + starts[None, :]

    def inside(self) -> np.ndarray:
        """Whether each window's element at each offset lies in x and not in the padding: (window, count) booleans."""
        positions = self.positions()
        return (positions >= 0) & (positions < self.size)

    def inside_padding(self) -> np.ndarray:
        """As `inside`, of x with its padding."""
        positions = self.positions()
        return (positions >= -self.low) & (positions < self.size + self.high - self.overhang)

    @property
    def is_whole(self) -> bool:
        """Whether the window is x: all of it, and nothing else."""
        return (self.window, self.low, self.high, self.dilation) == (self.size, 0, 0, 1)

    def span(self) -> tuple[int, int]:
        """The windows from the first to the last that reach x; those before and after lie in the padding alone."""
        # A window starts at p * stride - low, below size if it reaches x, and ends (window - 1) * dilation further.
        first = max(-(((self.window - 1) * self.dilation - self.low) // self.stride), 0)
        return first, max(min(-(-(self.size + self.low) // self.stride), self.count), first)

    def part(self, first: int, last: int) -> "Line":
        """The windows from `first` to before `last` alone."""
        low, extent = self.low - first * self.stride, (self.window - 1) * self.dilation + 1
        high = self.high if last == self.count else (last - first - 1) * self.stride + extent - low - self.size
        return replace(self, low=low, high=high, count=last - first)


@dataclass(frozen=True)
class Spec:
    """All that is known of a convolution when it is compiled, besides the shapes of two of its three arrays."""

    lines: tuple[Line, ...]
    groups: int
    layout: str
    precision: str | None

    def times(self, size: int) -> "Spec":
        """That of as many convolutions beside each other, each of them some of the groups."""
        return replace(self, groups=self.groups * size)


def spatial_axes(op: str, x: Any, layout: str) -> range:
    """The axes of x that windows slide along."""
    require(layout in LAYOUTS, op, f"layout must be one of {LAYOUTS}", f"layout={layout!r}")
    rule = "x must have a batch axis, a channel axis and at least one spatial axis"
    require(x.ndim >= 3, op, rule, f"x.shape={x.shape}")
    axes = range(1, x.ndim - 1) if layout == "channels_last" else range(2, x.ndim)
    rule = "x must have at least one element along every spatial dimension"
    require(all(x.shape[axis] for axis in axes), op, rule, f"x.shape={x.shape}")
    return axes


def lines(
    op: str,
    sizes: tuple[int, ...],
    window: PerDimension,
    strides: PerDimension,
    padding: Padding,
    dilation: PerDimension,
    ceil_mode: bool = False,
) -> tuple[Line, ...]:
    """Every spatial dimension's windows on an x of these sizes."""
    steps = _steps(op, len(sizes), window, strides, dilation)
    pads = paddings(op, padding, len(sizes))
    return tuple(_line(op, *each, ceil_mode) for each in zip(sizes, steps, pads, strict=True))


def pool_lines(
    op: str,
    sizes: tuple[int, ...],
    window: PerDimension | str,
    strides: PerDimension | None,
    padding: Padding,
    dilation: PerDimension,
    ceil_mode: bool,
) -> tuple[Line, ...]:
    """As `lines`, with the window as default for the strides, and no window that lies in the padding alone."""
    require_flag(op, "ceil_mode", ceil_mode)
    everywhere = isinstance(window, str) and window == "all"
    extent: Any = sizes if everywhere else window
    found = lines(op, sizes, extent, extent if strides is None else strides, padding, dilation, ceil_mode)
    if everywhere:
        rule, got = 'window="all" takes no strides, padding or dilation', f"{strides=}, {padding=}, {dilation=}"
        require(strides is None and all(line.is_whole for line in found), op, rule, got)
    rule = "every window must hold at least one element of x"
    got = f"spatial sizes {sizes}, window={window}, strides={strides}, padding={padding!r}, dilation={dilation}"
    require(all(line.inside().any(0).all() for line in found), op, rule, got)
    return found


def transposed_lines(
    op: str,
    sizes: tuple[int, ...],
    window: PerDimension,
    strides: PerDimension,
    padding: Padding,
    output_padding: PerDimension,
    dilation: PerDimension,
) -> tuple[Line, ...]:
    """The windows of the convolution whose gradient takes these sizes: `count` is the size given, `size` the result's.

    `output_padding` elements more at the high end of the result are as many fewer of padding there, perhaps below 0.
    """
    steps = _steps(op, len(sizes), window, strides, dilation)
    extra = per_dimension(op, "output_padding", output_padding, len(sizes), least=0)
    for (_, stride, step), more in zip(steps, extra, strict=True):
        rule = "output_padding must be smaller than the stride or the dilation of its dimension"
        require(more < max(stride, step), op, rule, f"output_padding={output_padding}, {strides=}, {dilation=}")
    pads = paddings(op, padding, len(sizes))
    rule = 'output_padding must be 0 with padding="SAME" or "SAME_LOWER", which fix the output size'
    require(not isinstance(padding, str) or padding == "VALID" or not any(extra), op, rule, f"{output_padding=}")
    return tuple(_transposed_line(op, *each) for each in zip(sizes, steps, pads, extra, strict=True))


def per_dimension(op: str, name: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """The static as one int a spatial dimension."""
    entries = value if isinstance(value, tuple) else (value,) * rank
    rule = f"{name} must be an int or a tuple with one int a spatial dimension"
    require_ints(op, rule, f"{name}={value!r}", entries)
    require(len(entries) == rank, op, rule, f"{name}={value!r} for {rank} spatial dimensions")
    require(min(entries) >= least, op, f"{name} must be at least {least}", f"{name}={value!r}")
    return entries


def require_groups(op: str, groups: Any, channels: int, got: str) -> None:
    """Refuse groups that are no int of at least 1, or do not divide the kernel's output channels."""
    require_ints(op, "groups must be an int", f"{groups=}", (groups,))
    require(groups >= 1, op, "groups must be at least 1", f"{groups=}")
    require(channels % groups == 0, op, "groups must divide the kernel's out_channels", got)


def paddings(op: str, padding: Any, rank: int) -> tuple[Ends, ...]:
    """The padding as one (low, high) pair a spatial dimension, or the name of one that depends on the sizes."""
    if isinstance(padding, str):
        rule = 'padding must be "VALID", "SAME", "SAME_LOWER" or ints'
        require(padding in ("VALID", "SAME", "SAME_LOWER"), op, rule, f"padding={padding!r}")
        return ((0, 0) if padding == "VALID" else padding,) * rank
    entries = padding if isinstance(padding, tuple) else (padding,) * rank
    rule, got = "padding must be an int, or one int or (low, high) pair a spatial dimension", f"padding={padding!r}"
    pairs = tuple(entry if isinstance(entry, tuple) else (entry, entry) for entry in entries)
    require_ints(op, rule, got, sum(pairs, ()))
    fits = len(pairs) == rank and all(len(pair) == 2 for pair in pairs)
    require(fits, op, rule, f"{got} for {rank} spatial dimensions")
    require(min(map(min, pairs)) >= 0, op, "padding must be at least 0", got)
    return pairs


def _steps(
    op: str, rank: int, window: PerDimension, strides: PerDimension, dilation: PerDimension
) -> list[tuple[int, int, int]]:
    """Each spatial dimension's window, stride and dilation."""
    windows = per_dimension(op, "window", window, rank)
    checked = per_dimension(op, "strides", strides, rank), per_dimension(op, "dilation", dilation, rank)
    return list(zip(windows, *checked, strict=True))


def _line(op: str, size: int, step: tuple[int, int, int], ends: Ends, ceil_mode: bool) -> Line:
    window, stride, dilation = step
    extent = (window - 1) * dilation + 1
    low, high = _same(ends, extent, (size - 1) % stride + 1) if isinstance(ends, str) else ends
    reach = low + size + high
    count = (reach - extent) // stride + 1
    if ceil_mode and count * stride < min(low + size, reach - extent + stride):
        count += 1  # what is left over at the high end gets a window too, if that starts before the padding there
    rule = "the (dilated) window must fit into the padded input"
    require(count >= 1, op, rule, f"a window of {extent} on {size} elements padded by {(low, high)}")
    overhang = max((count - 1) * stride + extent - reach, 0)
    return Line(size, window, stride, dilation, low, high + overhang, count, overhang)


def _transposed_line(op: str, count: int, step: tuple[int, int, int], ends: Ends, more: int) -> Line:
    window, stride, dilation = step
    extent = (window - 1) * dilation + 1
    reach = (count - 1) * stride + extent
    low, high = _same(ends, extent, stride) if isinstance(ends, str) else ends
    size = count * stride if isinstance(ends, str) else reach - low - high + more
    rule = "the padding must leave at least one element of the output"
    require(size >= 1, op, rule, f"{reach + more} elements less a padding of {(low, high)}")
    return Line(size, window, stride, dilation, low, reach - low - size, count)


def _same(name: str, extent: int, last: int) -> tuple[int, int]:
    """Enough padding for a last window that finds `last` elements left of x; the odd one high, or low as named."""
    total = max(extent - last, 0)
    less = total // 2
    return (total - less, less) if name == "SAME_LOWER" else (less, total - less)
