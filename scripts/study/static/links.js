// A link keeps the settings of a widget, for a lesson: page.html#widget=descent&steps=20 opens with them.
"use strict";

widgets.link = (() => {
  const { html, words } = widgets;
  const NOTE = {
    ja: (told) => `リンクの設定「${told}」はこの図では使えないので、はじめの値のままにしました。`,
    en: (told) => `The link sets “${told}”, which this widget does not take: it stays as it was at first.`,
  };

  // What the page's address says of this widget: [name, text] pairs, or null.
  function given(name) {
    const said = [...new URLSearchParams(location.hash.slice(1))];
    return said[0]?.[0] === "widget" && said[0][1] === name ? said.slice(1) : null;
  }

  const spelled = (name, side) => {
    const first = side.first();
    const moved = Object.entries(side.raw()).filter(([key, value]) => String(value) !== String(first[key]));
    return `#${new URLSearchParams([["widget", name], ...moved])}`;
  };

  // The link below a widget, and what was set by the link that led here.
  return function link(element, side, redraw) {
    const name = element.dataset.widget;
    const anchor = html(
      "a",
      { class: "widget-link" },
      words({ ja: "この設定へのリンク", en: "Link to these settings" }),
    );
    const note = html("p", { class: "widget-note", role: "status" });

    function follow() {
      const said = given(name);
      if (!said || spelled(name, side) === location.hash) return;
      const [taken, refused] = [[], []];
      for (const [key, text] of said) (side.takes(key, text) ? taken : refused).push([key, text]);
      side.set(side.first());
      side.set(Object.fromEntries(taken));
      const told = refused.map((pair) => pair.join("=")).join(", ");
      note.replaceChildren(...(told ? words({ ja: NOTE.ja(told), en: NOTE.en(told) }) : []));
      redraw();
      (element.closest("figure") || element).scrollIntoView({ block: "start" });
    }
    window.addEventListener("hashchange", () => element.contains(anchor) && follow());
    const refresh = () => anchor.setAttribute("href", spelled(name, side));
    return { element: html("div", { class: "widget-foot" }, note, anchor), follow, refresh };
  };
})();
