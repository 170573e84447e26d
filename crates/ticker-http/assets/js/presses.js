// Presses of − and +. The number changes at once; presses within a moment are sent together as one
// change under one key; a change that may not have arrived is sent again under the same key.

import { newKey, place, post } from "./exchange.js";
import { showError } from "./toasts.js";

const GATHER_MS = 300;

/** What was pressed and not yet answered, by form action and location. */
const queues = new Map();

const format = new Intl.NumberFormat("en");

function paint(queue) {
  const holder = document.getElementById(queue.holderId);
  if (!holder) return;
  const change = queue.gathered + (queue.flight?.delta ?? 0);
  for (const number of holder.querySelectorAll("[data-quantity]")) {
    const shown = Number(number.dataset.quantity) + change;
    number.textContent = format.format(shown).replace("-", "\u2212");
  }
  const waiting = change !== 0 || queue.flight !== null;
  holder.classList.toggle("is-pending", waiting && !queue.stuck);
  holder.classList.toggle("is-unsaved", queue.stuck);
  holder.setAttribute("aria-busy", String(waiting && !queue.stuck));
}

/** Sends what was gathered, unless an earlier change is still on its way. */
function flush(queue) {
  clearTimeout(queue.timer);
  if (queue.stuck) sendPresses(queue); // pressing on is another way to say Retry
  if (queue.flight !== null) return;
  if (queue.gathered === 0) {
    paint(queue);
    return;
  }
  queue.flight = { key: newKey(), delta: queue.gathered };
  queue.gathered = 0;
  sendPresses(queue);
}

async function sendPresses(queue) {
  queue.stuck = false;
  queue.toast?.remove();
  paint(queue);
  const fields = { ...queue.flight, ...queue.fields };
  const answer = await post(queue.action, fields, queue.holderId);
  if (answer.leaving) return;
  if (!answer.settled) {
    queue.stuck = true;
    paint(queue);
    queue.toast = showError(`Not saved: ${queue.name}`, {
      act: () => sendPresses(queue),
      requestId: answer.requestId,
    });
    return;
  }
  queue.flight = null;
  place(queue.holderId, answer);
  paint(queue);
  flush(queue);
}

/**
 * Sends what was gathered without waiting for what is still on its way: the page is about to go. Changes
 * may pass each other, each under a key of its own. The same goes once more for what has not arrived.
 */
function leave(queue) {
  clearTimeout(queue.timer);
  if (queue.stuck) post(queue.action, { ...queue.flight, ...queue.fields }, queue.holderId);
  if (queue.gathered === 0) return;
  const last = { key: newKey(), delta: queue.gathered };
  queue.gathered = 0;
  post(queue.action, { ...last, ...queue.fields }, queue.holderId);
}

function press(form) {
  const holder = form.closest("[data-item]");
  const fields = new FormData(form);
  const id = `${form.action} ${fields.get("location")}`;
  let queue = queues.get(id);
  if (!queue) {
    queue = { gathered: 0, flight: null, stuck: false, timer: 0 };
    queues.set(id, queue);
  }
  queue.action = form.action;
  queue.holderId = holder.id;
  queue.fields = {};
  for (const name of ["location", "view_location", "return_to"]) queue.fields[name] = fields.get(name);
  queue.name = holder.dataset.name;
  queue.gathered += Number(form.dataset.press);
  paint(queue);
  clearTimeout(queue.timer);
  queue.timer = setTimeout(() => flush(queue), GATHER_MS);
}

export function watchPresses() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-press]")) return;
    event.preventDefault();
    press(event.target);
  });
  // What was pressed goes out before the page does.
  addEventListener("pagehide", () => queues.forEach(leave));
  addEventListener("online", () => queues.forEach(flush));
  addEventListener("beforeunload", (event) => {
    if ([...queues.values()].some((queue) => queue.stuck)) event.preventDefault();
  });
  // Results that were loaded anew do not know of presses still on their way.
  document.addEventListener("htmx:afterSettle", () => {
    for (const queue of queues.values()) if (queue.flight || queue.gathered) paint(queue);
  });
}
