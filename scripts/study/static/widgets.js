// What the widgets of the study site share. A widget is a pure function: from the settings of its controls
// to a picture and the numbers beside it. Classic script without modules, because pages open from disk.
"use strict";

const widgets = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const registered = new Map();
  let serial = 0;
  const identifier = (kind) => `${kind}-${(serial += 1)}`;

  const data = {}; // by the widget's name, written when the site is built
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

  // A widget from {size, description, controls, handles, draw}, where draw(settings) returns {picture, numbers,
  // sentence}. Handles stay while the picture under them is drawn anew, and with them focus and pointer.
  const pure = ({ size, description, controls, handles = [], draw }) => ({
    mount(element, state) {
      const id = identifier("widget");
      const picture = svg("g", { role: "img", "aria-labelledby": id });
      const stage = svg("svg", { viewBox: `0 0 ${size[0]} ${size[1]}` }, picture);
      const numbers = html("div", { class: "widget-numbers" });
      const sentence = html("p", { class: "widget-sentence", role: "status" });
      const about = html("p", { class: "widget-about", id }, words(description));
      const side = widgets.panel(controls, redraw);
      const held = widgets.hold(stage, handles, side);
      const link = widgets.link(element, side, redraw);

      function redraw() {
        const settings = side.settings();
        const drawn = draw(settings);
        picture.replaceChildren(...drawn.picture.flat(Infinity).filter(Boolean));
        numbers.replaceChildren(...drawn.numbers.map(numberElement));
        sentence.replaceChildren(...(drawn.sentence ? words(drawn.sentence) : []));
        held.refresh(settings);
        link.refresh();
      }

      side.set(state);
      const shown = html("div", { class: "widget-picture" }, stage, held.abouts);
      const panel = html("div", { class: "widget-controls" }, side.elements);
      element.append(about, panel, shown, sentence, numbers, link.element);
      redraw();
      link.follow();
    },
  });

  if (typeof document !== "undefined") document.addEventListener("DOMContentLoaded", () => mountAll());
  return { register, data, mountAll, pure, html, svg, words, svgWords, identifier, readable, fixed, superscript };
})();
