// The Undo of a toast and of an item's latest movements: takes back what was done, where one stands.

import { place, post } from "./exchange.js";
import { focusItem } from "./focus.js";
import { awaiting, settle } from "./quantities.js";
import { showError } from "./toasts.js";

/** Sends a form's fields. Their key makes a second try harmless. */
async function undo(action, fields, item) {
  const holder = document.querySelector(`[data-item="${Number(item)}"]`)?.id ?? `item-${item}`;
  const answer = await awaiting(item, post(action, fields, holder));
  if (answer.leaving) return;
  if (answer.settled) place(holder, answer);
  else showError("Not undone", { act: () => undo(action, fields, item), requestId: answer.requestId, signIn: answer.isSignedOut });
  if (answer.ok) document.dispatchEvent(new CustomEvent("ticker:undone", { detail: { action } }));
  settle(item);
}

export function watchUndo() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("#toasts form[data-undo], #latest form[data-undo]")) return;
    event.preventDefault();
    const fields = [...new FormData(form)];
    const { row } = form.dataset;
    // A toast makes way for the answer's; a movement stays, and offers nothing more.
    (form.closest("[data-toast]") ?? form).remove();
    focusItem(row);
    undo(form.getAttribute("action"), fields, row);
  });
}
