// One exchange with the server for a form that script sends: what goes out, and what the answer means.

import { keepingFocus } from "./focus.js";
import { region, showError } from "./toasts.js";

/** A random UUID. `crypto.randomUUID` is missing on plain http, which development uses. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The server gives up after 15 s: whoever has not answered by then has no connection. */
const ANSWER_WAIT_MS = 20_000;

/**
 * Sends fields by POST for the element with the id `target`. Resolves to `{ settled, html, requestId }`:
 * `settled` is false when the server may or may not have done it, so that the same key must be sent again.
 * With `isSignedOut` that makes sense only after signing in: this attempt did nothing, an earlier one may have.
 */
export async function post(action, fields, target) {
  let response;
  let html;
  try {
    response = await fetch(action, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: { Accept: "text/html", "HX-Request": "true", "HX-Target": target },
      keepalive: true,
      signal: AbortSignal.timeout(ANSWER_WAIT_MS),
    });
    html = await response.text();
  } catch {
    return { settled: false };
  }
  const requestId = response.headers.get("x-request-id");
  if (response.status === 401) return { settled: false, isSignedOut: true, requestId };
  const elsewhere = response.headers.get("hx-redirect"); // to choosing a password
  if (elsewhere) {
    location.assign(elsewhere);
    return { settled: true, leaving: true };
  }
  const unclear = response.status >= 500 || response.status === 408 || response.status === 429;
  return { settled: !unclear, ok: response.ok, html, requestId };
}

/**
 * Puts an answer in the place of the element with this id, with the toast that came along. Where the
 * element has left the page meanwhile, the toast comes all the same. Returns the new element.
 */
export function place(holderId, answer) {
  const holder = document.getElementById(holderId);
  if (holder && answer.html.includes(`id="${holderId}"`)) {
    keepingFocus(() => htmx.swap(holder, answer.html, { swapStyle: "outerHTML" }));
  } else if (answer.html.includes("hx-swap-oob")) {
    htmx.swap(region(), answer.html, { swapStyle: "none" });
  } else if (!answer.ok) {
    showError(REFUSED, { requestId: answer.requestId });
  }
  return document.getElementById(holderId);
}

const REFUSED = "That was refused.";

/** What an answer says that is nothing but a message. */
export function wordsOf({ html }) {
  const message = new DOMParser().parseFromString(html, "text/html").querySelector("template")?.content;
  return message?.querySelector("[data-toast] .text")?.firstChild.textContent.trim() || REFUSED;
}
