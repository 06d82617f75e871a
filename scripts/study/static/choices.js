// Before anything is drawn: the language and the colours that the reader chose last, or those of the browser.
"use strict";

const choices = {
  read(name) {
    try {
      return localStorage.getItem("study-" + name);
    } catch {
      return null; // storage may be forbidden: the choice then lasts for one page
    }
  },
  write(name, value) {
    try {
      localStorage.setItem("study-" + name, value);
    } catch {
      // as above
    }
  },
  forget(name) {
    try {
      localStorage.removeItem("study-" + name);
    } catch {
      // as above
    }
  },
  apply(name, value) {
    const root = document.documentElement;
    root.dataset[name] = value;
    if (name === "language") root.lang = value;
  },
};

(() => {
  const language = choices.read("language");
  const ofBrowser = (navigator.language || "ja").startsWith("ja") ? "ja" : "en";
  choices.apply("language", language === "ja" || language === "en" ? language : ofBrowser);
  const colours = choices.read("colours");
  choices.apply("colours", colours === "light" || colours === "dark" ? colours : "auto");
})();
