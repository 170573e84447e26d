// Presses of − and +. The number changes at once; presses within a moment are sent together as one
// change under one key; a change that may not have arrived is sent again under the same key.

import { newKey, place, post } from "./exchange.js";
import { awaiting, change as signed, setWaiting, settle, settleAll } from "./quantities.js";
import { showError } from "./toasts.js";
import { forget, keep, left } from "./unsaved.js";

const GATHER_MS = 300;

/** A change that did not arrive is tried again by itself: after this, then after twice as long, and so on. */
const RETRY_MS = 3_000;
const RETRY_MS_MAX = 60_000;

/** What was pressed so long ago has been seen as not saved: it is offered again, but not sent unasked. */
const FRESH_MS = 60_000;
/** The server forgets keys after days. What is older than this might be counted twice. */
const OFFERED_MS = 24 * 3_600_000;
/** Longer than any answer is waited for: then the other tab that sent it is gone. */
const OTHER_TAB_MS = 25_000;

/**
 * What was pressed and not yet answered, by form action and location: `gathered` is what still grows,
 * `changes` what goes out in this order, one after the other.
 */
const queues = new Map();

/** The queue of the level that a press or a kept change belongs to. */
function queueOf({ action, fields, item, name }) {
  const id = `${action} ${fields.location}`;
  const queue = queues.get(id) ?? { gathered: null, changes: [], sending: 0, failures: 0, isStuck: false, timer: 0 };
  queues.set(id, queue);
  return Object.assign(queue, { action, fields, item, name });
}

const unsaved = (queue) => [...queue.changes, queue.gathered].filter((change) => change);
const sum = (changes) => changes.reduce((sum, { delta }) => sum + delta, 0);

function paint(queue) {
  const changes = unsaved(queue);
  // What an earlier page sent may be in this page's numbers already: only the answer will tell.
  const delta = sum(changes.filter(({ isTakenUp }) => !isTakenUp));
  setWaiting(queue.item, queue.fields.location, changes.length > 0 ? { delta, isStuck: queue.isStuck } : null);
}

/** Moves what was gathered to what goes out; presses that cancel each other never happened. */
function close(queue) {
  clearTimeout(queue.timer);
  if (queue.gathered?.delta) queue.changes.push(queue.gathered);
  else if (queue.gathered) forget(queue.gathered);
  queue.gathered = null;
}

/** Sends what was gathered, unless an earlier change is still on its way. */
function flush(queue) {
  close(queue);
  if (queue.isStuck) retry(queue); // pressing on is another way to say Retry
  else if (queue.sending === 0) send(queue);
}

function retry(queue) {
  queue.isStuck = false;
  send(queue);
}

const holderId = (queue) => document.querySelector(`[data-item="${queue.item}"]`)?.id ?? `item-${queue.item}`;

const postChange = (queue, { key, delta }) =>
  post(queue.action, { key, delta, ...queue.fields }, holderId(queue));

async function send(queue, { quietly = false } = {}) {
  paint(queue);
  const [change] = queue.changes;
  if (!change) return;
  clearTimeout(queue.retry);
  queue.sending += 1;
  const sent = postChange(queue, change);
  const answer = await (quietly ? sent : awaiting(queue.item, sent));
  queue.sending -= 1;
  if (answer.leaving) return;
  if (queue.changes[0] !== change) {
    // Another attempt was quicker, and what was pressed since has waited for this one.
    if (queue.sending === 0 && !queue.isStuck) send(queue);
    return;
  }
  if (!answer.settled) {
    fail(queue, answer, quietly);
    return;
  }
  queue.changes.shift();
  forget(change);
  queue.toast?.remove();
  Object.assign(queue, { isStuck: false, failures: 0, toast: null });
  place(holderId(queue), answer);
  paint(queue);
  settle(queue.item);
  if (queue.changes.length > 0) send(queue);
}

/**
 * Says that a change is not saved, offers to send it again, and goes on trying, unless that is in vain until
 * somebody has signed in: the next page of whoever pressed sends it then.
 */
