// A direction that turns: the slope that way, beside the gradient.
"use strict";

(() => {
  const { plot, readable, surfaces } = widgets;
  const { f, gradient, formula, levels } = surfaces.tilted;
  const two = (v) => readable(v, 2);
  const degrees = (v) => `${v}°`;
  const radians = (angle) => (angle * Math.PI) / 180;

  const range = (name, label, min, max, step, value, show) => ({
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
    range("angle", { ja: "向き（度）", en: "direction (degrees)" }, 0, 359, 1, 30, degrees),
    { kind: "player", of: "angle", by: 3, every: 80 },
    range("x0", { ja: "点 x₀", en: "point x₀" }, -2.4, 2.4, 0.1, 1.5, two),
    range("x1", { ja: "点 x₁", en: "point x₁" }, -1.8, 1.8, 0.1, 1, two),
  ];

  const plane = plot.frame({ x: [-3, 3], y: [-3, 3], box: [32, 34, 220, 220] });
  const ARROW = 1.1; // how long the direction is drawn, in the numbers of the plane
  const SHARE = 0.22; // of the gradient: its tip stays in the plane, wherever the point is
  const placed = ([x, y]) => [plane.x(x), plane.y(y)];
  const tip = ({ x0, x1, angle }) => [x0 + ARROW * Math.cos(radians(angle)), x1 + ARROW * Math.sin(radians(angle))];
  const minus = (v) => [v, String(v).replace("-", "−")];

  function slopes(g, angle, slope) {
    const length = Math.hypot(...g);
    const high = Math.max(1, Math.ceil(length));
    const place = plot.frame({ x: [0, 360], y: [-high, high], box: [292, 34, 196, 220] });
    const along = (a) => g[0] * Math.cos(radians(a)) + g[1] * Math.sin(radians(a));
    const level = [
      [0, 0],
      [360, 0],
    ];
    return [
      plot.axes(place, {
        xTicks: [0, 90, 180, 270, 360].map(minus),
        yTicks: [-high, 0, high].map(minus),
        xLabel: { ja: "向き（度）", en: "direction (degrees)" },
        yLabel: { ja: "その向きの傾き", en: "slope that way" },
      }),
      plot.curve(place, level, { stroke: plot.muted, "stroke-width": 1 }),
      plot.curve(
        place,
        Array.from({ length: 73 }, (_, i) => [5 * i, along(5 * i)]),
      ),
      plot.dot(place, [angle, slope], { r: 6, fill: plot.series(slope < 0 ? 2 : 1) }),
    ];
  }

  // The angle between two directions, from 0 to 180 degrees.
  function between(angle, g) {
    const turned = Math.abs(angle - (Math.atan2(g[1], g[0]) * 180) / Math.PI) % 360;
    return turned > 180 ? 360 - turned : turned;
  }

  function verdict(apart, slope) {
    if (apart === null)
      return { ja: "勾配が 0 なので、どの向きの傾きも 0 です。", en: "The gradient is 0, and so is every slope." };
    if (apart < 2) return { ja: "勾配の向きです。最も急に増えます。", en: "Along the gradient: the steepest climb." };
    if (apart > 178)
      return { ja: "勾配の真逆です。最も急に減ります。", en: "Straight against the gradient: the steepest fall." };
    if (Math.abs(apart - 90) < 2)
      return { ja: "等高線に沿う向きで、ほとんど変わりません。", en: "Along the contour: hardly any change." };
    return slope > 0
      ? { ja: "この向きでは増えます。", en: "This way it grows." }
      : { ja: "この向きでは減ります。", en: "This way it falls." };
  }

  function draw(s) {
    const point = [s.x0, s.x1];
    const g = gradient(point);
    const length = Math.hypot(...g);
    const slope = g[0] * Math.cos(radians(s.angle)) + g[1] * Math.sin(radians(s.angle));
    const apart = length > 0 ? between(s.angle, g) : null;
    const numbers = [
      { name: "slope", label: { ja: "その向きの傾き Dᵥf", en: "slope that way, Dᵥf" }, value: slope },
      { name: "length", label: { ja: "勾配の長さ ‖∇f‖", en: "length of the gradient, ‖∇f‖" }, value: length },
      { name: "apart", label: { ja: "勾配となす角 θ（度）", en: "angle θ to the gradient (degrees)" }, value: apart },
      { name: "gradient_0", label: "∂f/∂x₀", value: g[0] },
      { name: "gradient_1", label: "∂f/∂x₁", value: g[1] },
      { name: "f", label: { ja: "その点での f", en: "f at the point" }, value: f(...point) },
    ];
    const end = [s.x0 + SHARE * g[0], s.x1 + SHARE * g[1]];
    const picture = [
      plot.axes(plane, { xTicks: [-2, 0, 2].map(minus), yTicks: [-2, 0, 2].map(minus), xLabel: formula, yLabel: "x₁" }),
      plot.clipped(
        plane,
        plot.contours(plane, f, levels, 40),
        plot.arrow(placed(point), placed(end), { stroke: plot.series(4) }),
        plot.arrow(placed(point), placed(tip(s)), { stroke: plot.series(slope < 0 ? 2 : 1) }),
      ),
      slopes(g, s.angle, slope),
    ];
    return { picture, numbers, sentence: verdict(apart, slope) };
  }

  const handles = [
    widgets.hold.point(plane, {
      name: "point",
      label: { ja: "点 (x₀, x₁)", en: "point (x₀, x₁)" },
      x: "x0",
      y: "x1",
      shape: () => [widgets.svg("circle", { r: 6 })],
    }),
    {
      name: "direction",
      label: { ja: "向きの矢印", en: "arrow of the direction" },
      x: "angle",
      at: (s) => placed(tip(s)),
      to([left, top], { x0, x1 }) {
        const turned = (Math.atan2(plane.toY(top) - x1, plane.toX(left) - x0) * 180) / Math.PI;
        return { angle: (Math.round(turned) + 360) % 360 };
      },
      by: (right, up, { angle }) => ({ angle: (angle + right + up + 360) % 360 }),
      shape: plot.open,
    },
  ];

  const description = {
    ja:
      "矢印の先をつかんで向きを回してください。赤い矢印は勾配です。右は、向きごとの傾きです" +
      "（増える向きは青、減る向きは橙）。点も動かせます。",
    en:
      "Take the tip of the arrow and turn it; the red arrow is the gradient. Right: the slope in every direction " +
      "(blue where f grows, orange where it falls). The point can be moved, too.",
  };
  widgets.register("turning_direction", widgets.pure({ size: [500, 300], description, controls, handles, draw }));
})();
