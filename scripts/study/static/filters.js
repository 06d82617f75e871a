// A filter of three by three weights, with some to try, as controls: for every widget that slides one over an input.
"use strict";

widgets.filters = (() => {
  const EDGE = [
    [-1, 0, 1],
    [-1, 0, 1],
    [-1, 0, 1],
  ];
  const FILTERS = [
    {
      label: { ja: "横のエッジ", en: "horizontal edges" },
      kernel: [
        [-1, -1, -1],
        [0, 0, 0],
        [1, 1, 1],
      ],
    },
    {
      label: { ja: "ぼかし", en: "smooth" },
      kernel: [
        [0, 0.25, 0],
        [0.25, 0.5, 0.25],
        [0, 0.25, 0],
      ],
    },
    {
      label: { ja: "そのまま", en: "copy" },
      kernel: [
        [0, 0, 0],
        [0, 1, 0],
        [0, 0, 0],
      ],
    },
    { label: { ja: "縦のエッジ", en: "vertical edges" }, kernel: EDGE },
  ];
  const PLACES = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => [row, column]));
  const name = (row, column) => `kernel_${row}${column}`;

  const controls = (hidden) => [
    {
      kind: "actions",
      label: { ja: "フィルターの例", en: "filters to try" },
      options: FILTERS.map(({ label, kernel }) => ({
        label,
        sets: Object.fromEntries(PLACES.map(([row, column]) => [name(row, column), kernel[row][column]])),
      })),
    },
    {
      kind: "group",
      columns: 3,
      label: { ja: "フィルターの重み", en: "weights of the filter" },
      controls: PLACES.map(([row, column]) => ({
        kind: "range",
        name: name(row, column),
        label: `k[${row}, ${column}]`,
        min: -3,
        max: 3,
        step: 0.25,
        value: EDGE[row][column],
        show: (v) => widgets.readable(v, 2),
        hidden: (s) => hidden(s, row),
      })),
    },
  ];

  const kernel = (s) => [0, 1, 2].map((row) => [0, 1, 2].map((column) => s[name(row, column)]));
  return { controls, kernel };
})();
