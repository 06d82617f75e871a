// What the texts of the site and a query are compared by: spellings folded, English stems, Japanese pairs, slips.
"use strict";

const wording = (() => {
  const WORD = /[a-z_][a-z0-9_]*|[0-9]+|[α-ωδ∂∇√∞]|[-+*/@^=.]|[ぁ-ゖァ-ヺー々一-鿿]+/gu;
  const JAPANESE = /[ぁ-ゖァ-ヺ々一-鿿]/u;
  const HIRAGANA = /[ぁ-ゖ]/;
  const PARTICLE = /[がはをにのでともへや]/;
  const OPERATOR = /^[-+*/@^=.]$/;

  // Width, case, dashes and primes are one; what the data call the same spelling is spelled alike.
  const folded = (text, spellings) => {
    let said = text.normalize("NFKC").toLowerCase().replace(/[’′‘]/g, "'").replace(/[‐-―−]/g, "-");
    said = said.replace(/([a-z0-9)])\s*ー\s*(?=[a-z0-9(])/g, "$1-");
    for (const [one, other] of spellings) said = said.replaceAll(one, other);
    return said;
  };
  const hiragana = (text) => text.replace(/[ァ-ヶ]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0x60));
  // A Japanese name without what people leave out or write either way.
  const squeezed = (text) => hiragana(text).replace(/[\sー・()（）「」、。?？!！]/g, "");

  // One form for the forms of an English word; it need not be a word.
  const stem = (word) => {
    if (word.length < 4 || word.includes("_")) return word;
    const plain = word.replace(/ies$/, "y").replace(/([^s])s$/, "$1");
    const cut = plain.replace(/is(e|ed|ing|ation)$/, "iz").replace(/(ization|ation|ing|ed|ly|al|e)$/, (end) =>
      end === "ization" ? "iz" : "",
    );
    const short = cut.length < 3 ? plain : cut;
    return short.replace(/([^aeioul])\1$/, "$1");
  };

  const words = (text) => text.match(WORD) || [];
  // The words in a row, without the hyphens that join two of them.
  const row = (text) => {
    const pieces = words(text);
    return pieces.filter((piece, n) => piece !== "-" || !(pieces[n - 1]?.length > 2 && pieces[n + 1]?.length > 2));
  };

  // Japanese has no spaces: pairs of neighbouring characters, but none that begin with or end in grammar.
  const pairs = (run) => {
    const letters = [...run.replaceAll("ー", "")];
    const kept = [];
    letters.forEach((letter, n) => {
      const next = letters[n + 1];
      if (!HIRAGANA.test(letter) && next && !PARTICLE.test(next)) kept.push(hiragana(letter + next));
      if (/[一-鿿]/.test(letter)) kept.push(letter);
    });
    return kept;
  };

  // What a text is found by: stems, whole identifiers and their parts, short expressions such as p-t, and pairs.
  const tokens = (text) => {
    const found = [];
    const pieces = words(text);
    pieces.forEach((piece, n) => {
      if (JAPANESE.test(piece)) found.push(...pairs(piece));
      else if (OPERATOR.test(piece)) {
        const [left, right] = [pieces[n - 1] || "", pieces[n + 1] || ""];
        const short = Math.min(left.length, right.length);
        if (short && short < 3 && !JAPANESE.test(left + right)) found.push(left + piece + right);
      } else if (piece.length > 1) {
        found.push(stem(piece));
        const parts = piece.split("_").filter((part) => part.length > 1);
        if (parts.join("_") !== piece || parts.length > 1) found.push(...parts.map(stem));
      }
    });
    return found;
  };

  // Letters put in, left out, exchanged or in the wrong order; more than `most` is only known to be more.
  const distance = (one, other, most) => {
    if (Math.abs(one.length - other.length) > most) return most + 1;
    let [older, old] = [[], [...Array(other.length + 1).keys()]];
    for (let i = 1; i <= one.length; i++) {
      const row = [i];
      for (let j = 1; j <= other.length; j++) {
        const same = one[i - 1] === other[j - 1];
        row[j] = Math.min(old[j] + 1, row[j - 1] + 1, old[j - 1] + (same ? 0 : 1));
        const turned = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
        if (turned) row[j] = Math.min(row[j], older[j - 2] + 1);
      }
      if (Math.min(...row) > most) return most + 1;
      [older, old] = [old, row];
    }
    return old[other.length];
  };
  const slips = (word) => (word.length < 4 ? 0 : word.length < 8 ? 1 : 2);

  // Romaji as kana, in either of its usual spellings; nothing where the word is not wholly romaji.
  const ROWS = {
    "": "あいうえお", k: "かきくけこ", s: "さしすせそ", t: "たちつてと", n: "なにぬねの", h: "はひふへほ", m: "まみむめも",
    y: "や ゆ よ", r: "らりるれろ", w: "わ   を", g: "がぎぐげご", z: "ざじずぜぞ", d: "だぢづでど", b: "ばびぶべぼ",
    p: "ぱぴぷぺぽ", f: "  ふ  ", j: " じ   ",
  };
  const SOUNDS = new Map([["shi", "し"], ["chi", "ち"], ["tsu", "つ"], ["fa", "ふぁ"], ["fi", "ふぃ"], ["fe", "ふぇ"],
    ["fo", "ふぉ"], ["ti", "てぃ"], ["di", "でぃ"], ["je", "じぇ"], ["she", "しぇ"], ["n", "ん"]]);
  for (const [first, kana] of Object.entries(ROWS)) {
    [..."aiueo"].forEach((vowel, n) => {
      if (kana[n] && kana[n] !== " " && !SOUNDS.has(first + vowel)) SOUNDS.set(first + vowel, kana[n]);
    });
    if (/^[kgnhbpmrszt]$/.test(first))
      ["ya", "yu", "yo"].forEach((end, n) => SOUNDS.set(first + end, kana[1] + "ゃゅょ"[n]));
  }
  for (const [first, kana] of [["sh", "し"], ["ch", "ち"], ["j", "じ"]])
    [..."auo"].forEach((vowel, n) => SOUNDS.set(first + vowel, kana + "ゃゅょ"[n]));
  const kana = (word) => {
    let said = "";
    for (let at = 0; at < word.length; ) {
      const doubled = word[at] === word[at + 1] && /[kstpcgzdbjf]/.test(word[at]);
      const length = doubled ? 1 : [3, 2, 1].find((most) => SOUNDS.has(word.slice(at, at + most)));
      if (!length) return "";
      said += doubled ? "っ" : SOUNDS.get(word.slice(at, at + length));
      at += length;
    }
    return said;
  };

  return { folded, hiragana, squeezed, stem, row, tokens, distance, slips, kana, JAPANESE };
})();
