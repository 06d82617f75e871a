"""What a convolution and its gradients lower to on a CPU: which form, from the shapes alone."""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.interpreters import mlir

from functional_nn import _libraries
from functional_nn._geometry import Spec
from functional_nn._lax import LAX
from functional_nn.cpu import forms, onednn

# A form takes two of a convolution's three arrays and `spec`, and gives the third.
Form = Callable[..., jax.Array]

FAST = _libraries.MODE != "0"

# XLA leaves most planar convolutions to a library, which uses all cores since jax 0.12 and one before.
LIBRARY_USES_ALL_CORES = jax.__version_info__ >= (0, 12)
# A library on one core is passed by where there is this much to do for all of them, with this many channels.
LEAST_MULTIPLICATIONS_FOR_ALL = 64_000_000
LEAST_CHANNELS_FOR_ALL = 16
# And where it takes no more than this share of windows more, and an image is not so large that the library divides it.
MOST_MORE_FOR_ALL = 0.5
LARGEST_IMAGE_BYTES_FOR_ALL = 2 << 20
# Where tiles were measured to win over XLA's gradient with respect to the kernel (docs/speed.md).
# Fewer multiplications are over before a loop pays.
LEAST_MULTIPLICATIONS = 4_000_000
# Nor do tiles pay that multiply each number they copied with fewer than this.
LEAST_A_COPY = 11
# A kernel is added to itself for every tile; with larger ones XLA's form is as good.
LARGEST_KERNEL_BYTES = 4 << 20
# An image is a tile at least; images whose copies are larger were not measured.
LARGEST_IMAGE_BYTES = 20 << 20
# A library on all cores is faster than tiles where it multiplies each copied number with more than this, in arrays that
# it has to transpose first but that stay in the cache.
MOST_A_COPY = 20
LIBRARY_BYTES = 3_500_000
# A depthwise window is written out, offset by offset; a larger one would compile slowly.
LARGEST_DEPTHWISE_WINDOW = 49
# Planes are x's channels times the window's elements; with more of them lax's own form is as fast.
MOST_PLANE_CHANNELS = 4
MOST_PLANES = 49
# With so few planes, patches of the whole batch pay from fewer multiplications of each copied number on.
LEAST_A_COPY_IN_PATCHES = 5
# Few outputs the library is not given. On one core it is slow at an odd number of channels, where the outputs are not
# many more than the planes.
MOST_OUTPUTS = 16
SLOW_CHANNELS = () if LIBRARY_USES_ALL_CORES else (1, 3)
MOST_OUTPUTS_A_PLANE = 1.25


def choose(name: str, left: Any, right: Any, spec: Spec, portable: bool = False) -> Form:
    """The form that was measured to be fastest on a CPU, from the shapes, dtypes and statics alone.

    Where oneDNN is, it is faster than what XLA can be made to do, unless x has few channels and its gradient is asked
    for: oneDNN computes sixteen then. A portable program, which is to run elsewhere too, cannot call it.

    XLA's own forms are kept where they are good. Not good is its gradient with respect to the kernel: it lays out the
    sum over all positions as one convolution with a kernel as large as the image. Nor is anything that its library
    computes on one core where all could help, nor anything depthwise, for which it runs plain loops.
    """
    sizes = (*left.shape, *right.shape)
    static = all(isinstance(size, int) for size in sizes)
    if not FAST or not static or 0 in sizes:
        return LAX[name]
    form = _by_onednn(name, left, right, spec) if _libraries.WANTED and not portable else None
    # 16-bit arrays: lax adds up in 32 bits, which the forms below would have to spell out.
    if form is None and left.dtype not in (jnp.float32, jnp.float64):
        return LAX[name]
    if form is None and _is_depthwise(name, left, right, spec):
        form = DEPTHWISE[name]
    if form is None and spec.groups == 1:
        form = _gather(left, right, spec) if name == "gather" else _planes(name, right, spec)
    if form:
        return partial(_channels_last, name, form)
    on_all_cores = spec.groups == 1 and name != "gather" and _worth_all_cores(name, left, right, spec)
    return ON_ALL_CORES[name] if on_all_cores else LAX[name]


def _by_onednn(name: str, left: Any, right: Any, spec: Spec) -> Form | None:
    """The form by oneDNN, unless x has few channels and its gradient is asked for: oneDNN computes 16 of them then."""
    if left.dtype == jnp.float32 and name == "spread" and spec.groups == 1 and _planes(name, right, spec):
        return None
    fits = onednn.takes(name, *_shapes_channels_last(name, left, right, spec), spec)
    return partial(onednn.convolution, name) if fits else None


def _is_depthwise(name: str, left: Any, right: Any, spec: Spec) -> bool:
    """Whether every channel has a group of its own."""
    channel = -1 if spec.layout == "channels_last" else 1
    inputs, outputs = (-2, -1) if spec.layout == "channels_last" else (1, 0)
    small = prod(line.window for line in spec.lines) <= LARGEST_DEPTHWISE_WINDOW
    if name == "gather":
        alone = left.shape[channel] == right.shape[channel] == spec.groups
    else:
        alone = right.shape[inputs] == 1 and right.shape[outputs] == spec.groups
    return alone and small and spec.groups > 1


