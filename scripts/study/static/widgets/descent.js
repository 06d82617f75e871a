// Gradient descent on contours: where the path goes for a learning rate, a start and a number of steps.
"use strict";

(() => {
  const { plot } = widgets;
  const H = 1e-4;

  const SURFACES = Object.fromEntries(["bowl", "valleys"].map((name) => [name, widgets.surfaces[name]]));

  // Central differences, as in reference/calculus.py.
  function partial(f, x, y, dx, dy) {
    const taken = dx ? x + H - (x - H) : y + H - (y - H);
    return (f(x + dx * H, y + dy * H) - f(x - dx * H, y - dy * H)) / taken;
  }
  const gradient = (f, [x, y]) => [partial(f, x, y, 1, 0), partial(f, x, y, 0, 1)];

  function descend(f, start, rate, steps) {
    const path = [start];
    for (let step = 0; step < steps; step += 1) {
      const [x, y] = path[step];
      const [gx, gy] = gradient(f, [x, y]);
      path.push([x - rate * gx, y - rate * gy]);
    }
    return path;
  }

  const controls = [
    {
      kind: "choice",
      name: "surface",
      value: "bowl",
      label: { ja: "関数", en: "function" },
      options: Object.entries(SURFACES).map(([value, { label }]) => ({ value, label })),
    },
    {
      kind: "range",
      name: "learning_rate",
      label: { ja: "学習率", en: "learning rate" },
      min: 0.02,
      max: 1.1,
      step: 0.02,
      value: 0.3,
      show: (v) => v.toFixed(2),
    },
    { kind: "range", name: "steps", label: { ja: "更新の回数", en: "steps" }, min: 0, max: 50, step: 1, value: 15 },
    { kind: "player", of: "steps", every: 150 },
    {
      kind: "range",
      name: "start_0",
      label: { ja: "出発点 x₀", en: "start x₀" },
      min: -4.5,
      max: 4.5,
      step: 0.25,
      value: -4,
      show: (v) => widgets.readable(v, 2),
    },
    {
      kind: "range",
      name: "start_1",
      label: { ja: "出発点 x₁", en: "start x₁" },
      min: -2.5,
      max: 2.5,
      step: 0.25,
      value: 2,
      show: (v) => widgets.readable(v, 2),
    },
  ];

  const place = plot.frame({ x: [-5, 5], y: [-3, 3], box: [44, 30, 420, 252] });
  const axes = () =>
    plot.axes(place, {
      xTicks: [-4, -2, 0, 2, 4].map((v) => [v, String(v).replace("-", "−")]),
      yTicks: [-2, 0, 2].map((v) => [v, String(v).replace("-", "−")]),
      xLabel: "x₀",
      yLabel: "x₁",
    });

  function picture({ f, levels, formula }, path) {
    const end = path[path.length - 1];
    const dots = path.map((point) => plot.dot(place, point, { r: 3, fill: plot.series(2) }));
    return [
      axes(),
      plot.text([464, 20], formula, { "text-anchor": "end" }),
      plot.clipped(
        place,
        plot.contours(place, f, levels),
        plot.curve(place, path, { stroke: plot.series(2), "stroke-width": 1.6 }),
        dots,
        plot.dot(place, path[0], { r: 6, fill: "var(--paper)", stroke: plot.series(2), "stroke-width": 2 }),
        plot.dot(place, end, { r: 6, fill: plot.series(1) }),
      ),
    ];
  }

  function verdict(path, values) {
    const [first, last] = [values[0], values[values.length - 1]];
    if (path.length === 1) return { ja: "まだ1歩も進んでいません。", en: "No step has been taken yet." };
    if (last > first)
      return {
        ja: "学習率が大きすぎて、値が増えていきます。",
        en: "The learning rate is too large: the value grows.",
      };
    const crossings = path.slice(1).filter(([, y], i) => y * path[i][1] < 0).length;
    if (crossings > 2)
      return {
        ja: "谷をまたいで行ったり来たりしながら下ります。",
        en: "It goes down, but swings from side to side of the valley.",
      };
    return { ja: "値が下がる向きに進みます。", en: "It goes down." };
  }

  function draw({ surface, learning_rate: rate, steps, start_0, start_1 }) {
    const chosen = SURFACES[surface];
    const path = descend(chosen.f, [start_0, start_1], rate, steps);
    const values = path.map(([x, y]) => chosen.f(x, y));
    const [x, y] = path[steps];
    const [gx, gy] = gradient(chosen.f, path[steps]);
    const numbers = [
      { name: "x0", label: { ja: "終点 x₀", en: "end x₀" }, value: x },
      { name: "x1", label: { ja: "終点 x₁", en: "end x₁" }, value: y },
      { name: "f_start", label: { ja: "出発点での f", en: "f at the start" }, value: values[0] },
      { name: "f_end", label: { ja: "終点での f", en: "f at the end" }, value: values[steps] },
      { name: "gradient_0", label: { ja: "終点での ∂f/∂x₀", en: "∂f/∂x₀ at the end" }, value: gx },
      { name: "gradient_1", label: { ja: "終点での ∂f/∂x₁", en: "∂f/∂x₁ at the end" }, value: gy },
    ];
    return { picture: picture(chosen, path), numbers, sentence: verdict(path, values) };
  }

  const start = { ja: "出発点 (x₀, x₁)", en: "start (x₀, x₁)" };
  const handles = [widgets.hold.point(place, { name: "start", label: start, x: "start_0", y: "start_1" })];

  const description = {
    ja: "輪から青い丸まで、勾配と逆の向きに1歩ずつ進む道です。輪をつかむと、出発点を動かせます。細い線は f の等高線です。",
    en:
      "The path from the ring to the blue dot, each step against the gradient. Take the ring to move the start. Thin " +
      "lines are contours of f.",
  };
  widgets.register("descent", widgets.pure({ size: [480, 326], description, controls, handles, draw }));
})();
