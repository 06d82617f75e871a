// Convolution window by window, in one and two dimensions: products under the window, added up.
"use strict";

(() => {
  const { plot, svg } = widgets;
  const SIGNAL = [1, 1, 1, 2, 5, 5, 5, 4, 1, 1];
  const IMAGE = [
    [0, 0, 0, 4, 4, 4],
    [0, 0, 0, 4, 4, 4],
    [0, 0, 2, 4, 4, 4],
    [0, 2, 4, 4, 4, 2],
    [2, 4, 4, 4, 2, 0],
    [4, 4, 4, 2, 0, 0],
  ];
  const flat = (s) => s.dimensions === "one";

  // One dimension is one row, with the middle row of the filter.
  function operands(s) {
    const rows = widgets.filters.kernel(s);
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
    { kind: "player", of: "position", every: 400 },
    { kind: "range", name: "stride", label: { ja: "ストライド", en: "stride" }, min: 1, max: 3, step: 1, value: 1 },
    { kind: "range", name: "padding", label: { ja: "パディング", en: "padding" }, min: 0, max: 2, step: 1, value: 1 },
    ...widgets.filters.controls((s, row) => flat(s) && row !== 1),
  ];

  const short = (value, digits = 2) =>
    String(Math.round(value * 10 ** digits) / 10 ** digits || 0).replace("-", "−");
  // How wide a number is, in heights of its letters, in the widest of the page's fonts.
  const WIDTHS = { "−": 0.84, "×": 0.84, ".": 0.32 };
  const wide = (text) => [...text].reduce((sum, letter) => sum + (WIDTHS[letter] ?? 0.64), 0);
  const READABLE = 11; // of letters: 8 pixels where a phone shows the picture
  const letters = (text, size) => Math.min(13, size * 0.58, (size - 1) / wide(text));
  // With as many decimals as can be read in a cell; the sentence below has them all.
  const fitting = (value, size) => {
    const texts = [2, 1, 0].map((digits) => short(value, digits));
    return texts.find((text) => letters(text, size) >= READABLE) ?? texts[2];
  };

  function cells(values, left, top, size, outside, largest, quantity) {
    return values.flatMap((row, i) =>
      row.map((value, j) => {
        const [x, y] = [left + j * size, top + i * size];
        const border = outside(i, j) ? { "stroke-dasharray": "2 2" } : {};
        const colour = outside(i, j) ? plot.muted : plot.ink;
        const data = quantity ? { "data-quantity": `${quantity}_${i}_${j}`, "data-value": value } : {};
        const text = fitting(value, size);
        const fontSize = letters(text, size);
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
          plot.text([x + size / 2, y + size / 2 + fontSize * 0.36], text, {
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

  // Where the input begins, and how large its cells are.
  const [left, top] = [10, 36];
  const cellSize = (input) => (input.length === 1 ? Math.min(34, 440 / input[0].length) : 200 / input.length);

  function picture(s, input, kernel, tall, output, [row, column]) {
    const line = flat(s);
    const size = cellSize(input);
    const [outLeft, outTop] = line ? [10, 156] : [234, 36];
    const outSize = line ? size : Math.min(44, 236 / output.length);
    const inside = (i, j) => i >= tall && i < input.length - tall && j >= s.padding && j < input[0].length - s.padding;
    const [x, y] = [left + column * s.stride * size, top + row * s.stride * size];
    const under = line ? kernel[0].map((weight) => `×${short(weight)}`) : [];
    const tight = under.some((text) => 13 * wide(text) > size); // then the middle one stands lower
    const weights = under.map((text, j) =>
      plot.text([x + (j + 0.5) * size, y + size + (tight && j === 1 ? 34 : 18)], text, { fill: plot.series(4) }),
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

  // The window is taken hold of in its middle, and comes to where its middle would be.
  function windowed(s) {
    const { x, kernel, tall } = operands(s);
    const [input, [height, width]] = [padded({ x, tall }, s.padding), counts(s)];
    return { size: cellSize(input), tall: kernel.length, height, width, input };
  }
  const handles = [
    {
      name: "window",
      label: { ja: "フィルターの窓", en: "window of the filter" },
      x: "position",
      at(s) {
        const { size, tall, width } = windowed(s);
        const [row, column] = [Math.floor(s.position / width), s.position % width];
        return [left + (column * s.stride + 1.5) * size, top + (row * s.stride + tall / 2) * size];
      },
      to([x, y], s) {
        const { size, tall, height, width } = windowed(s);
        const nearest = (at, middle, count) =>
          Math.max(0, Math.min(count - 1, Math.round((at / size - middle) / s.stride)));
        return { position: nearest(y - top, tall / 2, height) * width + nearest(x - left, 1.5, width) };
      },
      by(right, up, s) {
        const { height, width } = windowed(s);
        const inside = (at, count) => Math.max(0, Math.min(count - 1, at));
        const [row, column] = [Math.floor(s.position / width), s.position % width];
        return { position: inside(row - up, height) * width + inside(column + right, width) };
      },
      area(s) {
        const { size, input } = windowed(s);
        return [left, top, size * input[0].length, size * input.length];
      },
      shape(s) {
        const { size, tall } = windowed(s);
        const box = { x: -1.5 * size, y: (-tall / 2) * size, width: 3 * size, height: tall * size };
        return [svg("rect", { class: "handle-reach", ...box }), svg("circle", { cx: box.x, cy: box.y, r: 6 })];
      },
    },
  ];

  const description = {
    ja: "窓をつかんで動かすと、窓の下の入力とフィルターの重みを掛けて足した値が、出力の1マスになります。",
    en:
      "Take the window and move it: inputs under it times the weights of the filter, added up, make one cell of the " +
      "output.",
  };
  widgets.register("sliding_window", widgets.pure({ size: [480, 286], description, controls, handles, draw }));
})();
