// Search in the reader's own browser. The index is a script that is loaded when somebody first wants it.
"use strict";

(() => {
  const box = document.querySelector(".search");
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  const most = 12;
  let asked = false;
  let at = -1;

  const language = () => document.documentElement.dataset.language;
  const hint = () => {
    input.placeholder = input.dataset[language()];
  };
  box.hidden = false;
  hint();
  // As the index was folded: no width, no case, katakana as hiragana where a reading is meant.
  const folded = (text) => text.normalize("NFKC").toLowerCase().trim();
  const hiragana = (text) => text.replace(/[ァ-ヶ]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0x60));

  const load = () => {
    if (asked) return;
    asked = true;
    const script = document.createElement("script");
    script.src = "search-index.js";
    script.addEventListener("load", show);
    document.head.append(script);
  };

  const worth = (entry, word) => {
    const names = entry.names;
    const title = folded(entry.title.ja) + " " + folded(entry.title.en);
    for (const form of new Set([word, hiragana(word)])) {
      if (names.split(" ").includes(form)) return 4;
      if (title.startsWith(form)) return 3;
      if (names.includes(form)) return 2;
    }
    return entry.text.includes(word) ? 1 : 0;
  };

  const found = (query) => {
    const words = folded(query).split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    return (window.STUDY_INDEX || [])
      .map((entry) => ({ entry, worths: words.map((word) => worth(entry, word)) }))
      .filter(({ worths }) => Math.min(...worths) > 0)
      .map(({ entry, worths }) => ({ entry, worth: worths.reduce((a, b) => a + b) }))
      .sort((a, b) => b.worth - a.worth)
      .slice(0, most)
      .map(({ entry }) => entry);
  };

  const option = (entry, number) => {
    const link = document.createElement("a");
    link.href = entry.link;
    link.id = "found-" + number;
    link.setAttribute("role", "option");
    link.tabIndex = -1;
    for (const [tag, text] of [
      ["b", entry.title],
      ["span", entry.about],
    ]) {
      const part = document.createElement(tag);
      part.textContent = text[language()];
      part.lang = language() + (language() === "ja" ? "-JP" : "-GB");
      link.append(part);
    }
    return link;
  };

  const close = () => {
    list.hidden = true;
    at = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  function show() {
    at = -1;
    input.removeAttribute("aria-activedescendant");
    if (!input.value.trim() || !window.STUDY_INDEX) return close();
    const entries = found(input.value);
    const nothing = document.createElement("p");
    nothing.append(...[...document.getElementById("search-none").childNodes].map((node) => node.cloneNode(true)));
    list.replaceChildren(...(entries.length ? entries.map(option) : [nothing]));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
  }

  const move = (by) => {
    const options = [...list.querySelectorAll("a")];
    if (!options.length) return;
    at = (at + by + options.length) % options.length;
    options.forEach((one, number) => one.setAttribute("aria-selected", String(number === at)));
    options[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[at].id);
  };

  input.addEventListener("focus", load);
  input.addEventListener("input", () => {
    load();
    show();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      list.querySelectorAll("a")[Math.max(at, 0)]?.click();
    } else if (event.key === "Escape") {
      close();
    }
  });
  document.addEventListener("click", (event) => {
    if (!box.contains(event.target)) close();
  });
  document.addEventListener("choice", () => {
    hint();
    show();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName || "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      input.focus();
    }
  });
})();
