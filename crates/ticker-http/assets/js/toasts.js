// Messages at the edge of the page: good news leaves after ten seconds, bad news stays until dismissed.

const SHOWN_MS = 10_000;
const QUIET_MAX = 3;
/** On a telephone they lie over what is worked with. */
const QUIET_MAX_NARROW = 1;
const narrow = matchMedia("(max-width: 40rem)");

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
  const most = narrow.matches ? QUIET_MAX_NARROW : QUIET_MAX;
  for (const toast of [...quiet].slice(0, -most)) toast.remove();
}

/** A link to signing in, which leads back here. */
export function signInLink() {
  const link = document.createElement("a");
  link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = "Sign in";
  return link;
}

/**
 * Shows an error until it is dismissed, which `dismissed` hears of. With `act`, offers Retry, which takes
 * the toast away and calls it. With `signIn`, leads to signing in. Returns the toast.
 */
export function showError(text, { act, dismissed, requestId, signIn } = {}) {
  const toast = document.getElementById("toast-pattern").content.firstElementChild.cloneNode(true);
  const line = toast.querySelector(".text");
  line.textContent = text;
  if (signIn) line.append(" ", signInLink());
  if (requestId) {
    const small = document.createElement("small");
    small.textContent = `Request ${requestId}`;
    line.append(small);
  }
  const button = toast.querySelector("[data-act]");
  if (act) {
    button.addEventListener("click", () => {
      drop(toast);
      act();
    });
  } else {
    button.remove();
  }
  if (dismissed) toast.addEventListener("ticker:dismissed", dismissed);
  region().append(toast);
  return toast;
}

/** Takes a toast away. If it had the focus, the next one has it, or the page. */
export function drop(toast) {
  const hadFocus = toast.contains(document.activeElement);
  const next = toast.nextElementSibling ?? toast.previousElementSibling;
  toast.remove();
  if (hadFocus) (next?.querySelector("button") ?? document.getElementById("main"))?.focus({ preventScroll: true });
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
    const toast = event.target.closest("[data-dismiss]")?.closest("[data-toast]");
    if (!toast) return;
    toast.dispatchEvent(new CustomEvent("ticker:dismissed"));
    drop(toast);
  });
}
