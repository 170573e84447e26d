// The rows of a list that is shown while stock moves. A row changes where it stands and never goes
// elsewhere by itself: what no longer fits the order or the filter is counted, and moves when asked to.

import { setBehind } from "./dot.js";
import { keepingFocus } from "./focus.js";
import { isWaiting, settleAll } from "./quantities.js";
import { loadUnder, reloader } from "./reload.js";
import { showError } from "./toasts.js";

const STATUSES = ["out", "low", "ok", "over"];

/** What a row is sorted by, where stock that moves can change it. */
const KEYS = {
  status: (row) => STATUSES.findIndex((status) => row.matches(`.is-${status}`)),
  quantity: (row) => Number(row.querySelector("[data-quantity]").dataset.quantity),
  changed: (row) => Date.parse(row.querySelector("time").dateTime),
};

/** Many pages hear at the same moment that they have missed something: they ask again one by one. */
const REFETCH_SPREAD_MS = 1_000;
const REFETCH_PAUSE_MS = 2_000;

/** Items of which rows would be on this page by now, or would not be any more. */
const strangers = new Set();
/** The list that they are strangers to. */
let known = null;

const results = () => document.getElementById("results");
const rows = () => [...document.querySelectorAll("#results tr[data-item]")];

/** How many have to move for the others to be in order: all but the longest run that is. */
function outOfOrder(keys, isDescending) {
  const tops = [];
  for (const key of keys) {
    const value = isDescending ? -key : key;
    let [low, high] = [0, tops.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tops[middle] <= value) low = middle + 1;
      else high = middle;
    }
    tops[low] = value;
  }
  return keys.length - tops.length;
}

function movedCount() {
  const filters = document.getElementById("filters");
  if (!filters) return 0;
  const chosen = new FormData(filters);
  const status = chosen.get("status");
  const misfits = rows().filter((row) => row.dataset.gone || (status && !row.matches(`.is-${status}`)));
  const fitting = rows().filter((row) => !misfits.includes(row));
  const key = KEYS[chosen.get("sort")];
  const unordered = key ? outOfOrder(fitting.map(key), chosen.get("dir") === "desc") : 0;
  return misfits.length + unordered + strangers.size;
}

/** Says how many rows stand where they should not. */
export function showMoved() {
  const button = document.getElementById("moved");
  if (!button) return;
  if (known !== results()) strangers.clear(); // another list has taken its place
  const count = movedCount();
  button.hidden = count === 0;
  button.textContent = `${count === 1 ? "1 row" : `${count} rows`} moved · Refresh`;
}

let failure = null;

/** Loads the list as it is now, as the filters' own answer comes. */
async function refresh() {
  failure?.remove();
  const { page, isOther } = await loadUnder(results);
  if (isOther) return; // what was filtered for meanwhile is as it is now
  if (!page) {
    failure = showError("The list could not be loaded", { act: refresh });
    return;
  }
  const fresh = page.getElementById("results");
  keepingFocus(() => htmx.swap(results(), fresh.outerHTML, { swapStyle: "outerHTML" }));
  showMoved();
  if (document.activeElement === document.body) rows()[0]?.querySelector("a.quantity")?.focus({ preventScroll: true });
}

const ALL = "all";

const ask = reloader("list", {
  wait: () => Math.random() * REFETCH_SPREAD_MS,
  pauseMs: REFETCH_PAUSE_MS,
  holder: results,
  takeOver: (page, asked) => takeOver(page, (item) => asked.has(ALL) || asked.has(item)),
});

/** Brings rows up to date by loading the page again: those of these items, or all. */
export function refetch(items = [ALL]) {
  if (results()) ask(items);
}

/** Takes from a page that was loaded what has changed, leaving every row where it is. */
function takeOver(page, isAsked) {
  const shown = rows();
  for (const row of shown) {
    const { item } = row.dataset;
    if (!isAsked(item) || isWaiting(item)) continue;
    const fresh = page.getElementById(row.id);
    if (!fresh) row.dataset.gone = "true";
    else if (Number(fresh.dataset.version) >= Number(row.dataset.version)) {
      keepingFocus(() => row.replaceWith(document.adoptNode(fresh)));
    }
  }
  const ids = new Set(shown.map((row) => row.id));
  strangers.clear();
  known = results();
  for (const { id } of page.querySelectorAll("#results tr[data-item]")) if (!ids.has(id)) strangers.add(id);
  const counted = [...page.querySelectorAll("[data-count-of]")];
  showCounts(Object.fromEntries(counted.map(({ dataset, textContent }) => [dataset.countOf, textContent])));
  settleAll();
  showMoved();
}

// ---- How many there are --------------------------------------------------------------------------

/** When they could not be had, they are asked for again after this. */
const RECOUNT_MS = 10_000;

let areCountsOld = false;
let countsTimer = 0;

/** Asks how many items the filters leave: not while nobody looks, and not oftener than they can be read. */
function recount() {
  areCountsOld = true;
  countsTimer ||= setTimeout(takeCounts, Math.random() * REFETCH_SPREAD_MS);
}

async function takeCounts() {
  if (!areCountsOld || document.hidden || !results()) {
    countsTimer = 0;
    return;
  }
  areCountsOld = false;
  const asked = location.search;
  const counts = await loadCounts(asked);
  if (counts && asked === location.search) showCounts(counts);
  areCountsOld ||= !counts;
  setBehind("counts", !counts);
  countsTimer = setTimeout(takeCounts, counts ? REFETCH_PAUSE_MS : RECOUNT_MS * (0.75 + Math.random() / 2));
}

async function loadCounts(query) {
  try {
    const response = await fetch(`/inventory/counts${query}`, { headers: { Accept: "application/json" } });
    return response.ok && !response.redirected ? await response.json() : null;
  } catch {
    return null;
  }
}

/** Shows how many there are of each kind, where a chip or the bar for selected rows says it. */
function showCounts(counts) {
  for (const shown of document.querySelectorAll("[data-count-of]")) {
    const text = counts[shown.dataset.countOf];
    if (text && shown.textContent !== text) shown.textContent = text;
  }
}

export function watchList() {
  document.addEventListener("click", (event) => {
    if (event.target.closest("#moved")) refresh();
  });
  document.addEventListener("ticker:stock", ({ detail }) => {
    if (results() && detail.was !== detail.status) recount();
  });
  document.addEventListener("visibilitychange", () => {
    if (areCountsOld && !document.hidden) recount();
  });
  document.addEventListener("ticker:moved", showMoved);
  document.addEventListener("htmx:afterSettle", showMoved);
}
