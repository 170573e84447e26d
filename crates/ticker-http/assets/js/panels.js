// The parts of an item's page that cannot change in place: they are loaded anew, not oftener than they
// can be read.

import { keepingFocus } from "./focus.js";
import { isWaiting, settleAll } from "./quantities.js";
import { reloader } from "./reload.js";

const PAUSE_MS = 1_000;
/** What the movements change, and what a change of the item's details does. */
const LISTS = ["facts", "latest", "chart"];
const WHOLE = ["item-head", "stock", ...LISTS];

const ask = reloader("panels", {
  wait: () => PAUSE_MS,
  pauseMs: PAUSE_MS,
  holder: () => document.getElementById("main"),
  takeOver: (page, asked) => {
    for (const id of asked) takeOver(page, id);
    settleAll();
  },
});

/** Loads the parts anew if the page shows this item: its lists, or with `whole` everything. */
export function refetchPanels(item, { whole = false } = {}) {
  if (item && document.getElementById("stock")?.dataset.item === item) ask(whole ? WHOLE : LISTS);
}

function takeOver(page, id) {
  const [shown, fresh] = [document.getElementById(id), page.getElementById(id)];
  if (!shown || !fresh || shown.isEqualNode(fresh)) return;
  if (id === "stock" && isWaiting(shown.dataset.item)) return;
  keepingFocus(() => shown.replaceWith(document.adoptNode(fresh)));
}
