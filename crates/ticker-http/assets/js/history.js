// An item's history while the item moves: what is new is counted, and shown when asked for.

import { showHeadStatus } from "./marks.js";
import { reloader } from "./reload.js";

/** Many pages hear at the same moment that they have missed something: they ask one by one. */
const SPREAD_MS = 1_000;
const PAUSE_MS = 2_000;

const offer = () => document.getElementById("new-movements");

/** Says how many movements there are that the page does not have. */
function show(version) {
  const count = version - Number(offer().dataset.version);
  if (!(count > 0)) return;
  offer().hidden = false;
  const noun = count === 1 ? " movement" : " movements";
  offer().textContent = `${count} new${"filtered" in offer().dataset ? ", before filters" : noun} · Show`;
}

/** Asks how many there are by now, when nobody could tell. */
const look = reloader("history", {
  wait: () => Math.random() * SPREAD_MS,
  pauseMs: PAUSE_MS,
  holder: offer,
  address: () => offer().href,
  takeOver: (page) => show(Number(page.getElementById("new-movements").dataset.version)),
});

export function watchHistory() {
  if (!offer()) return;
  document.addEventListener("ticker:stock", ({ detail }) => {
    if (String(detail.item) !== offer().dataset.of) return;
    show(detail.version);
    showHeadStatus(detail.status);
  });
  document.addEventListener("ticker:missed", () => look(["version"]));
}
