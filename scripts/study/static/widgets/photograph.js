// A filter over a whole picture: what it makes of every pixel, and the sum under the pointer.
"use strict";

(() => {
  const { plot, svg, readable } = widgets;
  const pixels = () => widgets.data.photograph.pixels;
  const LAST = 45; // of the 46 places that a window of three has along 48 pixels

  const range = (name, label, value) => ({ kind: "range", name, label, min: 0, max: LAST, step: 1, value });
  const controls = [
    range("row", { ja: "窓の行", en: "row of the window" }, 21),
    range("column", { ja: "窓の列", en: "column of the window" }, 8),
    ...widgets.filters.controls(() => false),
  ];

  const sum = (products) => products.reduce((total, value) => total + value, 0);
  const products = (image, kernel, row, column) =>
    kernel.flatMap((line, i) => line.map((weight, j) => image[row + i][column + j] * weight));

  // The picture of the output changes with the filter alone.
  const made = new Map();
  function convolved(kernel) {
    const key = kernel.join();
    if (!made.has(key)) {
      const places = Array.from({ length: LAST + 1 }, (_, i) => i);
      const output = places.map((row) => places.map((column) => sum(products(pixels(), kernel, row, column))));
      const flat = output.flat();
      const [low, high] = [Math.min(...flat), Math.max(...flat)];
      const most = Math.max(255, -low, high);
      made.clear();
      made.set(key, { output, low, high, link: drawn(output, (value) => signed(value / most)) });
    }
    return made.get(key);
  }

  // A photograph keeps its colours by day and by night: 0 is white, blue above, orange below.
  const signed = (share) =>
    (share < 0 ? [176, 86, 11] : [31, 95, 139]).map((part) =>
      Math.round(255 + Math.min(1, Math.abs(share)) * (part - 255)),
    );
  const grey = (value) => [value, value, value];
  function drawn(values, colour) {
    const canvas = Object.assign(document.createElement("canvas"), { width: values[0].length, height: values.length });
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    values.flat().forEach((value, i) => image.data.set([...colour(value), 255], 4 * i));
    context.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }
  let photograph = null;

  const SIDE = 226;
  const INPUT = [10, 26],
    OUTPUT = [264, 26];
  const PIXEL = SIDE / 48,
    PLACE = SIDE / 46;
  const shown = ([x, y], href) =>
    svg("image", {
      x,
      y,
      width: SIDE,
      height: SIDE,
      href,
      preserveAspectRatio: "none",
      style: "image-rendering: pixelated",
    });
  const frame = (x, y, size) => [
    svg("rect", { x, y, width: size, height: size, fill: "none", stroke: "#ffffff", "stroke-width": 4 }),
    svg("rect", { x, y, width: size, height: size, fill: "none", stroke: "#b3302f", "stroke-width": 2 }),
  ];

  // The nine pixels under the window, each with its weight below it.
  function magnified(image, kernel, row, column, total) {
    const [left, top, size] = [10, 284, 62];
    const cells = kernel.flatMap((line, i) =>
      line.map((weight, j) => {
        const value = image[row + i][column + j];
        const [x, y] = [left + j * size, top + i * 34];
        const ink = { fill: value > 120 ? "#000000" : "#ffffff", "font-size": 12 };
        return [
          svg("rect", { x, y, width: size, height: 34, fill: `rgb(${grey(value)})`, stroke: "var(--line)" }),
          plot.text([x + size / 2, y + 14], `${value}`, ink),
          plot.text([x + size / 2, y + 29], `× ${readable(weight, 2)}`, ink),
        ];
      }),
    );
    return [
      plot.text(
        [left, top - 10],
        { ja: "窓の中：画素 × 重み", en: "in the window: pixel × weight" },
        { "text-anchor": "start" },
      ),
      cells,
      plot.text([218, top + 56], "＋ → ", { "font-size": 15 }),
      svg("rect", {
        x: 244,
        y: top + 34,
        width: 90,
        height: 34,
        fill: "none",
        stroke: plot.series(4),
        "stroke-width": 2,
      }),
      plot.text([289, top + 56], readable(total, 2), { "font-size": 15 }),
    ];
  }

  function draw(s) {
    const image = pixels();
    const kernel = widgets.filters.kernel(s);
    const { output, low, high, link } = convolved(kernel);
    photograph = photograph || drawn(image, grey);
    const total = output[s.row][s.column];
    const numbers = [
      {
        name: "sum",
        label: { ja: "窓の中の積の和（出力の画素）", en: "sum of the products (pixel of the output)" },
        value: total,
      },
      {
        name: "pixel",
        label: { ja: "窓の中央の画素（0～255）", en: "pixel in the middle of the window (0 to 255)" },
        value: image[s.row + 1][s.column + 1],
      },
      { name: "lowest", label: { ja: "出力の最小", en: "lowest of the output" }, value: low },
      { name: "highest", label: { ja: "出力の最大", en: "highest of the output" }, value: high },
    ];
    const picture = [
      plot.text([INPUT[0], 18], { ja: "入力 48 × 48", en: "input, 48 × 48" }, { "text-anchor": "start" }),
      plot.text([OUTPUT[0], 18], { ja: "出力 46 × 46", en: "output, 46 × 46" }, { "text-anchor": "start" }),
      shown(INPUT, photograph),
      shown(OUTPUT, link),
      frame(INPUT[0] + s.column * PIXEL, INPUT[1] + s.row * PIXEL, 3 * PIXEL),
      frame(OUTPUT[0] + s.column * PLACE, OUTPUT[1] + s.row * PLACE, PLACE),
      magnified(image, kernel, s.row, s.column, total),
    ];
    const sentence =
      Math.abs(total) < 30
        ? {
            ja: "ここでは、フィルターの探すものがほとんど見つかりません。",
            en: "Here is next to nothing of what the filter looks for.",
          }
        : {
            ja: `ここの出力は ${readable(total, 2)} です。`,
            en: `The output here is ${readable(total, 2)}.`,
          };
    return { picture, numbers, sentence };
  }

  // On both pictures the pointer takes the window along; keys move it pixel by pixel.
  const over = (name, label, [left, top], cell, middle) => ({
    name,
    label,
    x: "column",
    y: "row",
    follows: true,
    at: (s) => [left + (s.column + middle) * cell, top + (s.row + middle) * cell],
    to: ([x, y]) => ({ row: Math.round((y - top) / cell - middle), column: Math.round((x - left) / cell - middle) }),
    by: (right, up, s) => ({ row: s.row - up, column: s.column + right }),
    area: () => [left, top, SIDE, SIDE],
    shape: () => [svg("circle", { r: 5 })],
  });
  const handles = [
    over("window", { ja: "入力の窓（列、行）", en: "window on the input (column, row)" }, INPUT, PIXEL, 1.5),
    over("output", { ja: "出力の画素（列、行）", en: "pixel of the output (column, row)" }, OUTPUT, PLACE, 0.5),
  ];

  const description = {
    ja: "左の風景の上でポインターを動かす（指では触れる）と、その窓の画素と重みの積の和が、右の画素になります（0 は白、正は青、負は橙）。",
    en:
      "Move the pointer over the landscape, or tap it: the pixels in its window times the weights, added up, make " +
      "the pixel on the right (0 is white, blue above, orange below).",
  };
  widgets.register("photograph", widgets.pure({ size: [500, 396], description, controls, handles, draw }));
})();
