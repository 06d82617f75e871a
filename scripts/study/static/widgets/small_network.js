// A network of two inputs, two hidden units and one output: values flow forward, gradients flow back.
"use strict";

(() => {
  const { plot, svg, readable, fixed } = widgets;
  const START = { w11: 0.8, w12: -0.5, w21: 0.4, w22: 0.9, b1: 0.1, b2: -0.2, v1: 1.2, v2: -0.7, c: 0.3 };
  const WEIGHTS = Object.keys(START);
  const NAMES = { w11: "w₁₁", w12: "w₁₂", w21: "w₂₁", w22: "w₂₂", b1: "b₁", b2: "b₂", v1: "v₁", v2: "v₂", c: "c" };

  const LAST = ["v1", "v2", "c"]; // of the last layer, so their gradients come a stage earlier

  const sigmoid = (z) => 1 / (1 + Math.exp(-z));

  function forward(p, x) {
    const h = [sigmoid(x[0] * p.w11 + x[1] * p.w21 + p.b1), sigmoid(x[0] * p.w12 + x[1] * p.w22 + p.b2)];
    return { h, y: h[0] * p.v1 + h[1] * p.v2 + p.c };
  }

  // Every gradient, from the loss (y − t)² / 2 back to the inputs.
  function backward(p, x, { h, y }, target) {
    const y_ct = y - target;
    const h_ct = [y_ct * p.v1, y_ct * p.v2];
    const z_ct = h_ct.map((value, j) => value * h[j] * (1 - h[j]));
    const grads = {
      w11: x[0] * z_ct[0],
      w12: x[0] * z_ct[1],
      w21: x[1] * z_ct[0],
      w22: x[1] * z_ct[1],
      b1: z_ct[0],
      b2: z_ct[1],
      v1: h[0] * y_ct,
      v2: h[1] * y_ct,
      c: y_ct,
    };
    const x_ct = [z_ct[0] * p.w11 + z_ct[1] * p.w12, z_ct[0] * p.w21 + z_ct[1] * p.w22];
    return { y_ct, h_ct, x_ct, grads };
  }

  function trained(start, x, target, rate, steps) {
    let p = start;
    for (let step = 0; step < steps; step += 1) {
      const { grads } = backward(p, x, forward(p, x), target);
      p = Object.fromEntries(WEIGHTS.map((name) => [name, p[name] - rate * grads[name]]));
    }
    return p;
  }

  const STAGES = [
    { ja: "入力を与えます。", en: "The inputs are given." },
    { ja: "前へ：隠れ層の値を求めます。", en: "Forward: the hidden values." },
    { ja: "前へ：出力を求めます。", en: "Forward: the output." },
    { ja: "損失 L = (y − t)² / 2 を求めます。", en: "The loss, L = (y − t)² / 2." },
    {
      ja: "後ろへ：出力に届く誤差 ∂L/∂y = y − t です。",
      en: "Back: the error that reaches the output, ∂L/∂y = y − t.",
    },
    {
      ja: "後ろへ：誤差に、それぞれの重みを掛けて隠れ層に渡します。",
      en: "Back: the error, times each weight, goes on to the hidden layer.",
    },
    {
      ja: "後ろへ：シグモイドを通り、最初の重みと入力に届きます。",
      en: "Back: through the sigmoid to the first weights and the inputs.",
    },
  ];

  const two = (value) => readable(value, 2);
  const range = (name, label, min, max, step, value, show = two) => ({
    kind: "range",
    name,
    label,
    min,
    max,
    step,
    value,
    show,
  });
  const controls = [
    range("stage", { ja: "段階", en: "stage" }, 0, 6, 1, 6, (v) => `${v + 1} / 7`),
    { kind: "player", of: "stage", every: 1200 },
    range("steps", { ja: "更新の回数", en: "updates" }, 0, 50, 1, 0),
    { kind: "player", of: "steps", every: 150 },
    range("learning_rate", { ja: "学習率", en: "learning rate" }, 0.05, 1, 0.05, 0.2),
    range("x1", { ja: "入力 x₁", en: "input x₁" }, -2, 2, 0.1, 1),
    range("x2", { ja: "入力 x₂", en: "input x₂" }, -2, 2, 0.1, -0.5),
    range("target", { ja: "正解 t", en: "target t" }, -2, 2, 0.1, 1.5),
    {
      kind: "group",
      columns: 3,
      folded: true,
      label: { ja: "はじめの重みとバイアス", en: "weights and biases at the start" },
      controls: WEIGHTS.map((name) => range(name, NAMES[name], -2, 2, 0.1, START[name])),
    },
  ];

  const AT = { x1: [48, 92], x2: [48, 250], h1: [218, 92], h2: [218, 250], y: [372, 171], loss: [452, 171] };
  const value = (v) => fixed(v, 3);

  // Beside the inputs and the target, a short scale from −2 to 2.
  const SCALES = { x1: [13, 92], x2: [13, 250], target: [488, 171] };
  const UNIT = 17;
  const scale = ([x, y]) =>
    svg("line", { x1: x, x2: x, y1: y - 2 * UNIT, y2: y + 2 * UNIT, stroke: plot.muted, "stroke-width": 2 });
  const handles = Object.entries(SCALES).map(([name, [x, y]]) => ({
    name,
    label: { x1: { ja: "入力 x₁", en: "input x₁" }, x2: { ja: "入力 x₂", en: "input x₂" } }[name] || {
      ja: "正解 t",
      en: "target t",
    },
    y: name,
    at: (s) => [x, y - UNIT * s[name]],
    to: ([, top]) => ({ [name]: (y - top) / UNIT }),
    shape: () => [svg("circle", { r: 7 })],
  }));

  function edge(from, to, weight, name, gradient, share) {
    const [[x1, y1], [x2, y2]] = [AT[from], AT[to]];
    const at = [x1 + share * (x2 - x1), y1 + share * (y2 - y1)];
    const style = {
      stroke: plot.series(weight < 0 ? 2 : 1),
      "stroke-width": 0.8 + 2 * Math.min(2, Math.abs(weight)),
      "stroke-opacity": 0.55,
    };
    const drawn = [plot.text([at[0], at[1] - 3], `${NAMES[name]} ${two(weight)}`, { "font-size": 11.5, ...HALO })];
    if (gradient !== null)
      drawn.push(plot.text([at[0], at[1] + 11], value(gradient), { "font-size": 11.5, fill: plot.series(4), ...HALO }));
    return { line: svg("line", { x1, y1, x2, y2, ...style }), text: drawn };
  }
  // Letters over lines keep a rim of paper.
  const HALO = { stroke: "var(--paper)", "stroke-width": 4, "paint-order": "stroke", "stroke-linejoin": "round" };

  function biasText([x, y], { name, value: bias, gradient }) {
    const words = `${NAMES[name]} ${two(bias)}`;
    if (gradient === null) return plot.text([x, y], words, { "font-size": 11.5 });
    return [
      plot.text([x - 4, y], words, { "font-size": 11.5, "text-anchor": "end" }),
      plot.text([x + 4, y], value(gradient), { "font-size": 11.5, "text-anchor": "start", fill: plot.series(4) }),
    ];
  }

  function node(name, label, shown, gradient, bias) {
    const [x, y] = AT[name];
    const drawn = [
      svg("circle", { cx: x, cy: y, r: 25, fill: "var(--paper)", stroke: plot.ink, "stroke-width": 1.5 }),
      plot.text([x, y - 31], label, HALO),
      plot.text([x, y + 4], shown === null ? "?" : value(shown), { "font-size": 12.5 }),
    ];
    if (gradient !== null)
      drawn.push(plot.text([x, y + 42], value(gradient), { "font-size": 12.5, fill: plot.series(4), ...HALO }));
    if (bias) drawn.push(biasText([x, y - 48], bias));
    return drawn;
  }

  function picture(stage, p, x, target, { h, y }, loss, back) {
    const from = (least, v) => (stage >= least ? v : null);
    const first = [
      ["x1", "h1", "w11", 0.5],
      ["x1", "h2", "w12", 0.34],
      ["x2", "h1", "w21", 0.34],
      ["x2", "h2", "w22", 0.5],
    ];
    const second = [
      ["h1", "y", "v1", 0.5],
      ["h2", "y", "v2", 0.5],
    ];
    const edges = [
      ...first.map(([a, b, name, share]) => edge(a, b, p[name], name, from(6, back.grads[name]), share)),
      ...second.map(([a, b, name, share]) => edge(a, b, p[name], name, from(5, back.grads[name]), share)),
    ];
    const bias = (name, least) => ({ name, value: p[name], gradient: from(least, back.grads[name]) });
    return [
      Object.values(SCALES).map(scale),
      svg("line", { x1: 372, y1: 171, x2: 452, y2: 171, stroke: plot.muted, "stroke-width": 1.5 }),
      edges.map((each) => each.line),
      node("x1", "x₁", x[0], from(6, back.x_ct[0])),
      node("x2", "x₂", x[1], from(6, back.x_ct[1])),
      node("h1", "h₁", from(1, h[0]), from(5, back.h_ct[0]), bias("b1", 6)),
      node("h2", "h₂", from(1, h[1]), from(5, back.h_ct[1]), bias("b2", 6)),
      node("y", "y", from(2, y), from(4, back.y_ct), bias("c", 5)),
      node("loss", "L", from(3, loss), null),
      plot.text([452, 220], `t = ${two(target)}`),
      edges.map((each) => each.text),
      stage >= 4
        ? plot.arrow([330, 18], [130, 18], { stroke: plot.series(4) })
        : plot.arrow([130, 18], [330, 18], { stroke: plot.series(1) }),
    ];
  }

  function draw(s) {
    const x = [s.x1, s.x2];
    const p = trained(
      Object.fromEntries(WEIGHTS.map((name) => [name, s[name]])),
      x,
      s.target,
      s.learning_rate,
      s.steps,
    );
    const values = forward(p, x);
    const loss = ((values.y - s.target) * (values.y - s.target)) / 2;
    const back = backward(p, x, values, s.target);
    const from = (least, v) => (s.stage >= least ? v : null);
    const numbers = [
      { name: "h1", label: "h₁", value: from(1, values.h[0]) },
      { name: "h2", label: "h₂", value: from(1, values.h[1]) },
      { name: "y", label: "y", value: from(2, values.y) },
      { name: "loss", label: { ja: "損失 L", en: "loss L" }, value: from(3, loss) },
      { name: "y_ct", label: "∂L/∂y", value: from(4, back.y_ct) },
      { name: "h1_ct", label: "∂L/∂h₁", value: from(5, back.h_ct[0]) },
      { name: "h2_ct", label: "∂L/∂h₂", value: from(5, back.h_ct[1]) },
      { name: "x1_ct", label: "∂L/∂x₁", value: from(6, back.x_ct[0]) },
      { name: "x2_ct", label: "∂L/∂x₂", value: from(6, back.x_ct[1]) },
      ...WEIGHTS.map((name) => ({
        name: `${name}_ct`,
        label: `∂L/∂${NAMES[name]}`,
        value: from(LAST.includes(name) ? 5 : 6, back.grads[name]),
      })),
    ];
    return { picture: picture(s.stage, p, x, s.target, values, loss, back), numbers, sentence: STAGES[s.stage] };
  }

  const description = {
    ja: "h = sigmoid(x W + b)、y = h v + c。青い線は正の重み、橙の線は負の重みで、太さは大きさです。赤い数は損失の勾配です。",
    en:
      "h = sigmoid(x W + b), y = h v + c. Blue lines are positive weights, orange ones negative, wider for larger; " +
      "red numbers are gradients of the loss.",
  };
  widgets.register("small_network", widgets.pure({ size: [500, 306], description, controls, handles, draw }));
})();
