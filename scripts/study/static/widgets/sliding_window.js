// Convolution window by window, in one and two dimensions: products under the window, added up.
"use strict";

(() => {
  const { plot, svg, readable } = widgets;
  const SIGNAL = [1, 1, 1, 2, 5, 5, 5, 4, 1, 1];
  const IMAGE = [
    [0, 0, 0, 4, 4, 4],
    [0, 0, 0, 4, 4, 4],
    [0, 0, 2, 4, 4, 4],
    [0, 2, 4, 4, 4, 2],
    [2, 4, 4, 4, 2, 0],
    [4, 4, 4, 2, 0, 0],
  ];
  const EDGE = [
    [-1, 0, 1],
    [-1, 0, 1],
    [-1, 0, 1],
  ];
  const FILTERS = [
    {
      label: { ja: "横の縁", en: "horizontal edges" },
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
    { label: { ja: "縦の縁", en: "vertical edges" }, kernel: EDGE },
  ];
  const places = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => [row, column]));
  const flat = (s) => s.dimensions === "one";

  // One dimension is one row, with the middle row of the filter.
  function operands(s) {
    const kernel = places.map(([row, column]) => s[`kernel_${row}${column}`]);
    const rows = [kernel.slice(0, 3), kernel.slice(3, 6), kernel.slice(6)];
    return flat(s) ? { x: [SIGNAL], kernel: [rows[1]], tall: 0 } : { x: IMAGE, kernel: rows, tall: s.padding };
  }

  function padded({ x, tall }, wide) {
    const [height, width] = [x.length + 2 * tall, x[0].length + 2 * wide];
    const at = (i, j) => (x[i - tall] || [])[j - wide];
    return Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => at(i, j) ?? 0));
  }

  function counts(s) {
    const { x, kernel, tall } = operands(s);
    const along = (size, window, padding) => Math.floor((size + 2 * padding - window) / s.stride) + 1;
    return [along(x.length, kernel.length, tall), along(x[0].length, kernel[0].length, s.padding)];
  }

  // The products under the window whose output is in this row and column.
  function products(s, input, kernel, row, column) {
    return kernel.flatMap((line, i) =>
      line.map((weight, j) => [input[row * s.stride + i][column * s.stride + j], weight]),
    );
  }
  const total = (pairs) => pairs.reduce((sum, [value, weight]) => sum + value * weight, 0);

  const controls = [
    {
      kind: "choice",
      name: "dimensions",
      value: "two",
      label: { ja: "次元", en: "dimensions" },
      options: [
        { value: "one", label: { ja: "1 次元", en: "one" } },
        { value: "two", label: { ja: "2 次元", en: "two" } },
      ],
    },
    {
      kind: "range",
      name: "position",
      label: { ja: "窓の位置", en: "window" },
      min: 0,
      max: (s) => counts(s)[0] * counts(s)[1] - 1,
      step: 1,
      value: 8,
      show: (v) => String(v + 1),
    },
    { kind: "range", name: "stride", label: { ja: "ストライド", en: "stride" }, min: 1, max: 3, step: 1, value: 1 },
    { kind: "range", name: "padding", label: { ja: "パディング", en: "padding" }, min: 0, max: 2, step: 1, value: 1 },
    {
      kind: "actions",
      label: { ja: "フィルターの例", en: "filters to try" },
      options: FILTERS.map(({ label, kernel }) => ({
        label,
        sets: Object.fromEntries(places.map(([row, column]) => [`kernel_${row}${column}`, kernel[row][column]])),
      })),
    },
    {
      kind: "group",
      columns: 3,
      label: { ja: "フィルターの重み", en: "weights of the filter" },
      controls: places.map(([row, column]) => ({
        kind: "range",
        name: `kernel_${row}${column}`,
        label: `k[${row}, ${column}]`,
        min: -3,
        max: 3,
        step: 0.25,
        value: EDGE[row][column],
        show: (v) => readable(v, 2),
        hidden: (s) => flat(s) && row !== 1,
      })),
    },
  ];

  const short = (value) => String(Math.round(value * 100) / 100).replace("-", "−");

  function cells(values, left, top, size, outside, largest, quantity) {
    return values.flatMap((row, i) =>
      row.map((value, j) => {
        const [x, y] = [left + j * size, top + i * size];
        const border = outside(i, j) ? { "stroke-dasharray": "2 2" } : {};
        const colour = outside(i, j) ? plot.muted : plot.ink;
        const data = quantity ? { "data-quantity": `${quantity}_${i}_${j}`, "data-value": value } : {};
        const fontSize = Math.min(13, size * 0.5);
        return [
          svg("rect", {
            x,
            y,
            width: size,
            height: size,
            stroke: plot.line,
            ...plot.shade(value, largest),
            ...border,
          }),
          plot.text([x + size / 2, y + size / 2 + fontSize * 0.36], short(value), {
            "font-size": fontSize,
            fill: colour,
            ...data,
          }),
        ];
      }),
    );
  }
  const outline = (left, top, width, height, colour) =>
    svg("rect", { x: left, y: top, width, height, fill: "none", stroke: colour, "stroke-width": 3 });

  function picture(s, input, kernel, tall, output, [row, column]) {
    const line = flat(s);
    const size = line ? Math.min(34, 440 / input[0].length) : 236 / input.length;
    const [left, top] = [10, 36];
    const [outLeft, outTop] = line ? [10, 156] : [284, 36];
    const outSize = line ? size : Math.min(34, 186 / output.length);
    const inside = (i, j) =>
      i >= tall && i < input.length - tall && j >= s.padding && j < input[0].length - s.padding;
    const [x, y] = [left + column * s.stride * size, top + row * s.stride * size];
    const weights = kernel.flatMap((weightsRow, i) =>
      weightsRow.map((weight, j) =>
        plot.text([x + (j + 0.5) * size, y + (i + (line ? 1.55 : 0.9)) * size], line ? `×${short(weight)}` : "", {
          fill: plot.series(4),
          "font-size": 13,
        }),
      ),
    );
    const names = [
      plot.text(
        [left, 24],
        { ja: "入力（点線はパディング）", en: "input (dashed: padding)" },
        { "text-anchor": "start" },
      ),
      plot.text([outLeft, outTop - 12], { ja: "出力", en: "output" }, { "text-anchor": "start" }),
    ];
    return [
      names,
      cells(input, left, top, size, (i, j) => !inside(i, j), 8),
      outline(x, y, size * 3, size * kernel.length, plot.series(4)),
      weights,
      cells(output, outLeft, outTop, outSize, () => false, 16, "out"),
      outline(outLeft + column * outSize, outTop + row * outSize, outSize, outSize, plot.series(4)),
    ];
  }

  function worked(pairs, sum) {
    const bracket = (value) => (value < 0 ? `(${short(value)})` : short(value));
    return `${pairs.map(([value, weight]) => `${short(value)}·${bracket(weight)}`).join(" + ")} = ${short(sum)}`;
  }

  function draw(s) {
    const { x, kernel, tall } = operands(s);
    const input = padded({ x, tall }, s.padding);
    const [height, width] = counts(s);
    const sum = (row, column) => total(products(s, input, kernel, row, column));
    const output = Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => sum(i, j)));
    const at = [Math.floor(s.position / width), s.position % width];
    const pairs = products(s, input, kernel, ...at);
    const numbers = [
      {
        name: "window_sum",
        label: { ja: "窓の中の積の和", en: "sum of the products in the window" },
        value: total(pairs),
      },
      { name: "position", label: { ja: "窓の番号", en: "number of the window" }, value: s.position + 1 },
      {
        name: "windows",
        label: { ja: "窓の個数（出力の大きさ）", en: "number of windows (size of the output)" },
        value: height * width,
        text: flat(s) ? String(width) : `${height} × ${width}`,
      },
    ];
    return { picture: picture(s, input, kernel, tall, output, at), numbers, sentence: worked(pairs, total(pairs)) };
  }

  const description = {
    ja: "窓を動かすと、窓の下の入力とフィルターの重みを掛けて足した値が、出力の一マスになります。",
    en: "Move the window: inputs under it times the weights of the filter, added up, make one cell of the output.",
  };
  widgets.register("sliding_window", widgets.pure({ size: [480, 286], description, controls, draw }));
})();
