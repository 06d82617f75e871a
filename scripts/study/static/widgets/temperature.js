// Softmax of four scores at a temperature.
"use strict";

(() => {
  const { plot, svg, fixed } = widgets;
  const DEFAULTS = [3, 1, 0, -2];

  function softmax(scores) {
    const largest = Math.max(...scores);
    const raised = scores.map((score) => Math.exp(score - largest));
    const total = raised.reduce((sum, value) => sum + value, 0);
    return raised.map((value) => value / total);
  }

  const subscript = (i) => "₁₂₃₄"[i];
  const controls = [
    {
      kind: "range",
      name: "temperature",
      label: { ja: "温度 T", en: "temperature T" },
      min: 0.1,
      max: 5,
      step: 0.1,
      value: 1,
      show: (v) => v.toFixed(1),
    },
    ...DEFAULTS.map((value, i) => ({
      kind: "range",
      name: `score_${i}`,
      label: { ja: `スコア x${subscript(i)}`, en: `score x${subscript(i)}` },
      min: -5,
      max: 5,
      step: 0.1,
      value,
      show: (v) => widgets.readable(v, 1),
    })),
  ];

  // Beyond the largest values there is room for a ring and for a number.
  const scorePlace = plot.frame({ x: [-0.5, 3.5], y: [-5.6, 5.6], box: [44, 30, 180, 200] });
  const sharePlace = plot.frame({ x: [-0.5, 3.5], y: [0, 1.1], box: [284, 30, 180, 200] });

  function bars(place, values, base) {
    return values.map((value, i) => {
      const [from, to] = [place.y(Math.max(value, base)), place.y(Math.min(value, base))];
      const shape = { x: place.x(i) - 15, width: 30, y: from, height: Math.max(0, to - from) };
      return svg("rect", { ...shape, fill: plot.series(value < 0 ? 2 : 1) });
    });
  }
  const over = (place, values, digits) =>
    values.map((value, i) =>
      plot.text([place.x(i), value < 0 ? place.y(value) + 15 : place.y(value) - 5], fixed(value, digits), {
        "font-size": 12,
      }),
    );

  function picture(scores, shares) {
    const ticks = scores.map((_, i) => [i, `x${subscript(i)}`]);
    const outputs = scores.map((_, i) => [i, `y${subscript(i)}`]);
    const minus = (v) => [v, String(v).replace("-", "−")];
    return [
      plot.axes(scorePlace, {
        xTicks: ticks,
        yTicks: [-4, -2, 0, 2, 4].map(minus),
        yLabel: { ja: "スコア x", en: "scores x" },
      }),
      plot.axes(sharePlace, {
        xTicks: outputs,
        yTicks: [0, 0.25, 0.5, 0.75, 1].map(minus),
        yLabel: { ja: "確率 y", en: "probabilities y" },
      }),
      bars(scorePlace, scores, 0),
      bars(sharePlace, shares, 0),
      over(sharePlace, shares, 3),
      plot.arrow([236, 130], [256, 130], { stroke: plot.muted }),
    ];
  }

  function draw(settings) {
    const scores = DEFAULTS.map((_, i) => settings[`score_${i}`]);
    const shares = softmax(scores.map((score) => score / settings.temperature));
    const numbers = shares.map((value, i) => ({ name: `y${i}`, label: `y${subscript(i)}`, value }));
    numbers.push({ name: "sum", label: { ja: "合計", en: "sum" }, value: shares.reduce((sum, y) => sum + y, 0) });
    const most = Math.max(...shares);
    const even = Math.max(...shares) - Math.min(...shares) < 0.2;
    const sharp = {
      ja: "ほぼ1つだけが選ばれ、最大値を選ぶ関数に近づきます。",
      en: "Almost everything goes to one: nearly the plain maximum.",
    };
    const flat = { ja: "どれもほぼ等しくなります。", en: "All come out nearly alike." };
    const soft = {
      ja: "大きいスコアほど大きい確率になり、負のスコアにも確率が残ります。",
      en: "The larger the score, the larger its share, and negative scores keep one too.",
    };
    return { picture: picture(scores, shares), numbers, sentence: most > 0.97 ? sharp : even ? flat : soft };
  }

  const handles = DEFAULTS.map((_, i) => ({
    name: `score_${i}`,
    label: { ja: `スコア x${subscript(i)} の棒`, en: `bar of the score x${subscript(i)}` },
    y: `score_${i}`,
    at: (s) => [scorePlace.x(i), scorePlace.y(s[`score_${i}`])],
    to: ([, top]) => ({ [`score_${i}`]: scorePlace.toY(top) }),
  }));

  const description = {
    ja: "左がスコアで、棒の先をつかんで動かせます。右がソフトマックスの出力 softmax(x / T) です。温度を下げると最大のスコアが独り占めします。",
    en:
      "Scores on the left (take the end of a bar and move it), softmax(x / T) on the right. Lower the temperature " +
      "and the largest score takes all.",
  };
  widgets.register("temperature", widgets.pure({ size: [480, 256], description, controls, handles, draw }));
})();
