// The filter, and links into what is closed. The page is complete without this script.
(() => {
  "use strict";
  const filter = document.getElementById("filter");
  const text = filter.querySelector("[name=text]");
  const boxes = [...filter.querySelectorAll("[name=state]")];
  const items = [...document.querySelectorAll("[data-state]")];
  const planes = items.filter((item) => item.matches(".plane"));
  const texts = new Map();
  const textOf = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };

  const apply = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const states = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    for (const item of items) {
      const shown = states.has(item.dataset.state) && words.every((word) => textOf(item).includes(word));
      if (item.hidden === shown) item.hidden = !shown;
    }
    const count = planes.filter((plane) => !plane.hidden).length;
    document.getElementById("shown").textContent = `${count} of ${planes.length} shown`;
    document.getElementById("nothing").hidden = count > 0 || planes.length === 0;
  };

  const clear = () => {
    text.value = "";
    for (const box of boxes) box.checked = true;
    apply();
  };

  // reveal opens what contains the target of a link, also if the filter hides it. It returns
  // the target if it had to. The browser scrolls to other targets, and focuses them.
  const reveal = (hash) => {
    const target = document.getElementById(decodeURIComponent(hash.slice(1)));
    if (!target) return null;
    let changed = false;
    if (target.closest("[hidden]")) {
      clear();
      changed = true;
    }
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) {
      changed ||= !box.open;
      box.open = true;
    }
    return changed ? target : null;
  };
  const arrive = () => {
    const target = reveal(location.hash);
    if (!target) return;
    const focused = target.matches("details") ? target.querySelector("summary") : target;
    focused.focus({ preventScroll: true });
    target.scrollIntoView();
  };

  let printed = [];
  const opened = (open) => {
    for (const plane of planes) if (!plane.hidden) plane.open = open;
  };
  for (const part of document.querySelectorAll(".js")) part.hidden = false;
  filter.addEventListener("input", apply);
  filter.addEventListener("keydown", (event) => {
    if (event.key === "Escape") clear();
  });
  document.getElementById("open").addEventListener("click", () => opened(true));
  document.getElementById("close").addEventListener("click", () => opened(false));
  addEventListener("hashchange", arrive);
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link) reveal(link.hash);
  });
  addEventListener("beforeprint", () => {
    printed = [...document.querySelectorAll("details[data-print]:not([open])")];
    for (const box of printed) box.open = true;
  });
  addEventListener("afterprint", () => {
    for (const box of printed) box.open = false;
  });
  apply();
  if (location.hash) arrive();
})();
