// The parts of an item's page that cannot change in place: they are loaded anew, not oftener than they
// can be read.

import { keepingFocus } from "./focus.js";
import { isWaiting, settleAll } from "./quantities.js";

const PAUSE_MS = 1_000;
/** What the movements change, and what a change of the item's details does. */
const LISTS = ["facts", "latest", "chart"];
const WHOLE = ["item-head", "stock", ...LISTS];

let wanted = new Set();
let timer = 0;

/** Loads the parts anew if the page shows this item: its lists, or with `whole` everything. */
export function refetchPanels(item, { whole = false } = {}) {
  if (!item || document.getElementById("stock")?.dataset.item !== item) return;
  for (const id of whole ? WHOLE : LISTS) wanted.add(id);
  timer ||= setTimeout(load, PAUSE_MS);
}

async function load() {
  const asked = wanted;
  wanted = new Set();
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (response.ok && !response.redirected) {
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      for (const id of asked) takeOver(page, id);
      settleAll();
    }
  } catch {
    // the live dot tells
  }
  timer = wanted.size > 0 ? setTimeout(load, PAUSE_MS) : 0;
}

function takeOver(page, id) {
  const [shown, fresh] = [document.getElementById(id), page.getElementById(id)];
  if (!shown || !fresh || shown.isEqualNode(fresh)) return;
  if (id === "stock" && isWaiting(shown.dataset.item)) return;
  keepingFocus(() => shown.replaceWith(document.adoptNode(fresh)));
}