def _planes(name: str, kernel: Any, spec: Spec) -> Form | None:
    """The form by planes, where x has few channels."""
    inputs, outputs = kernel.shape[-2:] if spec.layout == "channels_last" else kernel.shape[1::-1]
    planes = inputs * prod(line.window for line in spec.lines)
    if not _are_few(inputs, planes):
        return None
    if name == "spread":
        return forms.spread_by_planes
    slow = outputs <= MOST_OUTPUTS or (inputs in SLOW_CHANNELS and outputs <= MOST_OUTPUTS_A_PLANE * planes)
    return forms.correlate_by_planes if slow else None


def _are_few(inputs: int, planes: int) -> bool:
    return inputs <= MOST_PLANE_CHANNELS and planes <= MOST_PLANES


def _worth_all_cores(name: str, left: Any, kernel: Any, spec: Spec) -> bool:
    """Whether there is much to do in a convolution that the library would compute on one core.

    It takes those in a plane, of single precision, without strides, whose output is no larger than what slides.
    """
    if LIBRARY_USES_ALL_CORES or left.dtype != jnp.float32 or any(line.stride > 1 for line in spec.lines):
        return False
    lines = spec.lines if name == "correlate" else forms.mirrored(spec.lines)
    number, more = forms.fewest_more(lines)
    channels = kernel.shape[-2:] if spec.layout == "channels_last" else kernel.shape[:2]
    return (
        len(lines) == 2
        and all(line.count <= line.size and line.window <= line.size for line in lines)
        and more <= MOST_MORE_FOR_ALL * lines[number].count
        and prod(left.shape[1:]) * left.dtype.itemsize <= LARGEST_IMAGE_BYTES_FOR_ALL
        and min(channels) >= LEAST_CHANNELS_FOR_ALL < max(channels)
        and left.shape[0] * prod(line.count for line in lines) * kernel.size >= LEAST_MULTIPLICATIONS_FOR_ALL
    )


def _gather(x: Any, out: Any, spec: Spec) -> Form | None:
    """The form for the kernel's gradient that is faster than XLA's, if one is."""
    x, out = _shapes_channels_last("gather", x, out, spec)
    inputs, outputs, window = x.shape[-1], out.shape[-1], prod(line.window for line in spec.lines)
    kernel = window * inputs * outputs
    if (
        x.shape[0] * prod(line.count for line in spec.lines) * kernel < LEAST_MULTIPLICATIONS
        or kernel * x.dtype.itemsize > LARGEST_KERNEL_BYTES
        or forms.image_bytes(x, out, spec.lines) > LARGEST_IMAGE_BYTES
    ):
        return None
    if _are_few(inputs, inputs * window) and kernel >= LEAST_A_COPY_IN_PATCHES * (inputs * window + outputs):
        return forms.gather_by_patches
    copied, _ = forms.copies(inputs, outputs, spec.lines)
    most = MOST_A_COPY if _better_by_library(x, out, spec) else kernel
    return forms.gather_by_tiles if LEAST_A_COPY * copied <= kernel <= most * copied else None


def _better_by_library(x: Any, out: Any, spec: Spec) -> bool:
    """Whether XLA leaves the kernel's gradient to a library on all cores, and all of it stays in the cache.

    The library is slow at strides and at 1x1 windows.
    """
    planar = len(spec.lines) == 2 and all(line.stride == 1 < line.window for line in spec.lines)
    fits = all(line.count <= line.size and line.window <= line.size for line in spec.lines)
    small = (prod(x.shape) + prod(out.shape)) * x.dtype.itemsize <= LIBRARY_BYTES
    return LIBRARY_USES_ALL_CORES and planar and fits and small and max(x.shape[0], out.shape[-1]) > 16


def _channels_last(name: str, form: Form, left: jax.Array, right: jax.Array, *, spec: Spec):
    """A form for arrays with channels last, whatever their layout."""
    if spec.layout == "channels_last":
        return form(left, right, spec=spec)
    given = form(*_moved(name, left, right), spec=spec)
    return jnp.moveaxis(given, (-1, -2), (0, 1)) if name == "gather" else jnp.moveaxis(given, -1, 1)


def _shapes_channels_last(name: str, left: Any, right: Any, spec: Spec) -> tuple[Any, Any]:
    """What `_channels_last` hands to a form, as shapes."""
    return (left, right) if spec.layout == "channels_last" else jax.eval_shape(partial(_moved, name), left, right)


def _moved(name: str, left: jax.Array, right: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A sum's two arrays of the layout channels_first with their channels last."""
    image, kernel = (
        partial(jnp.moveaxis, source=1, destination=-1),
        partial(jnp.moveaxis, source=(0, 1), destination=(-1, -2)),
    )
    return image(left), image(right) if name == "gather" else kernel(right)


def on_cpu(name: str) -> Callable[..., Any]:
    """How a primitive is lowered for a CPU: by lax where the program is divided, without calls where it may travel."""
    by_lax, portable, here = (
        mlir.lower_fun(form, multiple_results=False)
        for form in (LAX[name], *(_chosen(name, far) for far in (True, False)))
    )

    def lower(context: Any, *arrays: Any, spec: Spec) -> Any:
        rule = by_lax if _libraries.is_divided(context) else here if onednn.may_be_called(context) else portable
        return rule(context, *arrays, spec=spec)

    return lower


def _chosen(name: str, portable: bool) -> Form:
    return lambda left, right, *, spec: choose(name, left, right, spec, portable)(left, right, spec=spec)


DEPTHWISE = {
    "correlate": forms.depthwise_correlate,
    "spread": forms.depthwise_spread,
    "gather": forms.depthwise_gather,
}
ON_ALL_CORES = {"correlate": forms.correlate_on_all_cores, "spread": forms.spread_on_all_cores}
