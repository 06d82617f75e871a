// What the widgets of the study site share. A widget is a pure function: from the settings of its controls
// to a picture and the numbers beside it. Classic script without modules, because pages open from disk.
"use strict";

const widgets = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const registered = new Map();
  let serial = 0;

  const register = (name, widget) => registered.set(name, widget);

  // Puts every registered widget into its place; the static picture that stood there goes.
  function mountAll(root = document) {
    for (const element of root.querySelectorAll("[data-widget]:not([data-mounted])")) {
      const widget = registered.get(element.dataset.widget);
      if (!widget) continue;
      element.dataset.mounted = "";
      element.replaceChildren();
      widget.mount(element, JSON.parse(element.dataset.state || "{}"));
    }
  }

  function made(element, attributes, children) {
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
    return element;
  }
  const html = (name, attributes = {}, ...children) => made(document.createElement(name), attributes, children);
  const svg = (name, attributes = {}, ...children) => made(document.createElementNS(SVG, name), attributes, children);

  // Text in both languages; the page shows the one that its reader chose. What is alike in both is written once.
  function words(text) {
    if (typeof text === "string") return [text];
    return ["ja", "en"].map((language) => html("span", { lang: language }, text[language]));
  }
  function svgWords(attributes, text) {
    const style = { fill: "var(--ink)", ...attributes };
    if (typeof text === "string") return [svg("text", style, text)];
    return ["ja", "en"].map((language) => svg("text", { ...style, lang: language }, text[language]));
  }

  const superscript = (digits) => digits.replace(/[-0-9]/g, (c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]);

  // A number for the eye: four digits after the point, powers of ten where that would show nothing.
  function readable(value, digits = 4) {
    if (Number.isNaN(value)) return "–";
    if (!Number.isFinite(value)) return value < 0 ? "−∞" : "∞";
    const size = Math.abs(value);
    if (Number.isInteger(value) && size < 1e6) return String(value).replace("-", "−");
    if (size >= 1e-3 && size < 1e6) return value.toFixed(digits).replace("-", "−");
    const [mantissa, exponent] = value.toExponential(2).split("e");
    return `${mantissa.replace("-", "−")}×10${superscript(String(Number(exponent)))}`;
  }

  // So many digits after the point, whatever the size: for places where a power of ten would not fit.
  const fixed = (value, digits) =>
    value
      .toFixed(digits)
      .replace(/^-(?=[0.]*$)/, "")
      .replace("-", "−");

  function rangeControl(spec, changed) {
    const id = `control-${(serial += 1)}`;
    const attributes = { id, type: "range", "data-control": spec.name, min: spec.min, step: spec.step };
    const max = typeof spec.max === "function" ? spec.value : spec.max;
    const input = html("input", { ...attributes, max, value: spec.value });
    const shown = html("output", { class: "widget-setting", for: id, "aria-live": "off" });
    const read = spec.read || Number;
    input.addEventListener("input", changed);
    return {
      name: spec.name,
      element: html("div", { class: "widget-control" }, html("label", { for: id }, words(spec.label)), shown, input),
      set(value) {
        if (Number(value) > Number(input.max)) input.max = value;
        input.value = value;
      },
      get: () => read(Number(input.value)),
      refresh(settings) {
        if (typeof spec.max === "function") {
          // The input clips its own value to a smaller limit.
          input.max = spec.max(settings);
          settings[spec.name] = read(Number(input.value));
        }
        const text = (spec.show || readable)(settings[spec.name]);
        shown.textContent = text;
        input.setAttribute("aria-valuetext", text);
      },
    };
  }

  function choiceControl(spec, changed) {
    const id = `control-${(serial += 1)}`;
    let chosen = spec.value;
    const buttons = spec.options.map((option) =>
      html("button", { type: "button", "data-control": spec.name, "data-option": option.value }, words(option.label)),
    );
    const mark = () => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.option === chosen));
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        chosen = button.dataset.option;
        mark();
        changed();
      });
    }
    mark();
    const label = html("span", { id, class: "widget-label" }, words(spec.label));
    return {
      name: spec.name,
      element: html("div", { class: "widget-choice", role: "group", "aria-labelledby": id }, label, buttons),
      set(value) {
        chosen = value;
        mark();
      },
      get: () => chosen,
      refresh() {},
    };
  }

  // Buttons that set other controls, and keep no setting of their own.
  function actionsControl(spec, set) {
    const id = `control-${(serial += 1)}`;
    const buttons = spec.options.map((option) => {
      const button = html("button", { type: "button", "data-action": "" }, words(option.label));
      button.addEventListener("click", () => set(option.sets));
      return button;
    });
    const label = html("span", { id, class: "widget-label" }, words(spec.label));
    return html("div", { class: "widget-choice", role: "group", "aria-labelledby": id }, label, buttons);
  }

  // Controls in one frame under one name, for example the numbers of a filter in the filter's own rows and columns.
  function groupControl(spec, changed) {
    const inner = spec.controls.map((each) => [each, control(each, changed)]);
    const grid = html(
      "div",
      { class: "widget-grid" },
      inner.map(([, made]) => made.element),
    );
    if (spec.columns) grid.style.setProperty("--columns", spec.columns);
    const fold = spec.folded ? "details" : "fieldset";
    const legend = html(spec.folded ? "summary" : "legend", {}, words(spec.label));
    return { members: inner, element: html(fold, { class: "widget-group" }, legend, grid) };
  }

  const control = (spec, changed) => ({ range: rangeControl, choice: choiceControl })[spec.kind](spec, changed);

  const numberElement = ({ name, label, value, text }) =>
    html(
      "div",
      { class: "widget-number" },
      html("span", { class: "widget-label" }, words(label)),
      html(
        "output",
        { "data-quantity": name, "data-value": value === null ? "" : String(value), "aria-live": "off" },
        text === undefined ? (value === null ? "–" : readable(value)) : words(text),
      ),
    );

  // The controls of a widget: their elements, a way to set them from outside, and their settings.
  function panel(specs, changed) {
    const members = [];
    const set = (values) => {
      for (const [, member] of members) if (member.name in values) member.set(values[member.name]);
    };
    const act = (values) => {
      set(values);
      changed();
    };
    const elements = specs.map((spec) => {
      if (spec.kind === "actions") return actionsControl(spec, act);
      const part = spec.kind === "group" ? groupControl(spec, changed) : control(spec, changed);
      members.push(...(part.members || [[spec, part]]));
      return part.element;
    });
    // As they stand, once every control has fitted its limits, its text and whether it is shown to the others.
    function settings() {
      const now = Object.fromEntries(members.map(([, member]) => [member.name, member.get()]));
      for (const [spec, member] of members) {
        member.refresh(now);
        member.element.hidden = Boolean(spec.hidden && spec.hidden(now));
      }
      return now;
    }
    return { elements, set, settings };
  }

  // A widget from {size, description, controls, draw}, where draw(settings) returns {picture, numbers, sentence}.
  const pure = ({ size, description, controls, draw }) => ({
    mount(element, state) {
      const id = `widget-${(serial += 1)}`;
      const picture = svg("svg", { viewBox: `0 0 ${size[0]} ${size[1]}`, role: "img", "aria-labelledby": id });
      const numbers = html("div", { class: "widget-numbers" });
      const sentence = html("p", { class: "widget-sentence", role: "status" });
      const about = html("p", { class: "widget-about", id }, words(description));
      const side = panel(controls, redraw);

      function redraw() {
        const drawn = draw(side.settings());
        picture.replaceChildren(...drawn.picture.flat(Infinity).filter(Boolean));
        numbers.replaceChildren(...drawn.numbers.map(numberElement));
        sentence.replaceChildren(...(drawn.sentence ? words(drawn.sentence) : []));
      }

      side.set(state);
      const stage = html("div", { class: "widget-picture" }, picture);
      element.append(about, html("div", { class: "widget-controls" }, side.elements), stage, sentence, numbers);
      redraw();
    },
  });

  if (typeof document !== "undefined") document.addEventListener("DOMContentLoaded", () => mountAll());
  return { register, mountAll, pure, html, svg, svgWords, readable, fixed, superscript };
})();
