// The keyboard. Single keys move through the list and press what stands in the current row; a burst of
// keys that ends with Enter comes from a scanner, and goes to what carries the code.

/** Nobody types so fast for so long; scanners need a few milliseconds a key. */
const BURST_MS = 35;
const CODE_CHARS_MIN = 4;

/** Keys that may be the beginning of a code. */
let burst = [];
let timer = 0;

// ---- The current row -----------------------------------------------------------------------------
// It is where the focus was last. It keeps its mark when the focus is in a dialog or a message, and when the row
// is replaced.

let current = { id: "", index: -1 };

const rows = () => [...document.querySelectorAll("#results tr[data-item]")];
const currentRow = () => document.getElementById(current.id)?.closest("#results tr[data-item]") ?? null;

function mark() {
  const row = currentRow();
  for (const other of document.querySelectorAll("tr.is-current")) if (other !== row) other.classList.remove("is-current");
  row?.classList.add("is-current");
}

/** The first row that is in sight. */
function firstInSight(all) {
  const top = document.querySelector("header.bar")?.getBoundingClientRect().bottom ?? 0;
  const found = all.findIndex((row) => row.getBoundingClientRect().bottom > Math.max(top, 0) + 8);
  return Math.max(found, 0);
}

function move(step) {
  const all = rows();
  if (all.length === 0) return;
  const at = all.indexOf(currentRow());
  // Where the row has left the list, the one that took its place is next.
  let next = at + step;
  if (at < 0) next = current.index < 0 ? firstInSight(all) : current.index + Math.min(step, 0);
  const row = all[Math.min(Math.max(next, 0), all.length - 1)];
  row.querySelector("th a").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function watchCurrentRow() {
  document.addEventListener("focusin", ({ target }) => {
    const row = target.closest("#results tr[data-item]");
    if (!row) return;
    current = { id: row.id, index: rows().indexOf(row) };
    mark();
  });
  const main = document.getElementById("main");
  if (main) new MutationObserver(mark).observe(main, { childList: true, subtree: true });
}

// ---- What keys do --------------------------------------------------------------------------------

/** What keys are about: the current row, or the item whose page it is. */
const subject = () => currentRow() ?? document.getElementById("stock");

const press = (delta) => subject()?.querySelector(`form[data-press="${delta}"]`)?.requestSubmit();
const follow = (selector) => document.querySelector(selector)?.click();

function search() {
  const field = document.querySelector("[data-search]");
  field?.focus();
  field?.select();
}

const ACTIONS = {
  j: () => move(1),
  k: () => move(-1),
  "+": () => press(1),
  "-": () => press(-1),
  a: () => subject()?.querySelector("a.quantity")?.click(),
  x: () => currentRow()?.querySelector("input[type=checkbox]")?.click(),
  t: () => follow("[data-key=t]"),
  c: () => follow("[data-key=c]"),
  u: () => [...document.querySelectorAll("[data-toast] form[data-undo]")].at(-1)?.requestSubmit(),
  "/": search,
  "?": () => follow("[data-key=help]"),
};

function act({ key, code }) {
  if (document.body.dataset.shortcuts === "off") return;
  // Where + needs Shift on the key beside Backspace, it does without.
  const name = key === "=" && code === "Equal" ? "+" : key;
  if (Object.hasOwn(ACTIONS, name)) ACTIONS[name]();
}

/** No more keys came at once: what came was pressed by a person, or was no code. */
function settle() {
  clearTimeout(timer);
  const keys = burst;
  burst = [];
  if (keys.length < CODE_CHARS_MIN) keys.forEach(act);
}

/** Ends a burst. Whether it was one. */
function endBurst(at) {
  const isCode = burst.length >= CODE_CHARS_MIN && at - burst.at(-1).at <= BURST_MS;
  const code = burst.map(({ key }) => key).join("");
  if (isCode) burst = [];
  settle();
  if (isCode) location.assign(`/scan?find=${encodeURIComponent(code)}`);
  return isCode;
}

/** Enter opens the current row, where nothing has the focus that Enter is for. */
function open() {
  if (document.activeElement === document.body && document.body.dataset.shortcuts !== "off") {
    currentRow()?.querySelector("th a").click();
  }
}

const TYPED_INTO = "input:not([type=checkbox], [type=radio]), textarea, select, dialog, [contenteditable]";

/** Whether a key is for a field or a dialog. What a dialog had the focus on may keep it when that has closed. */
const isFor = (target) => target.closest(TYPED_INTO) !== null && target.checkVisibility();

function hear(event) {
  if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (isFor(event.target) || document.querySelector("dialog[open]")) return;
  const { key, code, timeStamp: at } = event;
  if (key === "Enter") {
    if (endBurst(at)) event.preventDefault();
    else open();
    return;
  }
  if (key.length !== 1 || key === " ") return;
  if (key === "/" || key === "'") event.preventDefault(); // some browsers search the page then
  if (event.repeat) {
    act({ key, code });
    return;
  }
  if (burst.length > 0 && at - burst.at(-1).at > BURST_MS) settle();
  burst.push({ key, code, at });
  clearTimeout(timer);
  timer = setTimeout(settle, BURST_MS + 5);
}

export function watchKeys() {
  if (document.querySelector("form[data-scan=code]")) return; // everything typed there is a code
  watchCurrentRow();
  document.addEventListener("keydown", hear);
}
