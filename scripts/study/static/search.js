// The search box: what words.js and ranking.js find, in the reader's own browser. Both and the index are loaded when
// somebody first wants them.
"use strict";

(() => {
  const box = document.querySelector(".search");
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  let asked = false;
  let index = null;
  let at = -1;

  const language = () => document.documentElement.dataset.language;
  const hint = () => {
    input.placeholder = input.dataset[language()];
  };
  box.hidden = false;
  hint();
  const load = () => {
    if (asked) return;
    asked = true;
    for (const source of ["words.js", "ranking.js", "search-index.js"]) {
      const script = document.createElement("script");
      script.src = source;
      script.async = false; // in this order
      script.addEventListener("load", show);
      document.head.append(script);
    }
  };

  const option = (entry, number) => {
    const link = document.createElement("a");
    link.href = entry.link;
    link.id = "found-" + number;
    link.setAttribute("role", "option");
    link.tabIndex = -1;
    const section = window.STUDY_INDEX.sections[entry.section];
    for (const [tag, text] of [
      ["b", entry.title],
      ["i", section],
      ["span", entry.about],
    ]) {
      if (!text) continue;
      const part = document.createElement(tag);
      part.textContent = text[language()];
      part.lang = language() + (language() === "ja" ? "-JP" : "-GB");
      link.append(part);
    }
    link.addEventListener("click", close); // the passage may stand on this very page
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
    if (!window.STUDY_INDEX) return close(); // it is loaded last
    index ||= ranking.prepared(window.STUDY_INDEX);
    if (!input.value.trim()) return close();
    const entries = ranking.answers(index, input.value);
    const nothing = document.createElement("p");
    nothing.setAttribute("role", "option"); // a list of options holds nothing else
    nothing.setAttribute("aria-disabled", "true");
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
