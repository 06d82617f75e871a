// What tests/site/test_site_browser.py asks of a page. Every check returns sentences, one for each thing that is wrong.
"use strict";

globalThis.siteChecks = (() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const said = (element) => element.textContent.trim().replace(/\s+/g, " ").slice(0, 50);

  // Every element in one language stands beside its partner in the other.
  function partners() {
    const wrong = [];
    for (const parent of new Set(all("body [lang=ja], body [lang=en]").map((one) => one.parentElement))) {
      const [ja, en] = ["ja", "en"].map((language) => [...parent.children].filter((one) => one.lang === language));
      if (ja.length !== en.length)
        wrong.push(`${ja.length} in Japanese, ${en.length} in English in "${said(parent)}"`);
      for (const one of [...ja, ...en]) {
        if (!one.textContent.trim() && !one.querySelector("svg"))
          wrong.push(`nothing in lang=${one.lang} in "${said(parent)}"`);
      }
    }
    return wrong;
  }

  function visibleTexts(within = document.body) {
    const walker = document.createTreeWalker(within, NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
      const { parentElement: parent, data } = walker.currentNode;
      if (data.trim() && !parent.closest("script, style") && shown(parent)) texts.push({ parent, data: data.trim() });
    }
    return texts;
  }

  // In a language nothing of the other is seen, but for what is marked as a quotation (ja-JP, en-GB) and for code.
  function otherLanguage(language) {
    const other = language === "ja" ? "en" : "ja";
    const wrong = all(`body [lang=${other}]`)
      .filter(shown)
      .map((one) => `lang=${other} is seen: "${said(one)}"`);
    if (language === "ja") return wrong;
    const japanese = /[\u3041-\u30ff\u4e00-\u9fff]/;
    for (const { parent, data } of visibleTexts()) {
      if (japanese.test(data) && !parent.closest("[lang=ja-JP], code, pre, textarea"))
        wrong.push(`Japanese is seen: "${data}"`);
    }
    return wrong;
  }

  // The three cells of a row begin at one height, and each column at one left edge.
  function aligned() {
    const wrong = [];
    const heads = all(".heads > div").map((one) => one.getBoundingClientRect().left);
    for (const row of all(".step[id]")) {
      const boxes = all(":scope > .cell", row).map((cell) => cell.getBoundingClientRect());
      if (boxes.length !== 3) wrong.push(`${row.id} has ${boxes.length} cells`);
      if (boxes.some((box) => Math.abs(box.top - boxes[0].top) > 1))
        wrong.push(`the cells of ${row.id} begin at different heights`);
      if (boxes.some((box, n) => Math.abs(box.left - heads[n]) > 1))
        wrong.push(`the cells of ${row.id} do not stand under their heads`);
    }
    return wrong;
  }

  // On a phone one column is visible, the chosen one, beside it what the step says, and the choice itself.
  function tabs() {
    const wrong = [];
    for (const chosen of all('input[name="column"]')) {
      const label = chosen.labels[0];
      if (!shown(label)) wrong.push(`the tab of ${chosen.value} is not seen`);
      label.click();
      for (const cell of all(".step[id] > .cell, .step[id] > .derivation > .formula")) {
        const formula = cell.matches(".formula") && chosen.value !== "derivation";
        const wanted = !formula && (cell.closest(".derivation") || cell.dataset.column === chosen.value);
        if (shown(cell) !== Boolean(wanted))
          wrong.push(
            `${chosen.value} is chosen, and ${cell.className} of ${cell.closest(".step").id} is ` +
              (wanted ? "hidden" : "seen"),
          );
      }
    }
    return wrong;
  }

  function wider() {
    const { scrollWidth, clientWidth } = document.documentElement;
    const cut = all(".formula").filter((one) => shown(one) && one.scrollWidth > one.clientWidth + 1);
    const wrong = cut.map((one) => `a formula of ${one.scrollWidth} in a place of ${one.clientWidth}: ${said(one)}`);
    if (scrollWidth <= clientWidth) return wrong;
    const far = all("body *").filter((one) => one.getBoundingClientRect().right > clientWidth + 1 && shown(one));
    const first = far.slice(0, 3).map((one) => `${one.tagName} "${said(one)}"`);
    return [...wrong, `the page is ${scrollWidth} wide on a screen of ${clientWidth}: ${first.join(", ")}`];
  }

  // Letters of a picture are so many CSS pixels high, and a picture that is wider than its place can be scrolled.
  function letters(least) {
    const wrong = new Set();
    for (const text of all("figure svg text").filter(shown)) {
      const picture = text.ownerSVGElement;
      const height = parseFloat(getComputedStyle(text).fontSize) * picture.getScreenCTM().a;
      const place = text.closest("figure").id;
      if (height < least - 0.01) wrong.add(`letters of ${place} are ${height.toFixed(1)} pixels high: "${said(text)}"`);
      const outer = text.closest(".pane") || text.closest("figure");
      if (picture.getBoundingClientRect().width > outer.clientWidth + 1 && outer.tabIndex !== 0)
        wrong.add(`${place} cannot be scrolled by keys`);
    }
    return [...wrong];
  }

  // The glossary's entries stand in the document in the order of the language that is read.
  function alphabetical() {
    const names = all("dl.glossary[lang=en] dt").map((one) => one.firstChild.textContent.trim().toLowerCase());
    return names
      .slice(1)
      .map((name, n) => [names[n], name])
      .filter(([before, after]) => before > after)
      .map(([before, after]) => `"${before}" stands before "${after}"`);
  }

  function unlabelled() {
    return all("input, button, select, summary")
      .filter((one) => !one.labels?.length && !one.getAttribute("aria-label") && !one.textContent.trim())
      .map((one) => `a control has no label: ${one.outerHTML.slice(0, 80)}`);
  }

  // Contrast by WCAG 2: at least 4.5, or 3 for large letters.
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  function channels(colour) {
    if (!known.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      known.set(colour, [...canvas.getImageData(0, 0, 1, 1).data]);
    }
    return known.get(colour);
  }
  const linear = (part) => (part <= 10 ? part / 3294 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  function backdrop(element) {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return channels("canvas");
  }
  function faint() {
    const wrong = new Set();
    for (const { parent, data } of visibleTexts()) {
      if (parent.closest("svg, .unseen")) continue; // pictures are looked at; what is unseen is for screen readers
      const style = getComputedStyle(parent);
      const [one, other] = [luminance(channels(style.color)), luminance(backdrop(parent))].sort((a, b) => b - a);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const contrast = (one + 0.05) / (other + 0.05);
      if (contrast < (large ? 3 : 4.5))
        wrong.add(`contrast ${contrast.toFixed(2)}: ${parent.tagName}.${parent.className} "${data.slice(0, 30)}"`);
    }
    return [...wrong];
  }

  // A symbol that has the focus is marked in the formulas and in the code.
  function symbols() {
    const wrong = [];
    for (const button of all("button[data-symbol]")) {
      button.focus();
      const marked = all(".marked").filter((one) => !one.closest(".symbols"));
      if (!marked.some((one) => one.closest("math"))) wrong.push(`no formula shows ${button.dataset.symbol}`);
      if (!marked.some((one) => one.closest(".code"))) wrong.push(`no code shows ${button.dataset.symbol}`);
      if (marked.some((one) => one.dataset.symbol !== button.dataset.symbol))
        wrong.push(`another than ${button.dataset.symbol} is marked`);
      button.blur();
    }
    if (all(".marked").length) wrong.push("a symbol stays marked without focus");
    return wrong;
  }

  // Every control of a widget changes its picture and its numbers: as the widget stands, or with the others moved
  // (a learning rate shows nothing before the first step).
  function controls() {
    const wrong = [];
    for (const widget of all(".widget")) {
      const name = widget.dataset.widget;
      if (!widget.querySelector("svg") || !widget.querySelector("[data-quantity]"))
        wrong.push(`${name} shows no picture or no numbers`);
      const ranges = all("input[type=range]", widget);
      const first = ranges.map((one) => one.value);
      const most = ranges.map((one) => one.max);
      ranges.forEach((range, number) => {
        const [picture, numbers] = [first, most]
          .map((others) => follows(widget, ranges, range, others))
          .reduce((a, b) => a.map((x, n) => x || b[n]));
        if (!picture) wrong.push(`${name}: the picture does not follow ${said(range.labels[0])}`);
        if (!numbers) wrong.push(`${name}: no number follows ${said(range.labels[0])}`);
        ranges.forEach((one, n) => set(one, first[n]));
      });
    }
    return wrong;
  }
  function set(range, value) {
    range.value = value;
    range.dispatchEvent(new Event("input", { bubbles: true }));
  }
  function follows(widget, ranges, range, others) {
    const state = () => [
      all("svg", widget)
        .map((one) => one.innerHTML)
        .join(),
      all("[data-quantity]", widget)
        .map((one) => one.dataset.value)
        .join(),
    ];
    ranges.forEach((one, n) => set(one, others[n]));
    set(range, range.min);
    const low = state();
    set(range, range.max);
    return state().map((one, n) => one !== low[n]);
  }

  const anchors = () => ({
    ids: all("[id]").map((one) => one.id),
    // Where a widget's link leads is tested with the widgets: it sets them, and is no place on the page.
    links: all("a[href]:not(.widget-link)")
      .map((one) => one.href)
      .filter((link) => link.startsWith("file:")),
  });

  return {
    aligned,
    alphabetical,
    anchors,
    controls,
    faint,
    letters,
    otherLanguage,
    partners,
    symbols,
    tabs,
    unlabelled,
    wider,
  };
})();
