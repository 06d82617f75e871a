// The controls of a widget: ranges, choices, players. Everything else that sets a widget, a handle in its picture or a
// link, sets these.
"use strict";

widgets.panel = (() => {
  const { html, words, readable, identifier } = widgets;

  function rangeControl(spec, changed) {
    const id = identifier("control");
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
      raw: () => Number(input.value),
      limits: () => ({ min: Number(input.min), max: Number(input.max), step: Number(input.step) }),
      text: () => shown.textContent,
      takes(text) {
        const highest = typeof spec.max === "function" ? Infinity : spec.max;
        return text.trim() !== "" && Number(text) >= spec.min && Number(text) <= highest;
      },
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

  function choiceControl(spec, changed, side) {
    const id = identifier("control");
    let chosen = spec.value;
    const buttons = spec.options.map((option) =>
      html("button", { type: "button", "data-control": spec.name, "data-option": option.value }, words(option.label)),
    );
    const mark = () => {
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.option === chosen));
    };
    for (const button of buttons) {
      button.addEventListener("click", () => {
        const { value, sets } = spec.options.find((option) => option.value === button.dataset.option);
        side.move({ [spec.name]: value, ...sets });
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
      raw: () => chosen,
      takes: (text) => spec.options.some((option) => option.value === text),
      refresh() {},
    };
  }

  // What is set in the picture alone: a text, such as a drawing pixel by pixel.
  function textControl(spec) {
    let held = spec.value;
    return {
      name: spec.name,
      element: null,
      set(value) {
        held = value;
      },
      get: () => held,
      raw: () => held,
      takes: (text) => spec.pattern.test(text),
      refresh() {},
    };
  }

  // Buttons that set other controls, and keep no setting of their own.
  function actionsControl(spec, side) {
    const id = identifier("control");
    const buttons = spec.options.map((option) => {
      const button = html("button", { type: "button", "data-action": "" }, words(option.label));
      button.addEventListener("click", () => side.move(option.sets));
      return button;
    });
    const label = html("span", { id, class: "widget-label" }, words(spec.label));
    return html("div", { class: "widget-choice", role: "group", "aria-labelledby": id }, label, buttons);
  }

  // Play, step and reset: they move the control `of` from its least to its largest value.
  function playerControl({ of, by = 1, every = 250 }, side) {
    const id = identifier("control");
    let timer = null;
    const button = (action, label, pressed) => {
      const made = html("button", { type: "button", "data-player": `${action} ${of}` }, words(label));
      made.addEventListener("click", pressed);
      return made;
    };
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.replaceChildren(...words({ ja: "再生", en: "Play" }));
    };
    const at = () => side.raw()[of];
    const ended = () => at() >= side.limits(of).max;
    function step() {
      side.move({ [of]: at() + by * side.limits(of).step });
      if (ended() || !play.isConnected) stop();
    }
    const play = button("play", { ja: "再生", en: "Play" }, () => {
      if (timer !== null) return stop();
      // Who asked for less motion sees where it leads, at once.
      if (matchMedia("(prefers-reduced-motion: reduce)").matches) return side.move({ [of]: side.limits(of).max });
      if (ended()) side.move({ [of]: side.limits(of).min });
      play.replaceChildren(...words({ ja: "一時停止", en: "Pause" }));
      timer = setInterval(step, every);
    });
    const once = button("step", { ja: "1つ進む", en: "Step" }, () => {
      stop();
      step();
    });
    const reset = button("reset", { ja: "最初から", en: "Reset" }, () => {
      stop();
      side.move({ [of]: side.limits(of).min });
    });
    const label = html("span", { id, class: "widget-label unseen" }, side.label(of));
    return html("div", { class: "widget-choice", role: "group", "aria-labelledby": id }, label, play, once, reset);
  }

  // Controls in one frame under one name, for example the numbers of a filter in the filter's own rows and columns.
  function groupControl(spec, changed, side) {
    const inner = spec.controls.map((each) => [each, control(each, changed, side)]);
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

  const KINDS = { range: rangeControl, choice: choiceControl, text: textControl };
  const control = (spec, changed, side) => KINDS[spec.kind](spec, changed, side);

  // The controls of a widget: their elements, ways to set them from outside, and their settings.
  return function panel(specs, changed) {
    const members = [];
    const named = (name) => members.find(([, member]) => member.name === name);
    const side = {
      set(values) {
        for (const [, member] of members) if (member.name in values) member.set(values[member.name]);
      },
      // Sets what lies within the limits of its control, and draws anew.
      move(values) {
        const inside = Object.entries(values).map(([name, value]) => {
          const { min, max } = side.limits(name);
          return [name, min === undefined ? value : Math.min(max, Math.max(min, value))];
        });
        side.set(Object.fromEntries(inside));
        changed();
      },
      // As they stand, once every control has fitted its limits, its text and whether it is shown to the others.
      settings() {
        const now = Object.fromEntries(members.map(([, member]) => [member.name, member.get()]));
        for (const [spec, member] of members) {
          member.refresh(now);
          if (member.element) member.element.hidden = Boolean(spec.hidden && spec.hidden(now));
        }
        return now;
      },
      raw: () => Object.fromEntries(members.map(([, member]) => [member.name, member.raw()])),
      first: () => Object.fromEntries(members.map(([spec, member]) => [member.name, spec.value])),
      limits: (name) => named(name)[1].limits?.() ?? {},
      text: (name) => named(name)[1].text(),
      label: (name) => words(named(name)[0].label),
      takes: (name, text) => Boolean(named(name)?.[1].takes(text)),
    };
    side.elements = specs.map((spec) => {
      if (spec.kind === "actions") return actionsControl(spec, side);
      if (spec.kind === "player") return playerControl(spec, side);
      const part = spec.kind === "group" ? groupControl(spec, changed, side) : control(spec, changed, side);
      members.push(...(part.members || [[spec, part]]));
      return part.element;
    });
    return side;
  };
})();
