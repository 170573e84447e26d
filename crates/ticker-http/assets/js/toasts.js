// Messages at the edge of the page: good news leaves after ten seconds, bad news stays until dismissed.

const SHOWN_MS = 10_000;
const QUIET_MAX = 3;

export const region = () => document.getElementById("toasts");

/** Starts a toast's clock; it stands still while the toast is pointed at or has the focus. */
function arm(toast) {
  if (toast.classList.contains("is-error")) return;
  let timer = 0;
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(() => toast.remove(), SHOWN_MS);
  };
  const stop = () => clearTimeout(timer);
  for (const event of ["mouseenter", "focusin"]) toast.addEventListener(event, stop);
  for (const event of ["mouseleave", "focusout"]) toast.addEventListener(event, start);
  start();
}

/** Keeps quick work from burying the page: only the latest few good messages stay. */
function thin() {
  const quiet = region().querySelectorAll("[data-toast]:not(.is-error)");
  for (const toast of [...quiet].slice(0, -QUIET_MAX)) toast.remove();
}

/**
 * Shows an error until it is dismissed. With `act`, offers Retry, which takes the toast away and calls it.
 * Returns the toast.
 */
export function showError(text, { act, requestId } = {}) {
  const toast = document.getElementById("toast-pattern").content.firstElementChild.cloneNode(true);
  const line = toast.querySelector(".text");
  line.textContent = text;
  if (requestId) {
    const small = document.createElement("small");
    small.textContent = `Request ${requestId}`;
    line.append(small);
  }
  const button = toast.querySelector("[data-act]");
  if (act) {
    button.addEventListener("click", () => {
      toast.remove();
      act();
    });
  } else {
    button.remove();
  }
  region().append(toast);
  return toast;
}

export function watchToasts() {
  region().querySelectorAll("[data-toast]").forEach(arm);
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.matches?.("[data-toast]")) arm(node);
    }
    thin();
  }).observe(region(), { childList: true });
  region().addEventListener("click", (event) => {
    event.target.closest("[data-dismiss]")?.closest("[data-toast]").remove();
  });
}
