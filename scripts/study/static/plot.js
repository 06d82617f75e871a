// Axes, lines and shaded cells for the widgets' pictures. Colours are the page's custom properties.
"use strict";

widgets.plot = (() => {
  const { svg, svgWords } = widgets;
  const ink = "var(--ink)",
    muted = "var(--muted)",
    line = "var(--line)";
  const series = (number) => `var(--series-${number})`;
  const round = (value) => Math.round(value * 100) / 100;

  // From numbers to places: x and y are [low, high], box is [left, top, width, height] in the picture.
  function frame({ x, y, box }) {
    const [left, top, width, height] = box;
    const clip = `clip-${box.join("-")}`; // boxes of one size in one place may share it
    return {
      x: (value) => left + ((value - x[0]) / (x[1] - x[0])) * width,
      y: (value) => top + height - ((value - y[0]) / (y[1] - y[0])) * height,
      toX: (at) => x[0] + ((at - left) / width) * (x[1] - x[0]),
      toY: (at) => y[0] + ((top + height - at) / height) * (y[1] - y[0]),
      box,
      limits: { x, y },
      clip,
    };
  }

  const text = (at, content, options = {}) =>
    svgWords({ x: round(at[0]), y: round(at[1]), "font-size": 13, "text-anchor": "middle", ...options }, content);

  // ticks: pairs [value, text]; grid lines go through the box.
  function axes(place, { xTicks = [], yTicks = [], xLabel, yLabel }) {
    const [left, top, width, height] = place.box;
    const drawn = [svg("rect", { x: left, y: top, width, height, fill: "none", stroke: line })];
    for (const [value, label] of xTicks) {
      const x = round(place.x(value));
      drawn.push(svg("line", { x1: x, x2: x, y1: top, y2: top + height, stroke: line, "stroke-width": 0.6 }));
      drawn.push(text([x, top + height + 16], label, { fill: muted, "font-size": 12 }));
    }
    for (const [value, label] of yTicks) {
      const y = round(place.y(value));
      drawn.push(svg("line", { x1: left, x2: left + width, y1: y, y2: y, stroke: line, "stroke-width": 0.6 }));
      drawn.push(text([left - 6, y + 4], label, { fill: muted, "font-size": 12, "text-anchor": "end" }));
    }
    if (xLabel) drawn.push(text([left + width / 2, top + height + 34], xLabel));
    if (yLabel) drawn.push(text([left, top - 8], yLabel, { "text-anchor": "start" }));
    return drawn;
  }

  // What is drawn inside never leaves the box.
  function clipped(place, ...children) {
    const [x, y, width, height] = place.box;
    return [
      svg("clipPath", { id: place.clip }, svg("rect", { x, y, width, height })),
      svg("g", { "clip-path": `url(#${place.clip})` }, children),
    ];
  }

  function curve(place, points, attributes = {}) {
    // A point far outside stays a point: browsers give up on coordinates beyond some millions.
    const near = (value) => Math.max(-1e5, Math.min(1e5, value));
    const pieces = [];
    let pen = "M";
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = "M";
        continue;
      }
      pieces.push(`${pen}${round(near(place.x(x)))} ${round(near(place.y(y)))}`);
      pen = "L";
    }
    return svg("path", {
      d: pieces.join(""),
      fill: "none",
      stroke: ink,
      "stroke-width": 2,
      "stroke-linejoin": "round",
      ...attributes,
    });
  }

  const dot = (place, [x, y], attributes = {}) =>
    svg("circle", { cx: round(place.x(x)), cy: round(place.y(y)), r: 5, fill: ink, ...attributes });

  function arrow(from, to, attributes = {}) {
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length < 1) return null;
    const [ux, uy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length];
    const size = Math.min(9, 0.6 * length);
    const base = [to[0] - size * ux, to[1] - size * uy];
    const wing = (side) => `${round(base[0] - side * 0.45 * size * uy)} ${round(base[1] + side * 0.45 * size * ux)}`;
    const { stroke = ink, ...rest } = attributes;
    return svg(
      "g",
      rest,
      svg("line", {
        x1: round(from[0]),
        y1: round(from[1]),
        x2: round(base[0]),
        y2: round(base[1]),
        stroke,
        "stroke-width": 2,
      }),
      svg("path", { d: `M${round(to[0])} ${round(to[1])}L${wing(1)}L${wing(-1)}Z`, fill: stroke }),
    );
  }

  // The lines of equal value of f, by marching squares.
  function contours(place, f, levels, cells = 60) {
    const { x, y } = place.limits;
    const at = (i, j) => [x[0] + ((x[1] - x[0]) * i) / cells, y[0] + ((y[1] - y[0]) * j) / cells];
    const values = Array.from({ length: cells + 1 }, (_, i) =>
      Array.from({ length: cells + 1 }, (_, j) => f(...at(i, j))),
    );
    const crossing = (level, [i, j], [k, l]) => {
      const [before, after] = [values[i][j], values[k][l]];
      if (before < level === after < level) return null;
      const share = (level - before) / (after - before);
      const [from, to] = [at(i, j), at(k, l)];
      return [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
    };
    return levels.map((level) => {
      const pieces = [];
      for (let i = 0; i < cells; i += 1) {
        for (let j = 0; j < cells; j += 1) {
          const corners = [
            [i, j],
            [i + 1, j],
            [i + 1, j + 1],
            [i, j + 1],
          ];
          const hits = corners.map((corner, k) => crossing(level, corner, corners[(k + 1) % 4])).filter(Boolean);
          for (let k = 0; k + 1 < hits.length; k += 2) {
            const [from, to] = [hits[k], hits[k + 1]];
            pieces.push(
              `M${round(place.x(from[0]))} ${round(place.y(from[1]))}` +
                `L${round(place.x(to[0]))} ${round(place.y(to[1]))}`,
            );
          }
        }
      }
      return svg("path", { d: pieces.join(""), fill: "none", stroke: muted, "stroke-width": 0.8, opacity: 0.7 });
    });
  }

  // The shape of a handle through which one sees what is under it, such as the tip of an arrow.
  const open = () => [svg("circle", { r: 10, "fill-opacity": 0 })];

  // A number as a shade: blue above zero, orange below, stronger the further from it, and never so strong that ink
  // on it is hard to read.
  const shade = (value, largest) => ({
    fill: value < 0 ? series(2) : series(1),
    "fill-opacity": round(0.45 * Math.min(1, Math.abs(value) / largest)),
  });

  return { frame, axes, clipped, curve, dot, arrow, contours, shade, open, text, series, ink, muted, line };
})();
