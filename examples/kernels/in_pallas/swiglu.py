"""SwiGLU, x * silu(gate): entry by entry."""

import jax

from examples.kernels.in_pallas.layout import over_rows, rows_of, wide


def swiglu_forward(x_ref, gate_ref, y_ref):
    """y = x * gate * sigmoid(gate)."""
    gates = wide(gate_ref[...])
    y_ref[...] = (wide(x_ref[...]) * gates * jax.nn.sigmoid(gates)).astype(y_ref.dtype)


def swiglu_backward(x_ref, gate_ref, dy_ref, dx_ref, dgate_ref):
    """dx = dy * silu(gate), dgate = dy * x * (s + silu(gate) * (1 - s)), with s = sigmoid(gate) computed anew."""
    values, gates = wide(x_ref[...]), wide(gate_ref[...])
    upstream = wide(dy_ref[...])
    share = jax.nn.sigmoid(gates)
    silu = gates * share
    slope = share + silu * (1 - share)
    dx_ref[...] = (upstream * silu).astype(dx_ref.dtype)
    dgate_ref[...] = (upstream * values * slope).astype(dgate_ref.dtype)


@jax.custom_vjp
def swiglu(x: jax.Array, gate: jax.Array) -> jax.Array:
    """x * silu(gate), entry by entry."""
    (y,) = over_rows(swiglu_forward, [rows_of(x), rows_of(gate)], outs=[(x.shape[-1], x.dtype)])
    return y.reshape(x.shape)


def _forward(x, gate):
    return swiglu(x, gate), (x, gate)


def _backward(kept, dy):
    x, gate = kept
    outs = [(x.shape[-1], x.dtype), (x.shape[-1], gate.dtype)]
    dx, dgate = over_rows(swiglu_backward, [rows_of(x), rows_of(gate), rows_of(dy)], outs=outs)
    return dx.reshape(x.shape), dgate.reshape(x.shape)


swiglu.defvjp(_forward, _backward)
