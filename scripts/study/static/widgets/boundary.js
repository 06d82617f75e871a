// Weights and bias of a sigmoid: where its decision boundary runs, and how probable it makes each point.
"use strict";

(() => {
  const { plot, svg, readable } = widgets;

  // x₁, x₂ and the class; the static picture draws the same ones.
  const POINTS = [
    [0.2, 0.4, 0],
    [0.9, -0.3, 0],
    [-0.4, 1.0, 0],
    [1.1, 0.7, 0],
    [0.4, 1.4, 0],
    [-0.6, -0.2, 0],
    [1.5, -0.5, 0],
    [0.8, 1.9, 0],
    [2.4, 1.2, 1],
    [1.6, 2.2, 1],
    [2.9, 0.6, 1],
    [2.2, 2.6, 1],
    [3.1, 1.9, 1],
    [1.2, 2.9, 1],
    [2.7, 2.2, 1],
    [1.8, 1.5, 1],
  ];

  // On the boundary z is 0 but for what rounding leaves: all numbers are multiples of 0.01.
  const ROUNDING = 1e-9;

  const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
  // The cross-entropy from z itself, because the logarithm of a saturated sigmoid would be infinite.
  const crossEntropy = (z, target) => Math.max(z, 0) - z * target + Math.log1p(Math.exp(-Math.abs(z)));

  const two = (value) => readable(value, 2);
  const controls = [
    {
      kind: "range",
      name: "w1",
      label: { ja: "重み w₁", en: "weight w₁" },
      min: -3,
      max: 3,
      step: 0.1,
      value: 1,
      show: two,
    },
    {
      kind: "range",
      name: "w2",
      label: { ja: "重み w₂", en: "weight w₂" },
      min: -3,
      max: 3,
      step: 0.1,
      value: 1,
      show: two,
    },
    {
      kind: "range",
      name: "b",
      label: { ja: "バイアス b", en: "bias b" },
      min: -8,
      max: 8,
      step: 0.1,
      value: -1.5,
      show: two,
    },
  ];

  const plane = plot.frame({ x: [-1, 4], y: [-1, 4], box: [40, 30, 240, 240] });
  const curvePlace = plot.frame({ x: [-8, 8], y: [0, 1], box: [326, 30, 140, 240] });
  const label = (v) => [v, String(v).replace("-", "−")];

  function shades(z) {
    const cells = 25,
      width = 5 / cells,
      drawn = [];
    for (let i = 0; i < cells; i += 1) {
      for (let j = 0; j < cells; j += 1) {
        const [x, y] = [-1 + width * i, -1 + width * j];
        const p = sigmoid(z(x + width / 2, y + width / 2));
        const shape = { x: plane.x(x), y: plane.y(y + width), width: 240 / cells, height: 240 / cells };
        drawn.push(svg("rect", { ...shape, ...plot.shade(p - 0.5, 0.64), "shape-rendering": "crispEdges" }));
      }
    }
    return drawn;
  }

  // w₁ x₁ + w₂ x₂ + b = 0: a line through the point nearest to the origin, at right angles to the weights.
  function boundary(w1, w2, b) {
    const square = w1 * w1 + w2 * w2;
    if (square === 0) return null;
    const near = [(-b * w1) / square, (-b * w2) / square];
    const along = 20 / Math.sqrt(square);
    const ends = [1, -1].map((side) => [near[0] - side * along * w2, near[1] + side * along * w1]);
    return plot.curve(plane, ends, { "stroke-width": 2.5 });
  }

  function mark(place, at, kind) {
    const colour = plot.series(kind ? 1 : 2);
    const data = { "data-class": kind, stroke: "var(--paper)", "stroke-width": 1.2, fill: colour };
    if (kind) return plot.dot(place, at, data);
    const [x, y] = [place.x(at[0]), place.y(at[1])];
    return svg("rect", { ...data, x: x - 4.5, y: y - 4.5, width: 9, height: 9 });
  }

  function picture({ w1, w2, b }, z) {
    const line = Array.from({ length: 81 }, (_, i) => [-8 + 0.2 * i, sigmoid(-8 + 0.2 * i)]);
    const inside = (value) => Math.max(-8, Math.min(8, value));
    return [
      plot.clipped(
        plane,
        shades(z),
        boundary(w1, w2, b),
        plot.arrow(placed(MIDDLE), placed(tip({ w1, w2 })), { stroke: plot.series(4) }),
        POINTS.map(([x, y, kind]) => mark(plane, [x, y], kind)),
      ),
      plot.axes(plane, { xTicks: [0, 2, 4].map(label), yTicks: [0, 2, 4].map(label), xLabel: "x₁", yLabel: "x₂" }),
      plot.axes(curvePlace, {
        xTicks: [-5, 0, 5].map(label),
        yTicks: [0, 0.5, 1].map(label),
        xLabel: "z = w₁x₁ + w₂x₂ + b",
        yLabel: "σ(z)",
      }),
      plot.curve(
        curvePlace,
        [
          [0, 0],
          [0, 1],
        ],
        { "stroke-width": 2.5 },
      ),
      plot.curve(curvePlace, line, { stroke: plot.muted }),
      POINTS.map(([x, y, kind]) => mark(curvePlace, [inside(z(x, y)), sigmoid(z(x, y))], kind)),
    ];
  }

  function draw(settings) {
    const { w1, w2, b } = settings;
    const z = (x, y) => w1 * x + w2 * y + b;
    const losses = POINTS.map(([x, y, kind]) => crossEntropy(z(x, y), kind));
    const right = POINTS.filter(([x, y, kind]) => z(x, y) > ROUNDING === (kind === 1)).length;
    const length = Math.hypot(w1, w2);
    const numbers = [
      {
        name: "loss",
        label: { ja: "交差エントロピー誤差の平均", en: "mean cross-entropy" },
        value: losses.reduce((sum, e) => sum + e, 0) / losses.length,
      },
      {
        name: "right",
        label: { ja: "正しく分けた点（16 個中）", en: "points on the right side (of 16)" },
        value: right,
      },
      { name: "at_origin", label: { ja: "原点での σ(b)", en: "σ(b) at the origin" }, value: sigmoid(b) },
      {
        name: "distance",
        label: { ja: "原点から境界までの距離 |b| / ‖w‖", en: "distance of the boundary from the origin, |b| / ‖w‖" },
        value: length > 0 ? Math.abs(b) / length : null,
      },
    ];
    const none = {
      ja: "重みが 0 なので、出力は入力によらず、境界がありません。",
      en: "With weights of 0 the output does not depend on the input: there is no boundary.",
    };
    const through = {
      ja: "バイアスが 0 のとき、境界は必ず原点を通ります。",
      en: "With a bias of 0 the boundary always runs through the origin.",
    };
    const moved = {
      ja: "重みは境界の向きを、バイアスは原点からのずれを決めます。",
      en: "The weights turn the boundary; the bias moves it away from the origin.",
    };
    return { picture: picture(settings, z), numbers, sentence: length === 0 ? none : b === 0 ? through : moved };
  }

  // From the middle of the plane the weights are an arrow, and the boundary has a point nearest to it.
  const MIDDLE = [1.5, 1.5];
  const REACH = 0.7; // of a weight of 1, in the numbers of the plane
  const tip = ({ w1, w2 }) => [MIDDLE[0] + REACH * w1, MIDDLE[1] + REACH * w2];
  function nearest({ w1, w2, b }) {
    const square = w1 * w1 + w2 * w2;
    const share = square > 0 ? (w1 * MIDDLE[0] + w2 * MIDDLE[1] + b) / square : 0; // without weights it is hidden
    return [MIDDLE[0] - share * w1, MIDDLE[1] - share * w2].map((value) => Math.max(-1, Math.min(4, value)));
  }
  const placed = ([x, y]) => [plane.x(x), plane.y(y)];
  const handles = [
    {
      name: "boundary",
      label: { ja: "決定境界（バイアス b）", en: "decision boundary (bias b)" },
      x: "b",
      at: (s) => placed(nearest(s)),
      to: ([left, top], { w1, w2 }) => ({ b: -(w1 * plane.toX(left) + w2 * plane.toY(top)) }),
      by: (right, up, { w1, w2, b }) => ({ b: b - 0.1 * ((w1 < 0 ? -right : right) + (w2 < 0 ? -up : up)) }),
      hidden: ({ w1, w2 }) => w1 === 0 && w2 === 0,
    },
    {
      name: "weights",
      label: { ja: "重みの矢印 (w₁, w₂)", en: "arrow of the weights (w₁, w₂)" },
      x: "w1",
      y: "w2",
      at: (s) => placed(tip(s)),
      to: ([left, top]) => ({ w1: (plane.toX(left) - MIDDLE[0]) / REACH, w2: (plane.toY(top) - MIDDLE[1]) / REACH }),
      shape: plot.open,
    },
  ];

  const description = {
    ja: "左：平面の各点での σ(z)（青は 1 に近く、橙は 0 に近い）と、z = 0 の境界、重みの矢印。境界も矢印もつかんで動かせます。右：各点が曲線のどこに乗るか。",
    en:
      "Left: σ(z) over the plane (blue near 1, orange near 0), the boundary z = 0 and the arrow of the weights; take " +
      "either and move it. " +
      "Right: where on the curve each point lies.",
  };
  widgets.register("boundary", widgets.pure({ size: [480, 314], description, controls, handles, draw }));
})();
