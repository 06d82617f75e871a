"""Mistakes that were released in hand-written kernels, each as an edit of one of the right kernels beside this file.

`python -m examples.kernels.mistakes` lists them; with names behind it, each is printed as the changed file.
"""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

HERE = Path(__file__).parent
# What finds a mistake: any check; other memory for the same values; other sizes; a comparison in low precision.
Needs = Literal["plain", "layouts", "sweep", "accuracy"]


@dataclass(frozen=True)
class Mistake:
    """One mistake: where it stands, what the right line is and what stands there instead, and what it is called."""

    name: str
    file: str
    function: str  # the public function that has it
    within: str  # the definition whose line is changed
    right: str
    wrong: str
    causes: tuple[str, ...]  # any of them says it; the first is the one that the definitions give
    needs: Needs
    released: str

    def changed(self) -> str:
        """The text of the kernel's file with the mistake in it."""
        text = (HERE / f"{self.file}.py").read_text()
        start = text.find(f"def {self.within}(")
        place = text.find(self.right, start)
        if start < 0 or place < 0 or "\ndef " in text[start:place]:
            raise ValueError(f"mistake {self.name}: its right line must stand in {self.within}; got {self.right!r}")
        return text[:place] + self.wrong + text[place + len(self.right) :]

    def module(self, folder: Path) -> ModuleType:
        """The changed file, written into a folder and imported from there."""
        path = folder / f"{self.name}.py"
        path.write_text(self.changed())
        spec = importlib.util.spec_from_file_location(self.name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


MISTAKES = (
    Mistake(
        "softmax_contiguous_cotangent", "in_triton/softmax", "softmax", "softmax_backward",
        "dy + row * dy_row + column * dy_column", "dy + row * columns + column",
        ("wrong_strides",), "layouts", "flash-attention#355",
    ),
    Mistake(
        "softmax_row_zero", "in_triton/softmax", "softmax", "softmax_backward",
        "dx + row * columns + column", "dx + column",
        ("entries_not_written",), "layouts", "Triton-distributed#180",
    ),
    Mistake(
        "softmax_diagonal", "in_triton/softmax", "softmax", "softmax_backward",
        "chances * (upstream - along)", "chances * (1 - chances) * upstream",
        ("diagonal_only",), "plain", "tvm PR1201",
    ),
    Mistake(
        "layer_norm_one_block", "in_triton/layer_norm", "layer_norm", "backward",
        "dscale.sum(0)", "dscale[0]",
        ("part_missing", "wrong_reduction"), "plain", "the sum over programs left out",
    ),
    Mistake(
        "layer_norm_rows_of_first_axis", "in_triton/layer_norm", "layer_norm", "backward",
        "programs = triton.cdiv(count, ROWS)", "programs = triton.cdiv(len(dy), ROWS)",
        ("entries_not_written",), "sweep", "FlagGems#5392",
    ),
    Mistake(
        "layer_norm_mean_constant", "in_triton/layer_norm", "layer_norm", "layer_norm_backward",
        "scaled - through_mean - normal * through_variance", "scaled - normal * through_variance",
        ("statistics_as_constants",), "plain", "mlpack PR2474",
    ),
    Mistake(
        "layer_norm_padding_in_variance", "in_triton/layer_norm", "layer_norm", "layer_norm_forward",
        "tl.where(inside, values - row_mean, 0.0)", "values - row_mean",
        ("forward",), "sweep", "mamba PR537",
    ),
    Mistake(
        "layer_norm_sums_in_dtype_of_x", "in_triton/layer_norm", "layer_norm", "backward",
        "dscale, dbias = torch.empty((2, programs, columns), dtype=wide_dtype(rows)",
        "dscale, dbias = torch.empty((2, programs, columns), dtype=rows.dtype",
        ("rounded_before_sum", "accumulated_in_low_precision"), "accuracy", "jax PR40140",
    ),
    Mistake(
        "rms_norm_scale_without_gradient", "in_triton/rms_norm", "rms_norm", "_gradients",
        "dscale.sum(0).to(scale.dtype)", "None",
        ("missing",), "plain", "unsloth#4533",
    ),
    Mistake(
        "rms_norm_residual_before_norm", "in_triton/rms_norm", "add_rms_norm", "rms_norm_backward",
        """scaled = upstream * factor
        gradient = (scaled - normal * (tl.sum(scaled * normal, axis=0) / columns)) * row_rstd
        if ADDED:
            gradient += wide(tl.load(dtotal + row * dtotal_row + column * dtotal_column, mask=inside, other=0.0))
""",
        """scaled = upstream * factor
        if ADDED:
            scaled += wide(tl.load(dtotal + row * dtotal_row + column * dtotal_column, mask=inside, other=0.0))
        gradient = (scaled - normal * (tl.sum(scaled * normal, axis=0) / columns)) * row_rstd
""",
        ("unexplained",), "plain", "quack PR53",
    ),
    Mistake(
        "swiglu_upstream_ignored", "in_triton/swiglu", "swiglu", "swiglu_backward",
        "upstream = wide(tl.load(dy + row * dy_row + column * dy_column, mask=inside, other=0.0))",
        "upstream = tl.full([BLOCK], 1.0, values.dtype)",
        ("ignores_cotangent",), "plain", "fla PR963",
    ),
    Mistake(
        "swiglu_gate_left_out", "in_triton/swiglu", "swiglu", "swiglu_backward",
        "column, upstream * silu, mask", "column, upstream * share, mask",
        ("wrong_factor",), "plain", "fla PR1071",
    ),
    Mistake(
        "swiglu_last_block_left_out", "in_triton/swiglu", "swiglu", "backward",
        "triton.cdiv(columns, BLOCK)", "columns // BLOCK",
        ("entries_not_written",), "sweep", "mamba PR537",
    ),
    Mistake(
        "rotary_sine_halves_swapped", "in_triton/rotary", "rotary", "rotate",
        "a * cosine_a + b * sine_b, b * cosine_b - a * sine_a", "a * cosine_a + b * sine_a, b * cosine_b - a * sine_b",
        ("wrong_operand", "arguments_swapped"), "plain", "Paddle PR74716",
    ),
    Mistake(
        "rotary_strides_of_x", "in_triton/rotary", "rotary", "_rotated",
        "*x.stride(), *cosines", "*y.stride(), *cosines",
        ("wrong_strides",), "layouts", "fla#1138",
    ),
    Mistake(
        "cross_entropy_first_upstream", "in_triton/cross_entropy", "cross_entropy", "cross_entropy_backward",
        "dloss + row * dloss_step", "dloss",
        ("wrong_index", "wrong_operand"), "plain", "Liger PR1298",
    ),
    Mistake(
        "cross_entropy_contiguous_upstream", "in_triton/cross_entropy", "cross_entropy", "cross_entropy_backward",
        "dloss + row * dloss_step", "dloss + row",
        ("wrong_strides",), "layouts", "fla PR871",
    ),
    Mistake(
        "cross_entropy_ignored_label", "in_triton/cross_entropy", "cross_entropy", "cross_entropy_backward",
        "tl.where(label == ignored, 0.0, upstream)", "upstream",
        ("mask_missing",), "plain", "pytorch#73205",
    ),
    Mistake(
        "soft_cross_entropy_sum_of_targets", "in_triton/cross_entropy", "soft_cross_entropy",
        "soft_cross_entropy_backward",
        "tl.exp(-surprise) * tl.sum(wanted, axis=0) - wanted", "tl.exp(-surprise) - wanted",
        ("wrong_factor", "wrong_operand"), "sweep", "NeMo Automodel PR2428",
    ),
    Mistake(
        "attention_wrong_head", "in_triton/attention", "attention", "attention_backward_queries",
        "(head // group) * k_head", "(head % (heads // group)) * k_head",
        ("wrong_index",), "sweep", "native-sparse-attention-triton#27",
    ),
    Mistake(
        "attention_softcap_left_out", "in_triton/attention", "attention", "attention_backward_queries",
        "(arrived - own[:, None]) * slope", "(arrived - own[:, None])",
        ("derivative_missing",), "plain", "flash-attention PR2544",
    ),
    Mistake(
        "attention_strides_of_output", "in_triton/attention", "attention", "backward",
        "*dy.stride()", "*y.stride()",
        ("wrong_strides",), "layouts", "flash-attention#355",
    ),
    Mistake(
        "attention_along_rounded", "in_triton/attention", "attention", "backward",
        "(dy.to(logsum.dtype) * y.to(logsum.dtype)).sum(-1)", "(dy * y).sum(-1).to(logsum.dtype)",
        ("rounded_before_sum", "accumulated_in_low_precision"), "accuracy", "jax PR40140",
    ),
    Mistake(
        "pallas_layer_norm_beyond_the_last_row", "in_pallas/layer_norm", "layer_norm", "layer_norm_backward",
        "jnp.where(inside(count), wide(dy_ref[...]), 0.0)", "wide(dy_ref[...])",
        ("not_finite",), "sweep", "mamba PR537",
    ),
    Mistake(
        "pallas_rms_norm_mean_term", "in_pallas/rms_norm", "rms_norm", "rms_norm_backward",
        "scaled - normal * (scaled * normal).mean(axis=1, keepdims=True)", "scaled",
        ("statistics_as_constants",), "plain", "mlpack PR2474",
    ),
    Mistake(
        "pallas_swiglu_upstream_ignored", "in_pallas/swiglu", "swiglu", "swiglu_backward",
        "upstream = wide(dy_ref[...])", "upstream = jax.numpy.ones(dy_ref.shape, dy_ref.dtype)",
        ("ignores_cotangent",), "plain", "fla PR963",
    ),
    Mistake(
        "pallas_rotary_sine_halves_swapped", "in_pallas/rotary", "rotary", "rotate",
        "a * cosine_a + b * sine_b, b * cosine_b - a * sine_a", "a * cosine_a + b * sine_a, b * cosine_b - a * sine_b",
        ("wrong_operand", "arguments_swapped"), "plain", "Paddle PR74716",
    ),
    Mistake(
        "pallas_cross_entropy_first_upstream", "in_pallas/cross_entropy", "cross_entropy", "cross_entropy_backward",
        "dloss_ref[...]", "dloss_ref[:1]",
        ("wrong_index", "wrong_operand"), "plain", "Liger PR1298",
    ),
    Mistake(
        "pallas_soft_cross_entropy_sum_of_targets", "in_pallas/cross_entropy", "soft_cross_entropy",
        "soft_cross_entropy_backward",
        "jnp.exp(-surprise) * wanted.sum(axis=1, keepdims=True)", "jnp.exp(-surprise)",
        ("wrong_factor", "wrong_operand"), "sweep", "NeMo Automodel PR2428",
    ),
    Mistake(
        "pallas_attention_softcap_left_out", "in_pallas/attention", "attention", "attention_backward_queries",
        "(arrived - along_ref[...]) * slope", "(arrived - along_ref[...])",
        ("derivative_missing",), "plain", "flash-attention PR2544",
    ),
    Mistake(
        "pallas_layer_norm_rounded_products", "in_pallas/layer_norm", "layer_norm", "layer_norm_backward",
        "(upstream * normal).sum(axis=0, keepdims=True)",
        "(upstream * normal).astype(dx_ref.dtype).sum(axis=0, keepdims=True).astype(scale_sum_ref.dtype)",
        ("rounded_before_sum", "accumulated_in_low_precision"), "accuracy", "jax PR40140",
    ),
)  # fmt: skip
NAMED = {mistake.name: mistake for mistake in MISTAKES}


def main(names: list[str]) -> None:
    """List the mistakes, or print the files that have them."""
    for name in names:
        if name not in NAMED:
            raise SystemExit(f"examples.kernels.mistakes: the name must be one that it lists; got {name!r}")
        print(NAMED[name].changed())
    if not names:
        for mistake in MISTAKES:
            print(f"{mistake.name:42s} {mistake.needs:9s} {mistake.causes[0]:24s} {mistake.released}")


if __name__ == "__main__":
    main(sys.argv[1:])