function fail(queue, { requestId, isSignedOut }, quietly) {
  queue.isStuck = true;
  paint(queue);
  settle(queue.item);
  if (!quietly || isSignedOut) {
    queue.toast?.remove();
    const text = `Not saved: ${queue.name} ${signed(sum(unsaved(queue)))}${isSignedOut ? ". You are signed out." : ""}`;
    queue.toast = showError(text, { act: () => retry(queue), requestId, signIn: isSignedOut });
  }
  if (isSignedOut) return;
  const wait = Math.min(RETRY_MS * 2 ** queue.failures, RETRY_MS_MAX) * (0.75 + Math.random() / 2);
  queue.failures += 1;
  clearTimeout(queue.retry);
  queue.retry = setTimeout(() => send(queue, { quietly: true }), wait);
}

/**
 * Sends what was gathered without waiting for what is still on its way: the page is about to go. Changes
 * may pass each other, each under a key of its own. The same goes once more for what has not arrived. What
 * is not heard of any more stays kept, and the next page asks after it.
 */
function leave(queue) {
  const alreadySent = queue.isStuck ? 0 : Math.min(queue.sending, 1);
  close(queue);
  for (const change of queue.changes.slice(alreadySent)) postChange(queue, change);
}

function press(form) {
  const { item, name } = form.closest("[data-item]").dataset;
  const data = new FormData(form);
  const fields = Object.fromEntries(["location", "view_location", "return_to"].map((name) => [name, data.get(name) ?? ""]));
  const queue = queueOf({ action: form.getAttribute("action"), fields, item, name });
  queue.gathered ??= { key: newKey(), delta: 0 };
  queue.gathered.delta += Number(form.dataset.press);
  const { key, delta } = queue.gathered;
  const isKept = keep({ key, delta, action: queue.action, fields, item, name, at: Date.now() });
  queue.isLost = !isKept;
  paint(queue);
  clearTimeout(queue.timer);
  queue.timer = setTimeout(() => flush(queue), GATHER_MS);
}

/** What was asked about already, by key. */
const offered = new Set();

/** Takes up what an earlier page left: the latest is sent again as it was, what is older is offered. */
function takeUp() {
  const [fresh, old] = [[], []];
  const known = new Set([...queues.values()].flatMap(({ changes, gathered }) => [...changes, gathered].map((change) => change?.key)));
  for (const change of left()) {
    const age = Date.now() - change.at;
    if (known.has(change.key) || offered.has(change.key)) continue;
    if (!change.isOurs && age < OTHER_TAB_MS) setTimeout(takeUp, OTHER_TAB_MS - age);
    else (age < FRESH_MS ? fresh : old).push(change);
  }
  fresh.forEach(sendAgain);
  if (old.length > 0) offer(old);
}

function sendAgain(change) {
  const queue = queueOf(change);
  queue.changes.push({ key: change.key, delta: change.delta, isTakenUp: true });
  if (queue.sending === 0) send(queue);
}

/** Asks what is to become of what was not saved. Dismissing it is an answer, too. */
function offer(changes) {
  for (const { key } of changes) offered.add(key);
  const sendable = changes.every(({ at }) => Date.now() - at < OFFERED_MS);
  const count = changes.length === 1 ? "1 press was not saved" : `${changes.length} presses were not saved`;
  const named = changes.map(({ name, delta }) => `${name} ${signed(delta)}`).join(", ");
  showError(`${count}: ${named}`, {
    act: sendable ? () => changes.forEach(sendAgain) : null,
    dismissed: () => changes.forEach(forget),
  });
}

export function watchPresses() {
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-press]")) return;
    event.preventDefault();
    press(event.target);
  });
  // What was pressed goes out before the page does.
  addEventListener("pagehide", () => queues.forEach(leave));
  addEventListener("pageshow", (event) => {
    if (event.persisted) queues.forEach(flush);
  });
  addEventListener("online", () => queues.forEach(flush));
  addEventListener("beforeunload", (event) => {
    if ([...queues.values()].some((queue) => queue.isStuck && queue.isLost)) event.preventDefault();
  });
  // Parts of the page that were loaded anew do not know of presses still on their way.
  document.addEventListener("htmx:afterSettle", settleAll);
  takeUp();
}
