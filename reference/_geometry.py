"""Which elements a window meets: worked out and checked once, for convolution and pooling.

Inside the reference every array is channels_last; the other layout is a view with its axes moved.
"""

from typing import NamedTuple

import numpy as np

from reference._checks import require, require_flag, require_hashable, require_ints


class Geometry(NamedTuple):
    """Windows on an input, one entry per spatial dimension.

    `counts` is the number of windows; `overhang` is how far ceil_mode lets the last of them reach beyond the padding.
    """

    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    overhang: tuple[int, ...]

    @property
    def around(self):
        """The padding, and at the high end the overhang as well."""
        return tuple((low, high + over) for (low, high), over in zip(self.padding, self.overhang, strict=True))


def under(geometry, offset):
    """The elements of a padded array that all windows meet at one offset: an index that gives a view.

    Window number p starts at p * stride, so at this offset the windows meet every stride-th element.
    """
    spatial = []
    for count, stride, step, dilation in zip(geometry.counts, geometry.strides, offset, geometry.dilation, strict=True):
        first = step * dilation
        spatial.append(slice(first, first + (count - 1) * stride + 1, stride))
    return (slice(None), *spatial)


def pad(x, padding, value=0.0):
    """A copy of a channels_last array with `value` around its spatial dimensions."""
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def unpad(padded, padding):
    """The middle of a padded array: the transpose of `pad`."""
    ends = zip(padded.shape[1:-1], padding, strict=True)
    return padded[(slice(None), *(slice(low, size - high) for size, (low, high) in ends))]


def channels_last(x, layout):
    return x if layout == "channels_last" else np.moveaxis(x, 1, -1)


def from_channels_last(x, layout):
    return x if layout == "channels_last" else np.moveaxis(x, -1, 1)


def kernel_channels_last(kernel, layout):
    """(out, in, *window) seen as (*window, in, out)."""
    return kernel if layout == "channels_last" else np.moveaxis(kernel, (0, 1), (-1, -2))


def kernel_from_channels_last(kernel, layout):
    return kernel if layout == "channels_last" else np.moveaxis(kernel, (-1, -2), (0, 1))


def image(op, x, layout):
    """x as channels_last, a view, once its layout and rank are checked."""
    layouts = ("channels_last", "channels_first")
    require_hashable(op, "layout", layout)
    require(layout in layouts, op, f"layout must be one of {layouts}", f"layout={layout!r}")
    rule = "x must have a batch axis, a channel axis and at least one spatial axis"
    require(x.ndim >= 3, op, rule, f"x.shape={x.shape}")
    rule = "x must have at least one element along every spatial dimension"
    require(min(channels_last(x, layout).shape[1:-1]) >= 1, op, rule, f"x.shape={x.shape}")
    return channels_last(x, layout)


def conv_geometry(op, sizes, window, strides, padding, dilation, ceil_mode=False):
    """The windows on an input of these sizes."""
    window, strides, dilation = steps(op, len(sizes), window, strides, dilation)
    pads = paddings(op, padding, sizes, window, strides, dilation)
    spans = [span(k, d) for k, d in zip(window, dilation, strict=True)]
    padded = [size + sum(pair) for size, pair in zip(sizes, pads, strict=True)]
    # Windows start at 0, stride, 2 * stride, ... as long as they end inside; with ceil_mode as long as they start
    # before the padding at the high end and the window before them leaves something over.
    ends = [p - s + 1 for p, s in zip(padded, spans, strict=True)]
    if ceil_mode:
        lines = zip(padded, pads, ends, strides, strict=True)
        ends = [min(p - high, end + stride - 1) for p, (_, high), end, stride in lines]
    counts = tuple(len(range(0, end, stride)) for end, stride in zip(ends, strides, strict=True))
    rule, got = "the (dilated) window must fit into the padded input", f"a window of {spans} on {padded} elements"
    require(min(counts) >= 1, op, rule, got)
    lines = zip(counts, strides, spans, padded, strict=True)
    overhang = tuple(max((count - 1) * stride + s - p, 0) for count, stride, s, p in lines)
    return Geometry(window, strides, dilation, pads, counts, overhang)


def pool_geometry(op, sizes, window, strides, padding, dilation, ceil_mode):
    """As `conv_geometry`, with no window that lies in the padding alone; of window="all" there is one."""
    require_flag(op, "ceil_mode", ceil_mode)
    require_hashable(op, "window", window)
    everywhere = isinstance(window, str) and window == "all"
    extent = sizes if everywhere else window
    geometry = conv_geometry(op, sizes, extent, extent if strides is None else strides, padding, dilation, ceil_mode)
    got = f"spatial sizes {sizes}, window={window!r}, strides={strides}, padding={padding!r}, dilation={dilation}"
    plain = strides is None and not np.any(geometry.padding) and set(geometry.dilation) == {1}
    require(plain or not everywhere, op, 'window="all" takes no strides, padding or dilation', got)
    fullest = held(geometry, sizes, False)
    require(np.min(fullest) >= 1, op, "every window must hold at least one element of x", got)
    return geometry


