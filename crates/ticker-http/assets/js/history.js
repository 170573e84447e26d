// An item's history while the item moves: what is new is counted, and shown when asked for.

import { showHeadStatus } from "./marks.js";
import { loadPage } from "./reload.js";

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
async function look() {
  const page = await loadPage(offer().href);
  if (page) show(Number(page.getElementById("new-movements").dataset.version));
}

export function watchHistory() {
  if (!offer()) return;
  document.addEventListener("ticker:stock", ({ detail }) => {
    if (String(detail.item) !== offer().dataset.of) return;
    show(detail.version);
    showHeadStatus(detail.status);
  });
  document.addEventListener("ticker:missed", look);
}
