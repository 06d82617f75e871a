// What a page does: remembers choices, marks a symbol everywhere, shows one column at a time on phones, opens folds
// for print.
"use strict";

(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Choices are radio buttons, which also work without this script; it keeps them from page to page.
  for (const name of ["language", "colours"]) {
    for (const button of all(`input[name="${name}"]`)) {
      button.checked = button.value === document.documentElement.dataset[name];
      button.addEventListener("change", () => {
        choices.apply(name, button.value);
        choices.write(name, button.value);
        document.dispatchEvent(new CustomEvent("choice", { detail: { name, value: button.value } }));
      });
    }
  }
  for (const button of all('input[name="column"]')) {
    button.checked = button.value === (choices.read("column") || "derivation");
    button.addEventListener("change", () => choices.write("column", button.value));
  }
  // Another tab of the same site may have chosen otherwise meanwhile.
  window.addEventListener("storage", (event) => {
    const name = (event.key || "").replace("study-", "");
    const button = all(`input[name="${name}"]`).find((one) => one.value === event.newValue);
    if (button) {
      button.checked = true;
      if (name !== "column") choices.apply(name, button.value);
    }
  });

  // A symbol is marked where the pointer or the focus is, and stays marked once it is chosen.
  let chosen = null;
  const mark = (name) => {
    for (const one of all("[data-symbol]"))
      one.classList.toggle("marked", name !== null && one.dataset.symbol === name);
  };
  const under = (event) => event.target.closest?.("[data-symbol]");
  for (const [enter, leave] of [
    ["mouseover", "mouseout"],
    ["focusin", "focusout"],
  ]) {
    document.addEventListener(enter, (event) => {
      const symbol = under(event);
      if (symbol) mark(symbol.dataset.symbol);
    });
    document.addEventListener(leave, (event) => {
      if (under(event)) mark(chosen);
    });
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-symbol]");
    if (!button) return;
    chosen = chosen === button.dataset.symbol ? null : button.dataset.symbol;
    for (const one of all("button[data-symbol]"))
      one.setAttribute("aria-pressed", String(one.dataset.symbol === chosen));
    mark(chosen);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || chosen === null) return;
    chosen = null;
    for (const one of all("button[data-symbol]")) one.setAttribute("aria-pressed", "false");
    mark(null);
  });

  // A term has a place in each language's list: whoever comes to the one that is hidden is led to the other.
  const lead = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (place?.dataset.partner && !place.checkVisibility()) location.replace(`#${place.dataset.partner}`);
  };
  window.addEventListener("hashchange", lead);
  document.addEventListener("choice", lead);
  lead();

  // What is wider than its place is reached by the Tab key, and then scrolled by the arrow keys.
  const reach = (scrolled) => {
    if (scrolled.scrollWidth > scrolled.clientWidth) scrolled.tabIndex = 0;
    else scrolled.removeAttribute("tabindex");
  };
  const sizes = new ResizeObserver((seen) => seen.forEach((one) => reach(one.target)));
  for (const one of all(".formula, pre:not(.code), .pane")) sizes.observe(one);

  // On paper nothing can be unfolded; answers and solutions are printed where the reader opened them.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open], .answer)");
    for (const fold of opened) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });
})();
