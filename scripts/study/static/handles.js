// Handles: what is taken hold of in a picture. A pointer drags them, arrow keys move them (with Shift five steps at
// once), and all that they do is set controls.
"use strict";

// A handle has a name, a label, and
//   x, y                      the controls that it moves,
//   at(settings)              its place in the picture,
//   to(place, settings)       the controls for a place,
//   by(right, up, settings)   the controls so many steps of the keys further, where these are no steps of x and y,
//   area(settings)            the box [left, top, width, height] where a press brings it,
//   follows                   whether the pointer takes it along without a press there,
//   shape(settings)           its drawing, a ring unless told otherwise,
//   hidden(settings)          whether it is not to be seen,
//   stroke(from, to, settings), press(settings)
//                             for pens: what a stroke leaves behind, and what Enter does.
widgets.hold = (picture, specs, side) => {
  const { svg, html, words, identifier } = widgets;
  const KEYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const boxed = (rect, box) => ["x", "y", "width", "height"].forEach((side, i) => rect.setAttribute(side, box[i]));

  const place = ({ clientX, clientY }) => {
    const point = new DOMPoint(clientX, clientY).matrixTransform(picture.getScreenCTM().inverse());
    return [point.x, point.y];
  };

  function stepped(spec, right, up) {
    const further = (name, count) => ({ [name]: side.raw()[name] + count * side.limits(name).step });
    if (spec.x && spec.y) return right ? further(spec.x, right) : further(spec.y, up);
    return further(spec.x || spec.y, right + up);
  }

  function handle(spec) {
    const id = identifier("handle");
    const about = html("span", { id, class: "unseen" }, words(spec.label));
    const grip = svg("g", { class: "handle", role: "slider", tabindex: 0, "aria-labelledby": id });
    grip.dataset.handle = spec.name;
    const area = spec.area ? svg("rect", { class: spec.stroke ? "handle-area pen" : "handle-area" }) : null;
    let now = {},
      held = null;

    // From where it is held: the handle does not jump to the pointer.
    function take(event, offset) {
      event.preventDefault();
      held = { offset, last: place(event) };
      event.currentTarget.setPointerCapture(event.pointerId);
      grip.focus({ preventScroll: true });
      drag(event);
    }
    function drag(event) {
      if (!held) return;
      const [x, y] = place(event);
      const at = [x + held.offset[0], y + held.offset[1]];
      const traced = spec.stroke ? spec.stroke(held.last, at, now) : {};
      held.last = at;
      side.move({ ...spec.to(at, now), ...traced });
    }
    const drop = () => {
      held = null;
    };
    grip.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [from, at] = [place(event), spec.at(now)];
      take(event, spec.stroke ? [0, 0] : [at[0] - from[0], at[1] - from[1]]);
    });
    if (area) {
      // A finger on the picture may want to scroll: the handle comes once it is lifted.
      area.addEventListener("pointerdown", (event) => {
        if (event.button === 0 && (event.pointerType === "mouse" || spec.stroke)) take(event, [0, 0]);
      });
      area.addEventListener("click", (event) => {
        if (!spec.stroke) side.move(spec.to(place(event), now));
      });
      // What follows the pointer needs no press.
      area.addEventListener("pointermove", (event) => {
        if (spec.follows && !held && event.pointerType === "mouse") side.move(spec.to(place(event), now));
      });
    }
    for (const part of [grip, area].filter(Boolean)) {
      part.addEventListener("pointermove", drag);
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) part.addEventListener(end, drop);
    }
    grip.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own, such as a page back
      const main = spec.x || spec.y;
      const far = event.shiftKey ? 5 : 1;
      if (KEYS[event.key]) {
        const [right, up] = KEYS[event.key].map((one) => one * far);
        side.move(spec.by ? spec.by(right, up, now) : stepped(spec, right, up));
      } else if (event.key === "Home" || event.key === "End") {
        side.move({ [main]: side.limits(main)[event.key === "Home" ? "min" : "max"] });
      } else if (spec.press && (event.key === "Enter" || event.key === " ")) {
        side.move(spec.press(now));
      } else return;
      event.preventDefault();
    });

    function refresh(settings) {
      now = settings;
      const main = spec.x || spec.y;
      const { min, max } = side.limits(main);
      const [x, y] = spec.at(settings);
      grip.style.display = spec.hidden?.(settings) ? "none" : "";
      if (area) boxed(area, spec.area(settings));
      grip.setAttribute("transform", `translate(${x} ${y})`);
      const shape = spec.shape ? spec.shape(settings) : [svg("circle", { r: 9 })];
      grip.replaceChildren(svg("circle", { class: "handle-reach", r: 20 }), ...shape);
      const controls = [spec.x, spec.y].filter(Boolean);
      const value = controls.map((name) => side.text(name)).join(", ");
      const aria = {
        valuemin: min,
        valuemax: max,
        valuenow: side.raw()[main],
        valuetext: spec.says?.(settings) ?? value,
      };
      for (const [name, text] of Object.entries(aria)) grip.setAttribute(`aria-${name}`, text);
    }
    return { about, elements: [area, grip].filter(Boolean), refresh };
  }

  const handles = specs.map(handle);
  // Areas lie under every handle, so that none is out of reach.
  picture.append(...handles.flatMap(({ elements }) => elements.slice(0, -1)));
  picture.append(...handles.map(({ elements }) => elements.at(-1)));
  return {
    abouts: handles.map(({ about }) => about),
    refresh: (settings) => handles.forEach(({ refresh }) => refresh(settings)),
  };
};

// Where a point of a plane is taken hold of: x and y name the controls of its two coordinates.
widgets.hold.point = (frame, spec) => ({
  at: (settings) => [frame.x(settings[spec.x]), frame.y(settings[spec.y])],
  to: ([left, top]) => ({ [spec.x]: frame.toX(left), [spec.y]: frame.toY(top) }),
  area: () => frame.box,
  ...spec,
});
