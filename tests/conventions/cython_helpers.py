"""Layers whose fast versions need a Cython helper that is not built; the others do not."""

try:
    from im2col_cython import im2col_cython  # noqa: F401 # pyright: ignore[reportMissingImports]
except ImportError:
    print("run: python setup.py build_ext --inplace")


def scale_forward(x, w):
    return x * w, (x, w)


def scale_backward(dout, cache):
    x, w = cache
    # wrong scale w [wrong_operand unexplained wrong_derivative]: return dout * w, dout * w
    return dout * w, dout * x
