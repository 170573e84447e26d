// The numbers on a page: what the server said last, what is newer than that, and what was pressed here
// and is not saved yet. A holder is the row or the panel of an item, marked `data-item`.

/** What waits to be saved: item → location → `{ delta, isStuck }`. */
const waiting = new Map();

/** The newest that was heard of an item, by its number: `{ version, onHand, status, levels, news, at }`. */
const heard = new Map();
/** Who left a page open over a busy shop keeps the latest only; pages load with what was before. */
const HEARD_MAX = 1000;

/** How many answers are on their way that will say what an item's numbers are. */
const awaited = new Map();

const format = new Intl.NumberFormat("en");

/** A number as the server writes it: `−1,284`. */
export const number = (value) => format.format(value).replace("-", "\u2212");

/** A change with its sign: `+3`, `−2`, `±0`. */
export const change = (delta) => (delta === 0 ? "±0" : (delta > 0 ? "+" : "") + number(delta));

/** Every row and panel that shows an item. */
const holders = (item) => document.querySelectorAll(`[data-item="${Number(item)}"]`);

/** Says what waits to be saved of an item at a location: `{ delta, isStuck }`, or null for nothing. */
export function setWaiting(item, location, change) {
  const locations = waiting.get(item) ?? new Map();
  if (change) locations.set(location, change);
  else locations.delete(location);
  if (locations.size > 0) waiting.set(item, locations);
  else waiting.delete(item);
  paint(item);
}

/** Whether something of an item waits to be saved. */
export const isWaiting = (item) => waiting.has(item);

/** Writes an item's numbers: a number without `data-level` is of all locations. */
function paint(item) {
  const locations = waiting.get(item) ?? new Map();
  const changes = [...locations.values()];
  const isStuck = changes.some((change) => change.isStuck);
  for (const holder of holders(item)) {
    for (const shown of holder.querySelectorAll("[data-quantity]")) {
      const { quantity, level } = shown.dataset;
      const here = level ? [locations.get(level) ?? { delta: 0 }] : changes;
      const sum = here.reduce((sum, change) => sum + change.delta, Number(quantity));
      const text = number(sum);
      if (shown.textContent !== text) shown.textContent = text;
    }
    const isPending = changes.length > 0 && !isStuck;
    holder.classList.toggle("is-pending", isPending);
    holder.classList.toggle("is-unsaved", isStuck);
    if (isPending) holder.setAttribute("aria-busy", "true");
    else holder.removeAttribute("aria-busy");
  }
}

/**
 * Waits for an answer about an item. Until it is here, what is heard of the item is kept back: it may be
 * the very change that is under way, which would else be counted twice for a moment.
 */
export async function awaiting(item, answer) {
  awaited.set(item, (awaited.get(item) ?? 0) + 1);
  try {
    return await answer;
  } finally {
    const left = awaited.get(item) - 1;
    if (left > 0) awaited.set(item, left);
    else awaited.delete(item);
  }
}

/**
 * Takes what the server tells of an item: `{ item, version, on_hand, status, levels, at }`, and `news` as what
 * is to be said about it. What is shown and older hears of it by the event `ticker:moved`.
 */
export function hear(event, news) {
  const item = String(event.item);
  const known = heard.get(item) ?? { version: 0, levels: new Map() };
  const levels = known.levels;
  for (const { location, on_hand: onHand } of event.levels) {
    const level = levels.get(String(location));
    if (!level || level.version < event.version) levels.set(String(location), { onHand, version: event.version });
  }
  const isNewer = event.version > known.version;
  heard.delete(item);
  const { version, on_hand: onHand, status, at } = event;
  heard.set(item, isNewer ? { version, onHand, status, levels, news, at } : known);
  if (heard.size > HEARD_MAX) heard.delete(heard.keys().next().value);
  if (isNewer) settle(item);
}

/**
 * Brings an item's rows and panels up to what was heard, unless an answer about it is on its way; to be
 * called as well when that has come, and when a part of the page was loaded anew.
 */
export function settle(item) {
  const known = heard.get(item);
  let wasOlder = false;
  if (known && !awaited.has(item)) {
    for (const holder of holders(item)) wasOlder = renew(holder, known) || wasOlder;
    if (wasOlder) known.news = null; // said once
  }
  paint(item);
}

/** The same for everything on the page. */
export function settleAll() {
  const items = new Set(waiting.keys());
  for (const { dataset } of document.querySelectorAll("[data-item]")) items.add(dataset.item);
  for (const item of items) settle(item);
}

function renew(holder, known) {
  const shown = Number(holder.dataset.version);
  if (!(known.version > shown)) return false;
  for (const quantity of holder.querySelectorAll("[data-quantity]")) {
    const { level } = quantity.dataset;
    const fresh = level ? known.levels.get(level) : known;
    if (fresh?.version > shown) quantity.dataset.quantity = fresh.onHand;
  }
  holder.dataset.version = known.version;
  const detail = { item: holder.dataset.item, since: shown, ...known };
  holder.dispatchEvent(new CustomEvent("ticker:moved", { bubbles: true, detail }));
  return true;
}
