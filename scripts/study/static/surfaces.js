// The functions of two variables that widgets walk on, with their gradients and the levels of their contours.
"use strict";

widgets.surfaces = {
  bowl: {
    label: { ja: "細長いお椀", en: "narrow bowl" },
    formula: "f = x₀² / 10 + x₁²",
    f: (x, y) => (x * x) / 10 + y * y,
    gradient: ([x, y]) => [x / 5, 2 * y],
    levels: [0.05, 0.2, 0.5, 1, 2, 3.5, 5.5, 8],
  },
  valleys: {
    label: { ja: "2つの谷", en: "two valleys" },
    formula: "f = (x₀² − 9)² / 60 + x₀ / 5 + x₁² / 2",
    f: (x, y) => ((x * x - 9) * (x * x - 9)) / 60 + x / 5 + (y * y) / 2,
    gradient: ([x, y]) => [(x * (x * x - 9)) / 15 + 1 / 5, y],
    levels: [-0.5, -0.3, 0, 0.4, 0.8, 1.2, 1.6, 2.4, 3.6, 5.2],
  },
  tilted: {
    label: { ja: "斜めのお椀", en: "tilted bowl" },
    formula: "f = 0.4 x₀² + x₁² + 0.4 x₀ x₁",
    f: (x, y) => 0.4 * x * x + y * y + 0.4 * x * y,
    gradient: ([x, y]) => [0.8 * x + 0.4 * y, 2 * y + 0.4 * x],
    levels: [0.2, 0.8, 1.8, 3.2, 5, 7.2],
  },
};
