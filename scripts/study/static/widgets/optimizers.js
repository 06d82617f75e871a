// Two optimizers side by side, from one start: each of the eight, step for step as in reference/optimizers.py.
"use strict";

(() => {
  const { plot, readable, surfaces } = widgets;
  const each = (rule, ...vectors) => vectors[0].map((_, i) => rule(...vectors.map((vector) => vector[i])));
  const NONE = [0, 0];

  // An optimizer takes (rate, point, gradient, state, t), t counting from 1, and returns [point, state].
  const sgd = (rate, p, g, state) => [each((a, b) => a - rate * b, p, g), state];
  function momentum(rate, p, g, v = NONE) {
    const velocity = each((a, b) => 0.9 * a + b, v, g);
    return [each((a, b) => a - rate * b, p, velocity), velocity];
  }
  function nesterov(rate, p, g, v = NONE) {
    const velocity = each((a, b) => 0.9 * a + b, v, g);
    return [each((a, b, c) => a - rate * (b + 0.9 * c), p, g, velocity), velocity];
  }
  const scaled = (rate, p, g, squares) => each((a, b, c) => a - (rate * b) / Math.sqrt(c + 1e-7), p, g, squares);
  function adagrad(rate, p, g, s = NONE) {
    const squares = each((a, b) => a + b * b, s, g);
    return [scaled(rate, p, g, squares), squares];
  }
  function rmsprop(rate, p, g, s = NONE) {
    const squares = each((a, b) => 0.99 * a + (1 - 0.99) * b * b, s, g);
    return [scaled(rate, p, g, squares), squares];
  }
  const adamWith = (decay) => (rate, p, g, state, t) => {
    const [m, v] = state || [NONE, NONE];
    const mean = each((a, b) => 0.9 * a + (1 - 0.9) * b, m, g);
    const square = each((a, b) => 0.999 * a + (1 - 0.999) * b * b, v, g);
    const [share1, share2] = [1 - 0.9 ** t, 1 - 0.999 ** t];
    const moved = (a, b, c) => a - rate * (b / share1 / (Math.sqrt(c / share2) + 1e-8) + decay * a);
    return [each(moved, p, mean, square), [mean, square]];
  };
  // The point as a kernel of two inputs and one output: five steps of Newton and Schulz leave of it its direction.
  function orthogonal(kernel) {
    const length = Math.sqrt(kernel[0] * kernel[0] + kernel[1] * kernel[1]) + 1e-8;
    let x = kernel.map((value) => value / length);
    for (let step = 0; step < 5; step += 1) {
      const square = x[0] * x[0] + x[1] * x[1];
      x = x.map((value) => 3.4445 * value + (-4.775 * square + 2.0315 * square * square) * value);
    }
    return x;
  }
  function muon(rate, p, g, m = NONE, t = 1) {
    const mean = each((a, b) => 0.95 * a + (1 - 0.95) * b, m, g);
    const [share, next] = [1 - 0.95 ** t, 1 - 0.95 ** (t + 1)];
    const ahead = each((a, b) => (0.95 * a) / next + ((1 - 0.95) * b) / share, mean, g);
    return [each((a, b) => a - rate * b, p, orthogonal(ahead)), mean];
  }

  // With a rate that suits each on the bowl.
  const OPTIMIZERS = {
    sgd: { step: sgd, rate: 0.9 },
    momentum: { step: momentum, rate: 0.1 },
    nesterov: { step: nesterov, rate: 0.1 },
    adagrad: { step: adagrad, rate: 1 },
    rmsprop: { step: rmsprop, rate: 0.1 },
    adam: { step: adamWith(0), rate: 0.3 },
    adamw: { step: adamWith(0.05), rate: 0.3 },
    muon: { step: muon, rate: 0.2 },
  };
  const RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1, 1.5];

  function walk(surface, name, rate, start, steps) {
    const path = [start];
    let state;
    for (let t = 1; t <= steps; t += 1) {
      const here = path[t - 1];
      const [point, kept] = OPTIMIZERS[name].step(rate, here, surface.gradient(here), state, t);
      state = kept;
      path.push(point);
    }
    return path;
  }

  const SIDES = ["left", "right"];
  const FIRST = { left: "sgd", right: "adam" };
  const LABELS = { left: { ja: "左", en: "left" }, right: { ja: "右", en: "right" } };
  const both = (side, ja, en) => ({ ja: `${LABELS[side].ja}：${ja}`, en: `${LABELS[side].en}: ${en}` });
  const range = (name, label, min, max, step, value, more) => ({
    kind: "range",
    name,
    label,
    min,
    max,
    step,
    value,
    ...more,
  });
  const chosen = (side) => [
    {
      kind: "choice",
      name: side,
      value: FIRST[side],
      label: both(side, "最適化の手法", "optimizer"),
      options: Object.entries(OPTIMIZERS).map(([value, { rate }]) => ({
        value,
        label: value,
        sets: { [`${side}_rate`]: RATES.indexOf(rate) },
      })),
    },
    range(
      `${side}_rate`,
      both(side, "学習率", "learning rate"),
      0,
      RATES.length - 1,
      1,
      RATES.indexOf(OPTIMIZERS[FIRST[side]].rate),
      {
        read: (index) => RATES[index],
        show: (rate) => String(rate),
      },
    ),
  ];
  const two = (v) => readable(v, 2);
  const controls = [
    ...SIDES.flatMap(chosen),
    range("steps", { ja: "更新の回数", en: "steps" }, 0, 60, 1, 40),
    { kind: "player", of: "steps", every: 150 },
    {
      kind: "choice",
      name: "surface",
      value: "bowl",
      label: { ja: "関数", en: "function" },
      options: ["bowl", "valleys"].map((value) => ({ value, label: surfaces[value].label })),
    },
    range("start_0", { ja: "出発点 x₀", en: "start x₀" }, -4.5, 4.5, 0.25, -4, { show: two }),
    range("start_1", { ja: "出発点 x₁", en: "start x₁" }, -2.5, 2.5, 0.25, 2, { show: two }),
  ];

  const PLANES = {
    left: plot.frame({ x: [-5, 5], y: [-3, 3], box: [30, 44, 220, 132] }),
    right: plot.frame({ x: [-5, 5], y: [-3, 3], box: [272, 44, 220, 132] }),
  };
  const COLOURS = { left: 2, right: 3 };
  const minus = (v) => [v, String(v).replace("-", "−")];

  // A step is a circle on the left and a square on the right.
  function mark(side, [x, y], size, style) {
    if (side === "left") return widgets.svg("circle", { cx: x, cy: y, r: size, ...style });
    return widgets.svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, ...style });
  }
  const near = (point) => point.every((value) => Math.abs(value) < 1e4);

  function plane(side, surface, s, path) {
    const [place, colour] = [PLANES[side], plot.series(COLOURS[side])];
    const placed = (point) => [place.x(point[0]), place.y(point[1])];
    const seen = path.filter(near);
    return [
      plot.axes(place, { xTicks: [-4, 0, 4].map(minus), yTicks: side === "left" ? [-2, 0, 2].map(minus) : [] }),
      plot.text([place.box[0] + 110, 36], `${s[side]}, η = ${s[`${side}_rate`]}`),
      plot.clipped(
        place,
        plot.contours(place, surface.f, surface.levels, 40),
        plot.curve(place, path, { stroke: colour, "stroke-width": 1.4 }),
        seen.map((point) => mark(side, placed(point), 2.4, { fill: colour })),
        near(path.at(-1)) ? mark(side, placed(path.at(-1)), 5.5, { fill: plot.series(1) }) : null,
      ),
    ];
  }

  function heights(s, surface, values) {
    const low = Math.min(0, 1.5 * surface.levels[0]);
    const high = Math.max(values.left[0], low + 0.5);
    const place = plot.frame({ x: [0, Math.max(1, s.steps)], y: [low, high * 1.05], box: [44, 222, 448, 96] });
    const ticks = [0, Math.round(s.steps / 2), s.steps].filter((v, i, all) => all.indexOf(v) === i);
    return [
      plot.axes(place, {
        xTicks: ticks.map((v) => [v, String(v)]),
        yTicks: [0, values.left[0]].filter((v, i) => i === 0 || v > 0.2).map((v) => [v, readable(v, 1)]),
        xLabel: { ja: "更新の回数", en: "steps" },
        yLabel: { ja: "f の値", en: "value of f" },
      }),
      plot.clipped(
        place,
        SIDES.map((side) => [
          plot.curve(
            place,
            values[side].map((v, i) => [i, v]),
            { stroke: plot.series(COLOURS[side]), "stroke-width": 1.6 },
          ),
          values[side]
            .map((v, i) => [i, v])
            .filter(([i, v]) => i % 2 === 0 && Math.abs(v) < 1e4)
            .map(([i, v]) => mark(side, [place.x(i), place.y(v)], 2.4, { fill: plot.series(COLOURS[side]) })),
        ]),
      ),
    ];
  }

  function verdict(s, values) {
    const ends = SIDES.map((side) => values[side].at(-1));
    if (ends.some((value) => !(value <= values.left[0]))) {
      return { ja: "値が増えています。学習率が大きすぎます。", en: "A value grows: that learning rate is too large." };
    }
    if (ends[0] === ends[1]) return { ja: "どちらも同じ値です。", en: "Both have the same value." };
    const lower = ends[0] < ends[1] ? "left" : "right";
    return {
      ja: `${s.steps} 回の後は、${LABELS[lower].ja}の ${s[lower]} のほうが低いところにいます。`,
      en: `After ${s.steps} steps ${s[lower]}, on the ${LABELS[lower].en}, is lower.`,
    };
  }

  function draw(s) {
    const surface = surfaces[s.surface];
    const start = [s.start_0, s.start_1];
    const paths = {},
      values = {};
    for (const side of SIDES) {
      paths[side] = walk(surface, s[side], s[`${side}_rate`], start, s.steps);
      values[side] = paths[side].map(([x, y]) => surface.f(x, y));
    }
    const numbers = SIDES.flatMap((side) => [
      { name: `${side}_0`, label: both(side, "終点 x₀", "end x₀"), value: paths[side].at(-1)[0] },
      { name: `${side}_1`, label: both(side, "終点 x₁", "end x₁"), value: paths[side].at(-1)[1] },
      { name: `${side}_f`, label: both(side, "終点での f", "f at the end"), value: values[side].at(-1) },
    ]);
    numbers.push({ name: "f_start", label: { ja: "出発点での f", en: "f at the start" }, value: values.left[0] });
    const picture = [
      plot.text([492, 14], surface.formula, { "text-anchor": "end" }),
      SIDES.map((side) => plane(side, surface, s, paths[side])),
      heights(s, surface, values),
    ];
    return { picture, numbers, sentence: verdict(s, values) };
  }

  const handles = SIDES.map((side) =>
    widgets.hold.point(PLANES[side], {
      name: `start_${side}`,
      label: both(side, "出発点 (x₀, x₁)", "start (x₀, x₁)"),
      x: "start_0",
      y: "start_1",
      shape: () => [widgets.svg("circle", { r: 6 })],
    }),
  );

  const description = {
    ja:
      "同じ出発点（輪をつかんで動かせます）から、2つの手法で下ります。青が終点です。下のグラフは f の値です。" +
      "muon は (x₀, x₁) を 2×1 のカーネルとみなし、歩幅はほぼ学習率そのものです。",
    en:
      "Two optimizers go down from one start (take the ring and move it) to the blue marks; below, the value of f. " +
      "muon takes (x₀, x₁) for a kernel of 2 × 1: its steps are nearly as long as the learning rate.",
  };
  widgets.register("optimizers", widgets.pure({ size: [500, 360], description, controls, handles, draw }));
})();
