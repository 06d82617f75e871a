// Keys that move from slide to slide. The address names the slide, so that it can be opened again.
"use strict";

(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const place = document.querySelector(".place");
  const steps = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
  const ends = { Home: 0, End: slides.length - 1 };
  let current = 0;

  const show = (number) => {
    current = Math.max(0, Math.min(slides.length - 1, number));
    slides[current].scrollIntoView({ behavior: "instant" });
    told();
  };
  const told = () => {
    place.textContent = `${current + 1} / ${slides.length}`;
    history.replaceState(null, "", `#${current + 1}`);
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, a")) return;
    if (!(event.key in steps) && !(event.key in ends)) return;
    event.preventDefault();
    const back = event.key === " " && event.shiftKey;
    show(event.key in ends ? ends[event.key] : current + (back ? -1 : steps[event.key]));
  });

  // Whoever scrolls instead is followed.
  const watch = new IntersectionObserver(
    (seen) => {
      const fills = seen.find((one) => one.isIntersecting);
      if (!fills) return;
      current = slides.indexOf(fills.target);
      told();
    },
    { rootMargin: "-49% 0px -49% 0px" },
  );
  for (const slide of slides) watch.observe(slide);
  show(Number(location.hash.slice(1)) - 1 || 0);
})();
