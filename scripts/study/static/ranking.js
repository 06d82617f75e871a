// Which pages answer a query, the best first, each with the passage that answers. Nothing here knows of the page that
// is shown, so the tests run this very file.
"use strict";

const ranking = (() => {
  const { folded, squeezed, tokens, row, stem, distance, slips, kana, JAPANESE } = wording;
  // What counts how much; found with the queries in docs/study/queries/development.toml.
  const TITLE = 1; // a page's own name in the query
  const TERM = 0.7; // the name of one of its terms
  const OTHER_NAME = 0.35; // a text that says it by another of the term's names
  const GUESSED = 0.7; // a word that was mended or finished
  const CHARACTER = 0.3; // a single kanji, beside a pair
  const GLOSSARY = 0.5; // an entry of the glossary, beside the page that explains it
  const TOP = 1.2; // how much better than the top of its page a passage must be
  const [OFTEN, LONG] = [1.5, 0.4]; // BM25's k and b
  const MOST = 12;
  const LONGEST = 200; // of what is pasted into the box, no more letters are read

  // The index made ready. An owner is a page or an entry of the glossary; a place is a passage of one.
  const prepared = (data) => {
    const fold = (text) => folded(text, data.spellings);
    const index = { data, fold, owners: [], places: [], names: new Map(), counts: new Map() };
    index.common = new Set(data.common.map(stem));
    for (const page of data.pages) own(index, page, page.passages);
    for (const term of data.terms) own(index, term, [["glossary", term.anchor, term.about.ja, term.about.en, ""]]);
    index.places.forEach((place, number) => count(index, place, number));
    for (const kind of ["places", "owners"]) index[`${kind}Length`] = mean(index[kind].map((one) => one.length));
    data.pages.forEach((page, number) => name(index, page.called, [number], TITLE));
    data.terms.forEach((term, number) => {
      const [page, own] = [data.pages.findIndex((one) => one.slug === term.page), data.pages.length + number];
      if (page >= 0) index.owners[own].page = page;
      name(index, term.called, page < 0 ? [own] : [page, own], TERM);
    });
    index.keys = [...index.names.keys()].sort((a, b) => b.length - a.length);
    const inNames = index.keys.filter((key) => !JAPANESE.test(key)).flatMap((key) => key.split(" "));
    index.vocabulary = [...new Set([...inNames, ...index.counts.keys()])].filter((word) => /^[a-z]\w/.test(word));
    index.known = new Set(index.vocabulary);
    return index;
  };
  const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / Math.max(numbers.length, 1);

  const own = (index, entry, passages) => {
    const owner = index.owners.push({ entry, length: 0, passages: 0 }) - 1;
    passages.forEach(([section, anchor, ja, en, code], number) =>
      index.places.push({ owner, section, anchor, text: { ja, en }, code, top: number === 0, length: 0 }),
    );
  };

  // A page's names count as words of its top, and more than others on the page.
  const count = (index, place, number) => {
    const owner = index.owners[place.owner];
    const read = (texts) => texts.flatMap((text) => tokens(index.fold(text)));
    const said = read([place.text.ja, place.text.en, place.code]);
    const names = place.top ? read(owner.entry.called) : [];
    for (const kind of ["places", "owners"]) {
      for (const token of names) more(index, token, kind, kind === "places" ? number : place.owner, 3);
      for (const token of said) more(index, token, kind, kind === "places" ? number : place.owner, 1);
    }
    place.length = said.length;
    owner.length += said.length;
    owner.passages += 1;
  };
  const more = (index, token, kind, number, times) => {
    if (!index.counts.has(token)) index.counts.set(token, { places: new Map(), owners: new Map() });
    const counted = index.counts.get(token)[kind];
    counted.set(number, (counted.get(number) || 0) + times);
  };
  const rarity = (index, token) => {
    const held = index.counts.get(token)?.places.size || 0;
    return held ? Math.log(1 + (index.places.length - held + 0.5) / (held + 0.5)) : 0;
  };

  // A Japanese name is looked for inside the query, an English one as a row of its words.
  const keyOf = (text) => (JAPANESE.test(text) ? squeezed(text) : row(text).map(stem).join(" "));
  const name = (index, called, owners, worth) => {
    const folds = called.map(index.fold);
    const ways = folds.map((text) => tokens(text).filter((token) => token.length > 1));
    const sums = ways.map((way) => way.reduce((sum, token) => sum + rarity(index, token), 0));
    const strength = Math.max(2, ...sums.map((sum, number) => sum / Math.sqrt(ways[number].length || 1)));
    folds.forEach((text, number) => {
      const others = ways.filter((way, other) => other !== number && way.length);
      const key = keyOf(text);
      if (key) index.names.set(key, [...(index.names.get(key) || []), { owners, worth: worth * strength, others }]);
    });
  };

  // A query as slots: each is one thing that was said, in the ways in which a text may say it; a way is a list of
  // [token, weight], all of which must stand there. Beside them the words in which names are looked for.
  const understood = (index, query) => {
    let said = index.fold(query.slice(0, LONGEST));
    for (const phrase of index.data.phrases) said = said.replaceAll(phrase, " ");
    const spoken = row(said);
    const slots = spoken.filter((word) => JAPANESE.test(word)).flatMap(japanese);
    let [words, glued] = [spoken.filter((word) => !JAPANESE.test(word)), squeezed(said)];
    for (const token of tokens(words.filter((word) => !index.common.has(stem(word))).join(" "))) {
      if (index.known.has(token) || !/^[a-z]\w/.test(token)) slots.push([[[token, 1]]]);
      else {
        const guesses = meant(index, token);
        slots.push(guesses.map((guess) => [[guess, GUESSED]]));
        if (guesses.length) words = words.map((word) => (stem(word) === token ? guesses[0] : word));
        else glued += ` ${kana(token)}`;
      }
    }
    return { slots, words: words.map(stem), glued: glued.trim() };
  };
  // The pairs of a long word together count little more than those of a short one.
  const japanese = (word) => {
    const pairs = tokens(word);
    return pairs.map((pair) => [[[pair, (pair.length > 1 ? 1 : CHARACTER) / Math.sqrt(pairs.length)]]]);
  };
  // What an unknown word may be: one not yet typed to its end, or one with a slip.
  const meant = (index, word) => {
    const longer = word.length < 3 ? [] : index.vocabulary.filter((known) => known.startsWith(word));
    const most = slips(word);
    const near = index.vocabulary.map((known) => [known, distance(word, known, most)]);
    const least = Math.min(most, ...near.map(([, slipped]) => slipped));
    longer.sort((a, b) => a.length - b.length).splice(8);
    return [...new Set([...longer, ...near.filter(([, slipped]) => slipped <= least).map(([known]) => known)])];
  };

  // The names in the query, the longest first, none inside another; then those that are only begun, or have a slip.
  const called = (index, { words, glued }) => {
    let [left, line] = [glued, ` ${words.join(" ")} `];
    const found = [];
    for (const key of index.keys) {
      if (JAPANESE.test(key) ? long(key, glued) && left.includes(key) : line.includes(` ${key} `)) {
        found.push({ key, share: 1 });
        if (JAPANESE.test(key)) left = left.replaceAll(key, " ");
        else line = line.replaceAll(` ${key} `, " | ");
      }
    }
    const pieces = [...left.split(" ").filter((piece) => JAPANESE.test(piece)), ...(found.length ? [] : [line.trim()])];
    return [...found, ...[...new Set(pieces)].flatMap((piece) => nearly(index, piece))];
  };
  // Kana of a few letters are in many sentences by chance.
  const long = (key, glued) => /[一-鿿]/.test(key) || key.length > 3 || key === glued;
  const nearly = (index, piece) => {
    const most = JAPANESE.test(piece) ? slips(piece) : 0;
    if (piece.length < 3) return [];
    return index.keys.flatMap((key) => {
      if (key.startsWith(piece)) return [{ key, share: Math.sqrt(piece.length / key.length) }];
      return most && JAPANESE.test(key) && distance(piece, key, most) <= most ? [{ key, share: GUESSED }] : [];
    });
  };

  // What one slot is worth wherever it stands: the most of its ways of being said.
  const worthOf = (index, slot, kind) => {
    const most = new Map();
    for (const way of slot) {
      let sums = null;
      for (const [token, weight] of way) {
        const next = new Map();
        for (const [number, times] of index.counts.get(token)?.[kind] || []) {
          const size = 1 - LONG + (LONG * index[kind][number].length) / index[`${kind}Length`];
          const worth = (weight * rarity(index, token) * times * (OFTEN + 1)) / (times + OFTEN * size);
          if (sums === null || sums.has(number)) next.set(number, (sums?.get(number) || 0) + worth);
        }
        sums = next;
      }
      for (const [number, sum] of sums || []) most.set(number, Math.max(most.get(number) || 0, sum));
    }
    return most;
  };

  // What a slot is worth in choosing among the passages of one page: the less, the more of them say it.
  const telling = (index, worths) => {
    const holding = new Map();
    const ownerOf = (number) => index.places[number].owner;
    for (const number of worths.keys()) holding.set(ownerOf(number), (holding.get(ownerOf(number)) || 0) + 1);
    const share = (owner) => Math.log((index.owners[owner].passages + 1) / holding.get(owner));
    return [...worths].map(([number, worth]) => [number, worth * share(ownerOf(number))]);
  };

  // The passage of each owner that says most of it; the top of the page, unless another says clearly more.
  const passages = (index, worths) => {
    const best = index.owners.map(() => null);
    index.places.forEach((place, number) => {
      const worth = worths[number] * (place.top ? TOP : 1);
      if (worth > (best[place.owner]?.worth || 0)) best[place.owner] = { place, worth };
    });
    return best;
  };

  const answers = (index, query) => {
    const understanding = understood(index, query);
    const worths = index.owners.map(() => 0);
    const [said, told] = [index.places.map(() => 0), index.places.map(() => 0)];
    const slots = [...understanding.slots];
    for (const { key, share } of called(index, understanding)) {
      for (const { owners, worth, others } of index.names.get(key)) {
        for (const number of owners) worths[number] += share * worth;
        slots.push(others.map((way) => way.map((token) => [token, (OTHER_NAME * share) / Math.sqrt(way.length)])));
      }
    }
    for (const slot of slots) {
      for (const [number, worth] of worthOf(index, slot, "owners")) worths[number] += worth;
      const inPlaces = worthOf(index, slot, "places");
      for (const [number, worth] of inPlaces) said[number] += worth;
      for (const [number, worth] of telling(index, inPlaces)) told[number] += worth;
    }
    passages(index, said).forEach((best, number) => (worths[number] += best?.worth || 0));
    return inOrder(index, worths, passages(index, told));
  };

  // An entry of the glossary says less than the page that explains it, and comes after it.
  const inOrder = (index, worths, best) => {
    const found = index.owners.map(({ entry, page }, number) => {
      const worth = page === undefined ? worths[number] : Math.min(GLOSSARY * worths[number], 0.99 * worths[page]);
      return { entry, place: best[number]?.place, worth };
    });
    return found.filter(({ worth }) => worth > 0).sort((a, b) => b.worth - a.worth).slice(0, MOST).map(shown);
  };
  const shown = ({ entry, place }) => ({
    page: entry.slug,
    link: `${entry.slug}.html${entry.anchor || place?.anchor ? `#${entry.anchor || place.anchor}` : ""}`,
    title: entry.title,
    section: place?.section || "question",
    about: place?.text || entry.about || entry.question,
  });

  return { prepared, answers };
})();
