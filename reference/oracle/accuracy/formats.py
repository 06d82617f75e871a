"""The floating formats that a kernel may compute in, and rounding to them in float64."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Format:
    """Numbers of so many binary digits, the leading one included, with exponents from the lowest on.

    cut: digits that do not fit are cut off, where others round to the nearest number.
    """

    name: str
    digits: int
    lowest: int = -126
    largest: float = 2.0**128
    cut: bool = False

    def ulp(self, values: np.ndarray | float) -> np.ndarray:
        """The distance of neighbouring numbers at each value."""
        values = np.asarray(values, np.float64)
        exponent = np.where(values == 0, self.lowest, np.frexp(values)[1] - 1)
        return np.ldexp(1.0, np.maximum(exponent, self.lowest) - (self.digits - 1))

    def rounded(self, values: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """The values in this format, as float64; with a generator, up or down at random, right on average."""
        values = np.asarray(values, np.float64)
        with np.errstate(all="ignore"):
            place = self.ulp(np.where(np.isfinite(values), values, 0.0))
            count = values / place
            if self.cut:
                whole = np.trunc(count)
            else:
                whole = np.rint(count) if rng is None else np.floor(count + rng.uniform(size=count.shape))
            found = np.where(np.isfinite(values), whole * place, values)
            return np.where(np.abs(found) >= self.largest, np.sign(found) * np.inf, found)


FORMATS = {
    one.name: one
    for one in (
        Format("float64", 53, lowest=-1022, largest=np.inf),
        Format("float32", 24),
        Format("tf32", 11),
        Format("bfloat16", 8),
        Format("float16", 11, lowest=-14, largest=65520.0),
    )
}
SINGLE, TF32 = FORMATS["float32"], FORMATS["tf32"]
CUT_TF32 = Format("tf32", 11, cut=True)
