// The editor of an exercise: what is written is kept in this browser, and judged by `functional-nn study`, where that
// is what serves the page.
"use strict";

(() => {
  const editor = document.querySelector(".editor");
  const code = editor.querySelector("textarea");
  const [judged, status, start] = [".judged", ".status", ".start"].map((place) => editor.querySelector(place));
  const button = (does) => editor.querySelector(`[data-does="${does}"]`);
  const exercise = editor.dataset.exercise;
  const desk = location.protocol === "http:" && /^\/study-[\w-]+\//.exec(location.pathname)?.[0];
  const draft = (name) => `draft-${name}`;

  // Sentences, in both languages: those of the page, and those that the server sends.
  const word = (name, value = "") =>
    [...editor.querySelector(`[data-word="${name}"]`).childNodes].map((one) => {
      const said = one.cloneNode(true);
      said.textContent = said.textContent.replace("{}", value);
      return said;
    });
  const both = (sentence) =>
    ["ja", "en"].map((language) => made("span", { lang: language }, coded(sentence[language])));
  // What stands between backquotes is code, if each has its partner.
  function coded(text) {
    const parts = text.split("`");
    return parts.length % 2 ? parts.map((part, at) => (at % 2 ? made("code", {}, part) : part)) : [text];
  }
  function made(tag, attributes, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...inside.flat());
    return element;
  }
  const say = (...inside) => status.replaceChildren(...inside.flat());

  // What is written, kept from one visit to the next; the server is told of the other exercises too, for imports.
  const names = editor.dataset.all.split(" ");
  const texts = () => {
    const kept = names.map((name) => [name, choices.read(draft(name))]).filter(([, text]) => text !== null);
    return { ...Object.fromEntries(kept), [exercise]: code.value };
  };
  code.value = choices.read(draft(exercise)) ?? code.defaultValue;
  code.addEventListener("input", () => {
    choices.write(draft(exercise), code.value);
    if (choices.read(draft(exercise)) !== code.value) say(word("not_kept"));
  });
  window.addEventListener("storage", (event) => {
    if (event.key !== `study-${draft(exercise)}` || event.newValue === code.value) return;
    code.value = event.newValue ?? code.defaultValue;
    say(word("elsewhere"));
  });

  // Keys. Text is put in by a command of the browser, so that its own undo knows of it.
  const put = (text) =>
    document.execCommand("insertText", false, text) || code.setRangeText(text, ...selected(), "end");
  const selected = () => [code.selectionStart, code.selectionEnd];
  const lineStart = (at) => code.value.lastIndexOf("\n", at - 1) + 1;
  function indent(back) {
    const [from, to] = selected();
    if (from === to && !back) return put("    ");
    const begin = lineStart(from);
    const lines = code.value.slice(begin, to);
    code.setSelectionRange(begin, to);
    const moved = back ? lines.replace(/^ {1,4}/gm, "") : lines.replace(/^(?=.)/gm, "    ");
    if (moved !== lines) put(moved);
    const end = begin + moved.length;
    return code.setSelectionRange(from === to ? Math.max(begin, from + moved.length - lines.length) : begin, end);
  }
  function newLine() {
    const [from] = selected();
    const before = code.value.slice(lineStart(from), from);
    put(`\n${/^ */.exec(before)[0]}${before.trimEnd().endsWith(":") ? "    " : ""}`);
  }
  code.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const does = {
      Tab: () => indent(event.shiftKey),
      Escape: () => button("run").focus(),
      Enter: event.ctrlKey || event.metaKey ? run : newLine,
    }[event.key];
    if (!does || event.altKey || (event.key === "Tab" && (event.ctrlKey || event.metaKey))) return;
    event.preventDefault();
    does();
  });
  function goTo(line) {
    const before = code.value.split("\n").slice(0, line - 1);
    const from = before.reduce((length, one) => length + one.length + 1, 0);
    code.focus();
    code.setSelectionRange(from, (code.value + "\n").indexOf("\n", from));
    code.scrollTop = ((line - 6) * code.scrollHeight) / code.value.split("\n").length;
  }

  // The server.
  const ask = (what, body) =>
    fetch(desk + what, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).then((answer) => answer.json());
  let runs = false;
  async function run() {
    if (runs) return;
    if (!desk) return needsServer("no_server");
    runs = true;
    start.hidden = true;
    button("stop").hidden = false;
    judged.replaceChildren();
    say(word("running"));
    try {
      const language = document.documentElement.dataset.language;
      show(await ask("run", { exercise, texts: texts(), language }), language);
    } catch {
      needsServer("gone");
    }
    runs = false;
    button("stop").hidden = true;
  }
  function needsServer(why) {
    say(word(why));
    start.hidden = false;
  }

  // The report: the first thing to mend, in words; the rest behind a fold.
  const MARKS = { pass: ["✓", "right"], fail: ["✗", "wrong"], "cannot tell": ["?", "unsure"] };
  function show({ sentence, parts = [], printed = "", cut }, language) {
    const right = parts.filter((one) => one.verdict === "pass").length;
    const done = parts.length > 0 && right === parts.length && !sentence;
    if (parts.some((one) => one.name)) progress.note(exercise, right, Math.max(parts.length, editor.dataset.parts));
    say(sentence ? both(sentence) : done ? word("all_right") : []);
    const first = parts.find((one) => one.verdict !== "pass");
    judged.replaceChildren(
      made("ul", { class: "parts" }, parts.filter((one) => one.name).map(line)),
      ...(first ? [toMend(first)] : []),
      ...(printed ? [fold("printed", printed, cut ? word("cut") : [])] : []),
      ...(parts.length ? [fold("rest", parts.map((one) => one.text).join("\n\n"), [], language)] : []),
    );
    editor.classList.toggle("done", done);
  }
  const line = ({ name, verdict }) => {
    const [mark, said] = MARKS[verdict];
    const sign = made("span", { "aria-hidden": "true" }, mark);
    return made("li", { class: said }, sign, " ", made("code", {}, name), " ", word(said));
  };
  // Shown in either language: the report is in the one that was asked for, what a file prints in any.
  const fold = (name, text, after = [], language = "en") => {
    const lang = { ja: "ja-JP", en: "en-GB" }[language];
    const shown = made("pre", { class: "report", lang, tabindex: "0" }, text);
    return made("details", {}, made("summary", {}, word(name)), shown, after);
  };
  function toMend({ name, first, reason, ja }) {
    const said = (text) => both({ en: text, ja: ja[text] });
    const at = first?.line ?? lineOf(reason, name);
    const jump = made("button", { type: "button" }, word("line", at));
    jump.addEventListener("click", () => goTo(at));
    return made(
      "div",
      { class: "mend" },
      made("p", {}, made("strong", {}, word("first")), " ", name ? made("code", {}, name) : "", " ", at ? jump : ""),
      made("p", {}, said(first ? first.message : reason)),
      ...(first?.got != null ? [made("p", {}, ...entry(first))] : []),
      ...(first?.fix ? [made("p", {}, word("mend"), ": ", said(first.fix))] : []),
    );
  }
  const number = (value) => (typeof value === "number" ? String(Number(value.toPrecision(4))) : value);
  const entry = ({ argument, index, got, expected }) => [
    `${argument ?? "out"}[${(index ?? []).join(", ")}]: `,
    word("got", number(got)),
    ...(expected != null ? [word("expected", number(expected))] : []),
  ];
  // The line that a sentence names, or that of the function that is to be written.
  function lineOf(reason, name) {
    const named = / in line (\d+)/.exec(reason)?.[1];
    if (named) return Number(named);
    const written = `^[^]*?^def ${name}\\w*_(bwd|derivative|step)\\b|^[^]*?^def ${name}\\b`;
    const before = name && new RegExp(written, "m").exec(code.value);
    return before ? before[0].split("\n").length : 0;
  }

  // The buttons.
  let sure = false;
  button("run").addEventListener("click", run);
  button("stop").addEventListener("click", () => ask("stop", {}).catch(() => needsServer("gone")));
  button("put-back").addEventListener("click", () => {
    if (!sure) say(word("sure"));
    else {
      code.value = code.defaultValue;
      choices.forget(draft(exercise));
      say();
    }
    sure = !sure;
  });
  button("put-back").addEventListener("blur", () => (sure = false));

  editor.hidden = false;
  if (!desk) needsServer("no_server");
})();