def held(geometry, sizes, padding_counts):
    """How many elements each window holds, shape counts: those of x, or of x and its padding; beyond lies none."""
    ones = pad(np.ones((1, *sizes, 1), int), geometry.padding, int(padding_counts))
    counted = pad(ones, [(0, over) for over in geometry.overhang], 0)
    return np.sum([counted[under(geometry, offset)] for offset in np.ndindex(geometry.window)], axis=0)


def transposed_geometry(op, sizes, window, strides, padding, output_padding, dilation):
    """The windows that conv has on conv_transpose's output, one per element of x; and the padded output's sizes."""
    window, strides, dilation = steps(op, len(sizes), window, strides, dilation)
    extra = per_dimension(op, "output_padding", output_padding, len(sizes), least=0)
    rule = "output_padding must be smaller than the stride or the dilation of its dimension"
    legal = all(more < max(pair) for more, *pair in zip(extra, strides, dilation, strict=True))
    require(legal, op, rule, f"output_padding={output_padding}, strides={strides}, dilation={dilation}")
    if isinstance(padding, str) and padding in ("SAME", "SAME_LOWER"):
        rule = 'output_padding must be 0 with padding="SAME" or "SAME_LOWER", which fix the output size'
        require(not any(extra), op, rule, f"output_padding={output_padding}")
        whole = tuple(size * stride for size, stride in zip(sizes, strides, strict=True))
        pads = paddings(op, padding, whole, window, strides, dilation)
    else:
        pads = paddings(op, padding, sizes, window, strides, dilation)
        ends = zip(sizes, strides, window, dilation, pads, extra, strict=True)
        whole = tuple((n - 1) * s + span(k, d) - sum(pair) + more for n, s, k, d, pair, more in ends)
    rule = "the padding must leave at least one element of the output"
    require(min(whole) >= 1, op, rule, f"output sizes {whole} with padding={padding!r}")
    padded = [size + sum(pair) for size, pair in zip(whole, pads, strict=True)]
    return Geometry(window, strides, dilation, pads, sizes, (0,) * len(sizes)), padded


def span(window, dilation):
    """How far a window reaches from its first element to its last, both counted."""
    return (window - 1) * dilation + 1


def steps(op, rank, window, strides, dilation):
    named = {"window": window, "strides": strides, "dilation": dilation}
    return tuple(per_dimension(op, name, value, rank) for name, value in named.items())


def per_dimension(op, name, value, rank, least=1):
    """A static as one int per spatial dimension."""
    require_hashable(op, name, value)
    entries = value if isinstance(value, tuple) else (value,) * rank
    rule = f"{name} must be an int or a tuple with one int a spatial dimension"
    require_ints(op, rule, f"{name}={value!r}", entries)
    require(len(entries) == rank, op, rule, f"{name}={value!r} for {rank} spatial dimensions")
    require(min(entries) >= least, op, f"{name} must be at least {least}", f"{name}={value!r}")
    return tuple(map(int, entries))  # NumPy's ints overflow


def paddings(op, padding, sizes, window, strides, dilation):
    """The padding as one (low, high) pair per spatial dimension."""
    rank = len(sizes)
    require_hashable(op, "padding", padding)
    if isinstance(padding, str):
        rule = 'padding must be "VALID", "SAME", "SAME_LOWER" or ints'
        require(padding in ("VALID", "SAME", "SAME_LOWER"), op, rule, f"padding={padding!r}")
        upper = [_same(*line) for line in zip(sizes, window, strides, dilation, strict=True)]
        lower = [(high, low) for low, high in upper]
        return tuple({"VALID": [(0, 0)] * rank, "SAME": upper, "SAME_LOWER": lower}[padding])
    entries = padding if isinstance(padding, tuple) else (padding,) * rank
    pairs = tuple(entry if isinstance(entry, tuple) else (entry, entry) for entry in entries)
    rule, got = "padding must be an int, or one int or (low, high) pair a spatial dimension", f"padding={padding!r}"
    require_ints(op, rule, got, [end for pair in pairs for end in pair])
    require(len(pairs) == rank, op, rule, f"{got} for {rank} spatial dimensions")
    require(all(len(pair) == 2 for pair in pairs), op, rule, f"{got} for {rank} spatial dimensions")
    require(all(end >= 0 for pair in pairs for end in pair), op, "padding must be at least 0", got)
    return tuple((int(low), int(high)) for low, high in pairs)


def _same(size, window, stride, dilation):
    """Enough padding that a window starts at every stride-th element of x; the odd element goes to the high end."""
    last_start = max(range(0, size, stride))
    missing = max(last_start + span(window, dilation) - size, 0)
    return missing // 2, missing - missing // 2
