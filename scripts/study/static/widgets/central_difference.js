// The step h against the error of the forward and the central difference, in float64 and float32.
"use strict";

(() => {
  const { plot, readable, superscript } = widgets;
  const single = Math.fround;
  const double = (value) => value;

  // Sums, products, quotients and square roots only: these every machine rounds alike, so the errors are Python's too.
  const FUNCTIONS = {
    root: {
      label: "√x",
      value: (x, to) => to(Math.sqrt(x)),
      slope: (x) => 0.5 / Math.sqrt(x),
    },
    reciprocal: {
      label: "1 / x",
      value: (x, to) => to(1 / x),
      slope: (x) => -1 / (x * x),
    },
    cube: {
      label: "x³",
      value: (x, to) => to(to(x * x) * x),
      slope: (x) => 3 * (x * x),
    },
  };

  // 1, 2 and 5 times powers of ten, from 0.1 down to 1e-15, read from their decimal form: exactly Python's numbers.
  const STEPS = [Number("1e-1")];
  for (let exponent = 2; exponent <= 15; exponent += 1) {
    for (const digit of [5, 2, 1]) STEPS.push(Number(`${digit}e-${exponent}`));
  }

  function central(f, x, h, to) {
    const [after, before] = [to(to(x) + to(h)), to(to(x) - to(h))];
    return to(to(f.value(after, to) - f.value(before, to)) / to(after - before));
  }
  function forward(f, x, h, to) {
    const [after, here] = [to(to(x) + to(h)), to(x)];
    return to(to(f.value(after, to) - f.value(here, to)) / to(after - here));
  }

  const KINDS = [
    {
      name: "central_float64",
      rule: central,
      to: double,
      colour: 1,
      label: { ja: "中心差分 float64", en: "central, float64" },
    },
    {
      name: "forward_float64",
      rule: forward,
      to: double,
      colour: 2,
      label: { ja: "前方差分 float64", en: "forward, float64" },
    },
    {
      name: "central_float32",
      rule: central,
      to: single,
      colour: 6,
      label: { ja: "中心差分 float32", en: "central, float32" },
    },
    {
      name: "forward_float32",
      rule: forward,
      to: single,
      colour: 4,
      label: { ja: "前方差分 float32", en: "forward, float32" },
    },
  ];
  // In float32, x itself may be rounded; its own derivative is what the difference is after.
  const error = (kind, f, x, h) => Math.abs(kind.rule(f, x, h, kind.to) - f.slope(kind.to(x)));

  const controls = [
    {
      kind: "choice",
      name: "f",
      value: "root",
      label: { ja: "関数", en: "function" },
      options: Object.entries(FUNCTIONS).map(([value, { label }]) => ({ value, label })),
    },
    { kind: "range", name: "x", label: { ja: "点 x", en: "point x" }, min: 0.5, max: 5, step: 0.25, value: 3 },
    {
      kind: "range",
      name: "h",
      label: { ja: "刻み幅 h（右ほど小さい）", en: "step h (smaller to the right)" },
      min: 0,
      max: STEPS.length - 1,
      step: 1,
      value: STEPS.indexOf(1e-4),
      read: (index) => STEPS[index],
    },
  ];

  const power = (exponent) => `10${superscript(String(exponent))}`;
  const place = plot.frame({ x: [-1, -15], y: [-16, 2], box: [58, 34, 410, 250] });
  const FLOOR = 1e-16; // an error of exactly 0 has no logarithm: it is drawn on the floor

  // float64 is round and float32 is square: told apart without colour, too.
  function shape(kind, [x, y], size) {
    const style = {
      fill: plot.series(kind.colour),
      stroke: "var(--paper)",
      "stroke-width": 1,
      "data-shape": kind.name,
    };
    if (kind.to === double) return widgets.svg("circle", { cx: x, cy: y, r: size, ...style });
    return widgets.svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, ...style });
  }
  const mark = (kind, [x, y], size) => (Number.isFinite(y) ? shape(kind, [place.x(x), place.y(y)], size) : null);

  function picture(f, x, h) {
    const lines = KINDS.flatMap((kind) => {
      const points = STEPS.map((step) => [Math.log10(step), Math.log10(Math.max(FLOOR, error(kind, f, x, step)))]);
      const dash = kind.rule === forward ? "5 4" : undefined;
      const marks = points.filter((_, i) => i % 3 === 0).map((point) => mark(kind, point, 3));
      return [plot.curve(place, points, { stroke: plot.series(kind.colour), "stroke-dasharray": dash }), ...marks];
    });
    const dots = KINDS.map((kind) => {
      const e = error(kind, f, x, h);
      if (Number.isNaN(e)) return null;
      return mark(kind, [Math.log10(h), Math.log10(Math.max(FLOOR, e))], 6);
    });
    const here = Math.log10(h);
    const marker = plot.curve(
      place,
      [
        [here, -16],
        [here, 2],
      ],
      { stroke: plot.ink, "stroke-width": 1 },
    );
    const names = KINDS.map((kind, i) => {
      const [left, top] = [70 + (i % 2) * 205, 346 + Math.floor(i / 2) * 20];
      const swatch = {
        x1: left,
        x2: left + 26,
        y1: top - 4,
        y2: top - 4,
        stroke: plot.series(kind.colour),
        "stroke-width": 3,
      };
      const dash = kind.rule === forward ? "5 4" : undefined;
      return [
        widgets.svg("line", { ...swatch, "stroke-dasharray": dash }),
        shape(kind, [left + 13, top - 4], 4.5),
        plot.text([left + 34, top], kind.label, { "text-anchor": "start" }),
      ];
    });
    const axes = plot.axes(place, {
      xTicks: [-1, -3, -5, -7, -9, -11, -13, -15].map((e) => [e, power(e)]),
      yTicks: [-16, -12, -8, -4, 0].map((e) => [e, power(e)]),
      xLabel: { ja: "刻み幅 h", en: "step h" },
      yLabel: { ja: "誤差", en: "error" },
    });
    return [axes, plot.clipped(place, marker, lines, dots), names];
  }

  function draw({ f: name, x, h }) {
    const f = FUNCTIONS[name];
    const numbers = [
      { name: "h", label: { ja: "刻み幅 h", en: "step h" }, value: h },
      { name: "derivative", label: { ja: "正しい微分 f′(x)", en: "true derivative f′(x)" }, value: f.slope(x) },
    ];
    for (const kind of KINDS) {
      const value = kind.rule(f, x, h, kind.to);
      numbers.push({ name: kind.name, label: kind.label, value });
      const label = { ja: `その誤差（${kind.label.ja}）`, en: `its error (${kind.label.en})` };
      numbers.push({ name: `${kind.name}_error`, label, value: error(kind, f, x, h) });
    }
    const best = (kind) =>
      STEPS.reduce((least, step) => (error(kind, f, x, step) < error(kind, f, x, least) ? step : least));
    const [wide, narrow] = [best(KINDS[0]), best(KINDS[2])];
    numbers.push({
      name: "best_h_float64",
      label: { ja: "誤差が最小の h（中心差分 float64）", en: "h of least error (central, float64)" },
      value: wide,
    });
    numbers.push({
      name: "best_h_float32",
      label: { ja: "誤差が最小の h（中心差分 float32）", en: "h of least error (central, float32)" },
      value: narrow,
    });
    const lost = Number.isNaN(central(f, x, h, single));
    const lucky = KINDS.some((kind) => error(kind, f, x, h) === 0);
    const luck = {
      ja: "誤差がたまたまちょうど 0 になりました。図では下の端に描いています。",
      en: "By luck an error is exactly 0; it is drawn on the lower edge.",
    };
    const sentence = lost
      ? {
          ja: `h = ${readable(h)} は float32 では小さすぎて、x + h が x と同じ数になります。`,
          en: `h = ${readable(h)} is too small for float32: x + h is the same number as x.`,
        }
      : lucky
        ? luck
        : {
            ja: "左では打ち切り誤差が、右では丸め誤差が大きくなります。",
            en: "On the left truncation error is large, on the right rounding error.",
          };
    return { picture: picture(f, x, h), numbers, sentence };
  }

  const nearest = (power) =>
    STEPS.reduce(
      (best, h, i) => (Math.abs(Math.log10(h) - power) < Math.abs(Math.log10(STEPS[best]) - power) ? i : best),
      0,
    );
  const handles = [
    {
      name: "h",
      label: { ja: "刻み幅 h の線", en: "line of the step h" },
      x: "h",
      at: ({ h }) => [place.x(Math.log10(h)), place.box[1]],
      to: ([left]) => ({ h: nearest(place.toX(left)) }),
      area: () => place.box,
    },
  ];

  const description = {
    ja: "刻み幅 h の線をつかんで動かすと、数値微分の誤差が V 字の曲線の上を動きます。丸は float64、四角は float32 です。",
    en:
      "Take the line of the step h and move it: the error of the numerical derivative runs along a curve shaped like " +
      "a V. Circles are float64, squares float32.",
  };
  widgets.register("central_difference", widgets.pure({ size: [496, 384], description, controls, handles, draw }));
})();
