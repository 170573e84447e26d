// Rows that are ticked, and the bar for them. Without script the bar is always there and counts nothing.

const BOX = "input[name=item][form=selection]";

/** The bar says how many are ticked, and offers what can be done to them once there is one. */
export function watchSelection() {
  const main = document.getElementById("main");
  if (!document.getElementById("results") || !main) return;
  let ticked = new Set();
  const learn = () => {
    ticked = new Set([...document.querySelectorAll(`${BOX}:checked`)].map((box) => box.value));
    show(ticked);
  };
  document.addEventListener("change", ({ target }) => {
    if (target.matches("[data-select-all]")) {
      for (const box of document.querySelectorAll(BOX)) box.checked = target.checked;
    }
    if (target.matches(`${BOX}, [data-select-all], #selection [name=all]`)) learn();
  });
  // A row that came anew is ticked if the one in its place was; what is not shown any more is not selected.
  new MutationObserver(() => {
    const boxes = [...document.querySelectorAll(BOX)];
    const isTicked = (box) => ticked.has(box.value);
    const isAnew = boxes.some((box) => box.checked !== isTicked(box));
    const isLess = boxes.filter(isTicked).length < ticked.size;
    for (const box of boxes) box.checked = isTicked(box);
    if (isAnew || isLess || document.querySelector("#selection:not([data-count])")) learn();
  }).observe(main, { childList: true, subtree: true });
  learn();
  addEventListener("pageshow", learn); // a page that came back has the ticks that it was left with
}

function show(ticked) {
  const bar = document.getElementById("selection");
  if (!bar) return;
  const boxes = document.querySelectorAll(BOX).length;
  const isAll = bar.elements.namedItem("all")?.checked ?? false;
  bar.dataset.count = isAll ? "all" : String(ticked.size);
  const words = isAll ? "All matching selected" : ticked.size === 0 ? "" : `${ticked.size} selected`;
  const output = bar.querySelector("[data-selected]");
  if (output.textContent !== words) output.textContent = words;
  const every = bar.querySelector("[data-select-all]");
  every.checked = boxes > 0 && ticked.size === boxes;
  every.indeterminate = ticked.size > 0 && ticked.size < boxes;
}
