// Links marked data-dialog open their page's own form in a dialog over the page they stand on.
// Without script, or when the page cannot be fetched, they are ordinary links.

import { place, post, wordsOf } from "./exchange.js";
import { awaiting, number, settle } from "./quantities.js";
import { showError, signInLink } from "./toasts.js";

const dialog = () => document.getElementById("sheet");

function fill(html) {
  const part = new DOMParser().parseFromString(html, "text/html").querySelector("[data-sheet]");
  if (!part) return false;
  document.getElementById("sheet-content").replaceChildren(document.adoptNode(part));
  dialog().setAttribute("aria-label", part.querySelector("h1")?.textContent ?? "Dialog");
  return true;
}

function focusFirst() {
  const start = dialog().querySelector("[autofocus], input:not([type=hidden], [type=radio]), #sheet-content button");
  start?.focus();
}

async function openSheet(link) {
  try {
    const response = await fetch(link.href, { headers: { Accept: "text/html" } });
    if (!response.ok || !fill(await response.text())) throw new Error("not a form");
  } catch {
    location.assign(link.href);
    return;
  }
  dialog().showModal();
  focusFirst();
}

/** Says in the dialog why what was typed was not taken. It stays, to be sent again under the same key. */
function refuse(form, words, ...more) {
  const problem = document.createElement("div");
  problem.className = "problems";
  problem.setAttribute("role", "alert");
  const line = problem.appendChild(document.createElement("h2"));
  line.append(words, ...more);
  form.parentElement.querySelectorAll(".problems").forEach((earlier) => earlier.remove());
  form.before(problem);
  if (!dialog().open) dialog().showModal();
}

async function sendSheet(form, fields, holderId) {
  form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = true));
  const item = form.dataset.row;
  const answer = await awaiting(item, post(form.action, fields, holderId));
  form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = false));
  if (answer.leaving) return;
  const isShown = form.isConnected;
  if (answer.isSignedOut && isShown) {
    const link = signInLink();
    link.target = "_blank"; // here it would take the place of what was typed
    refuse(form, "Not saved: you are signed out. Sign in beside this page, then save again.", link);
  } else if (!answer.settled) {
    dialog().close();
    const act = () => sendSheet(form, fields, holderId);
    showError("Not saved", { act, requestId: answer.requestId, signIn: answer.isSignedOut });
  } else if (fill(answer.html)) {
    if (!dialog().open) dialog().showModal();
    focusFirst();
  } else if (!answer.ok && isShown) {
    refuse(form, wordsOf(answer));
  } else {
    dialog().close();
    // What opened the dialog was replaced, and the focus with it: the number that was changed takes it.
    place(holderId, answer)?.querySelector("a.quantity")?.focus();
  }
  settle(item);
}

/**
 * Tells an open form of an item that stock has moved under it since a version, if that was at its location.
 * What was seen, and is sent, stays.
 */
export function tellSheet(item, levels, since, words) {
  const form = dialog().open && document.querySelector(`#sheet form[data-row="${Number(item)}"]`);
  const location = form && form.elements.namedItem("location")?.value;
  const moved = levels.get(location);
  const place = document.querySelector("#sheet .adjust-now");
  if (!(moved?.version > since) || !place) return;
  const told = place.querySelector(".told") ?? place.appendChild(document.createElement("span"));
  told.className = "told";
  told.setAttribute("role", "status");
  told.textContent = `Stock moved: ${number(moved.onHand)} now (${words})`;
}

export function watchSheets() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-dialog]");
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (link && plain) {
      event.preventDefault();
      openSheet(link);
      return;
    }
    if (dialog().open && (event.target === dialog() || event.target.closest("#sheet [data-close]"))) {
      event.preventDefault();
      dialog().close();
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("#sheet form[data-row]")) return;
    event.preventDefault();
    const holder = document.querySelector(`[data-item="${form.dataset.row}"]`);
    sendSheet(form, new FormData(form, event.submitter), holder?.id ?? `item-${form.dataset.row}`);
  });
}
