// A small trained network, live: draw a digit, and see every activation, the answer and the gradient to every pixel.
"use strict";

(() => {
  const { plot, svg, readable, fixed } = widgets;
  const LEVELS = "0123456789abcdefg"; // of a pixel, from 0 to 16
  const SIZE = 8;
  const MOST = LEVELS.length - 1;
  const trained = () => widgets.data.digit_network;
  const times = (count, make) => Array.from({ length: count }, (_, i) => make(i));

  const read = (pixels) => times(SIZE, (i) => times(SIZE, (j) => LEVELS.indexOf(pixels[SIZE * i + j]) / MOST));
  const written = (image) => image.flatMap((row) => row.map((value) => LEVELS[Math.round(value * MOST)])).join("");

  // Arrays are [row][column][channel], kernels [row][column][input channel][output channel], as in reference/.
  function conv({ kernel, bias }, image) {
    const window = kernel.length;
    const count = image.length - window + 1;
    const total = (row, column, k) => {
      let sum = 0;
      for (let i = 0; i < window; i += 1)
        for (let j = 0; j < window; j += 1) sum += image[row + i][column + j] * kernel[i][j][0][k];
      return sum + bias[k];
    };
    return times(count, (row) => times(count, (column) => bias.map((_, k) => total(row, column, k))));
  }
  const relu = (value) => Math.max(value, 0);
  // Windows of two by two; the first of equals wins.
  function pool(maps) {
    const winners = times(maps.length / 2, (row) =>
      times(maps.length / 2, (column) =>
        maps[0][0].map((_, k) => {
          let best = [2 * row, 2 * column];
          for (const [i, j] of [
            [0, 1],
            [1, 0],
            [1, 1],
          ]) {
            const place = [2 * row + i, 2 * column + j];
            if (maps[place[0]][place[1]][k] > maps[best[0]][best[1]][k]) best = place;
          }
          return best;
        }),
      ),
    );
    return { winners, pooled: winners.map((row) => row.map((all) => all.map(([i, j], k) => maps[i][j][k]))) };
  }
  const dense = ({ kernel, bias }, x) =>
    bias.map((b, k) => x.reduce((sum, value, i) => sum + value * kernel[i][k], 0) + b);
  // The gradient to the input of dense.
  const denseBack = ({ kernel }, cotangent) =>
    kernel.map((row) => row.reduce((sum, weight, k) => sum + weight * cotangent[k], 0));

  function softmax(logits) {
    const most = Math.max(...logits);
    const raised = logits.map((value) => Math.exp(value - most));
    const total = raised.reduce((sum, value) => sum + value, 0);
    return { shares: raised.map((value) => value / total), logTotal: most + Math.log(total) };
  }

  function forward(p, image) {
    const relu1 = conv(p.conv1, image).map((row) => row.map((all) => all.map(relu)));
    const { winners, pooled } = pool(relu1);
    const relu2 = dense(p.dense1, pooled.flat(2)).map(relu);
    const logits = dense(p.dense2, relu2);
    return { relu1, winners, pooled, relu2, logits, ...softmax(logits) };
  }

  // From p − t back to the pixels.
  function backward(p, v, target) {
    const logits_ct = v.shares.map((share, k) => share - (k === target ? 1 : 0));
    const hidden_ct = denseBack(p.dense2, logits_ct).map((value, i) => (v.relu2[i] > 0 ? value : 0));
    const pooled_ct = denseBack(p.dense1, hidden_ct);
    const kernel = p.conv1.kernel;
    const pixels_ct = times(SIZE, () => times(SIZE, () => 0));
    v.winners.flat(2).forEach(([row, column], n) => {
      const k = n % p.conv1.bias.length;
      if (!(v.relu1[row][column][k] > 0)) return;
      for (let i = 0; i < kernel.length; i += 1)
        for (let j = 0; j < kernel.length; j += 1) pixels_ct[row + i][column + j] += pooled_ct[n] * kernel[i][j][0][k];
    });
    return pixels_ct;
  }

  const range = (name, label, max, value) => ({ kind: "range", name, label, min: 0, max, step: 1, value });
  const controls = () => [
    {
      kind: "text",
      name: "pixels",
      value: trained().examples[3],
      pattern: /^[0-9a-g]{64}$/,
    },
    {
      kind: "actions",
      label: { ja: "テスト画像の例", en: "digits of the test set" },
      options: trained().examples.map((pixels, digit) => ({ label: String(digit), sets: { pixels } })),
    },
    {
      kind: "actions",
      label: { ja: "自分で描く", en: "draw your own" },
      options: [{ label: { ja: "消す", en: "Clear" }, sets: { pixels: "0".repeat(SIZE * SIZE) } }],
    },
    range("target", { ja: "正解 t", en: "target t" }, 9, 3),
    range("pen_column", { ja: "ペンの列", en: "column of the pen" }, SIZE - 1, 3),
    range("pen_row", { ja: "ペンの行", en: "row of the pen" }, SIZE - 1, 3),
  ];

  const PAPER = [8, 26, 184]; // left, top, size
  const CELL = PAPER[2] / SIZE;
  const middle = (row, column) => [PAPER[0] + (column + 0.5) * CELL, PAPER[1] + (row + 0.5) * CELL];

  // A stroke covers what lies within the pen's width; a pixel counts sixteen points of it, as those who made the data
  // set counted.
  function stroked(pixels, from, to) {
    const [[x0, y0], [x1, y1]] = [from, to].map(([x, y]) => [(x - PAPER[0]) / CELL, (y - PAPER[1]) / CELL]);
    const square = (x1 - x0) ** 2 + (y1 - y0) ** 2;
    const near = (x, y) => {
      const share = square ? Math.max(0, Math.min(1, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / square)) : 0;
      return Math.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0)) < 0.62;
    };
    const covered = (row, column) =>
      times(16, (n) => near(column + ((n % 4) + 0.5) / 4, row + (Math.floor(n / 4) + 0.5) / 4)).filter(Boolean).length;
    return written(
      read(pixels).map((line, row) => line.map((value, column) => Math.max(value, covered(row, column) / MOST))),
    );
  }

  function cells(values, left, top, size, style, quantity) {
    return values.flatMap((line, i) =>
      line.map((value, j) => {
        const told = { "data-quantity": `${quantity}_${i}_${j}`, "data-value": value };
        const box = { x: left + j * size, y: top + i * size, width: size, height: size };
        return svg("rect", { ...box, ...style(value), ...told, stroke: plot.line, "stroke-width": 0.5 });
      }),
    );
  }
  const strong = (value, most) => ({
    fill: plot.series(value < 0 ? 2 : 1),
    "fill-opacity": fixed(most > 0 ? 0.9 * Math.min(1, Math.abs(value) / most) : 0, 3),
  });
  const named = (x, y, text) => plot.text([x, y], text, { "text-anchor": "start" });
  const channel = (maps, k) => maps.map((row) => row.map((all) => all[k]));

  function layers(v) {
    const left = 212;
    const [most1, most2] = [Math.max(...v.relu1.flat(2)), Math.max(...v.relu2)];
    return [
      named(left, 18, { ja: "conv1, relu1：6 × 6 が 8 枚", en: "conv1, relu1: 8 of 6 × 6" }),
      times(8, (k) =>
        cells(
          channel(v.relu1, k),
          left + 72 * (k % 4),
          26 + 66 * Math.floor(k / 4),
          10,
          (x) => strong(x, most1),
          `relu1_${k}`,
        ),
      ),
      named(left, 172, { ja: "pool1：3 × 3 が 8 枚", en: "pool1: 8 of 3 × 3" }),
      times(8, (k) => cells(channel(v.pooled, k), left + 35.5 * k, 180, 10, (x) => strong(x, most1), `pool1_${k}`)),
      named(left, 232, { ja: "dense1, relu2：32 個", en: "dense1, relu2: 32" }),
      cells([v.relu2.slice(0, 16), v.relu2.slice(16)], left, 240, 17, (x) => strong(x, most2), "relu2"),
    ];
  }

  function answers(v, answer, target) {
    const [left, top, height] = [212, 318, 78];
    return [
      named(left, 298, { ja: "softmax の確率（□ は正解 t）", en: "probabilities by softmax (□: target t)" }),
      v.shares.map((share, digit) => {
        const x = left + 28.5 * digit;
        const bar = { x: x + 3, y: top + height * (1 - share), width: 20, height: height * share };
        return [
          svg("rect", { ...bar, fill: plot.series(digit === answer ? 4 : 1) }),
          svg("line", { x1: x, x2: x + 26, y1: top + height, y2: top + height, stroke: plot.muted }),
          plot.text([x + 13, top + height + 17], String(digit), { "font-size": 14 }),
          digit === target
            ? svg("rect", { x: x + 2, y: top + height + 3, width: 22, height: 19, fill: "none", stroke: plot.ink })
            : null,
        ];
      }),
    ];
  }

  function draw(s) {
    const image = read(s.pixels);
    const p = trained().params;
    const v = forward(p, image);
    const back = backward(p, v, s.target);
    const answer = v.shares.indexOf(Math.max(...v.shares));
    const steepest = Math.max(...back.flat().map(Math.abs));
    const [left, top] = PAPER;
    const under = { row: s.pen_row, column: s.pen_column };
    const numbers = [
      { name: "answer", label: { ja: "予測", en: "prediction" }, value: answer },
      {
        name: "loss",
        label: { ja: "損失（正解 t のとき）", en: "loss, for the target t" },
        value: v.logTotal - v.logits[s.target],
      },
      {
        name: "pixel",
        label: { ja: "ペンの下の画素", en: "pixel under the pen" },
        value: image[under.row][under.column],
      },
      {
        name: "pixel_ct",
        label: { ja: "その画素への損失の勾配", en: "gradient of the loss to it" },
        value: back[under.row][under.column],
      },
      ...v.shares.map((value, digit) => ({
        name: `p${digit}`,
        label: { ja: `${digit} の確率`, en: `probability of ${digit}` },
        value,
      })),
    ];
    const picture = [
      named(left, 18, { ja: "入力：ここに描く", en: "input: draw here" }),
      cells(image, left, top, CELL, (value) => ({ fill: plot.ink, "fill-opacity": fixed(value, 3) }), "x"),
      layers(v),
      named(left, 232, { ja: "画素ごとの損失の勾配", en: "gradient of the loss by pixel" }),
      cells(back, left, 240, CELL, (value) => strong(value, steepest), "x_ct"),
      svg("rect", { ...PEN_MARK, x: left + under.column * CELL, y: 240 + under.row * CELL }),
      answers(v, answer, s.target),
    ];
    const share = fixed(100 * v.shares[answer], 1);
    const sentence = {
      ja: `${answer} と読みました（${share} %）。勾配が青い画素は、薄くすると正解 ${s.target} に近づきます。橙は、濃くすると近づきます。`,
      en:
        `It reads a ${answer} (${share} %). Blue pixels of the gradient, made fainter, bring it closer to ` +
        `${s.target}; orange ones, made darker.`,
    };
    return { picture, numbers, sentence };
  }
  const PEN_MARK = { width: CELL, height: CELL, fill: "none", stroke: plot.ink, "stroke-width": 1.5 };

  const toggled = ({ pixels, pen_row, pen_column }) => {
    const image = read(pixels);
    image[pen_row][pen_column] = image[pen_row][pen_column] > 0.5 ? 0 : 1;
    return { pixels: written(image) };
  };
  const handles = [
    {
      name: "pen",
      label: {
        ja: "ペン（列、行）。Enter で画素を塗る、消す",
        en: "pen (column, row); Enter fills a pixel or clears it",
      },
      x: "pen_column",
      y: "pen_row",
      at: (s) => middle(s.pen_row, s.pen_column),
      to: ([x, y]) => ({ pen_column: Math.floor((x - PAPER[0]) / CELL), pen_row: Math.floor((y - PAPER[1]) / CELL) }),
      by: (right, up, s) => ({ pen_column: s.pen_column + right, pen_row: s.pen_row - up }),
      area: () => [PAPER[0], PAPER[1], PAPER[2], PAPER[2]],
      stroke: (from, to, s) => ({ pixels: stroked(s.pixels, from, to) }),
      press: toggled,
      shape: () => [svg("circle", { r: 6 })],
    },
  ];

  const description = {
    ja:
      "このページのネットワークそのものです。8 × 8 の枠に、大きく数字を描いてください" +
      "（キーでは矢印でペンを動かし、Enter で塗ります）。" +
      "青は正、橙は負で、濃いほど大きい値です。",
    en:
      "The very network of this page. Draw a large digit into the frame of 8 × 8 (with keys: arrows move the pen, " +
      "Enter fills). Blue is positive, orange negative, stronger for larger.",
  };
  const mount = (element, state) =>
    widgets.pure({ size: [500, 430], description, controls: controls(), handles, draw }).mount(element, state);
  widgets.register("digit_network", { mount });
})();
