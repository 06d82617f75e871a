// What the reader has done, kept in this browser: how far each exercise is, and the page read last.
"use strict";

const progress = {
  of: (exercise) => choices.read(`done-${exercise}`) || "",
  note: (exercise, right, all) => choices.write(`done-${exercise}`, `${right} / ${all}`),
};

(() => {
  for (const shown of document.querySelectorAll(".progress")) {
    const done = progress.of(shown.dataset.exercise);
    for (const place of shown.querySelectorAll("b")) place.textContent = done;
    shown.hidden = !done;
  }
  const page = document.body.dataset.page;
  const again = document.querySelector(".again");
  const entry = again && document.querySelector(`.contents a[href="${CSS.escape(choices.read("page") || "")}.html"]`);
  if (entry) {
    const link = again.querySelector("a");
    link.href = entry.getAttribute("href");
    link.replaceChildren(...[...entry.querySelector(".name").childNodes].map((one) => one.cloneNode(true)));
    again.hidden = false;
  }
  if (page !== "index" && page !== "glossary") choices.write("page", page);
})();
