// The page for scanning. Scans are sent one after the other, each under a key of its own, while the next
// ones come in; what may not have arrived is sent again under the same key until it is answered.

import { newKey, place, post } from "./exchange.js";
import { change, number } from "./quantities.js";
import { showError } from "./toasts.js";

const RETRY_MS_MAX = 15_000;
/** As many as the server remembers, in as few characters. */
const LISTED_MAX = 20;
const TRACES_LENGTH_MAX = 700;
/** The server forgets keys after days: whatever was kept for longer than this is not sent any more. */
const KEPT_MS_MAX = 12 * 60 * 60 * 1000;

/** What was scanned and not yet answered, the oldest first. */
let waiting = [];
let isSending = false;
let tries = 0;
let timer = 0;

const form = () => document.querySelector("form[data-scan=code]");
const list = () => document.querySelector("ol.scans");
const entryOf = (scan) => document.getElementById(`scan-${scan.key}`);

// ---- What is kept --------------------------------------------------------------------------------
// The tab keeps what was not answered, so that it outlives reloading, signing in anew, and Back; whoever else
// signs in there does not send it. A second tab that inherits it sends the same keys, which count once.

const storeName = () => `ticker-scans-${document.body.dataset.user ?? ""}`;

function keep() {
  try {
    sessionStorage.setItem(storeName(), JSON.stringify(waiting));
  } catch {
    // No room or not allowed: leaving the page still sends what waits.
  }
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(storeName())) ?? [];
  } catch {
    return [];
  }
}

// ---- What is shown -------------------------------------------------------------------------------

function say(text, isBad) {
  document.getElementById(isBad ? "scan-alert" : "scan-status").textContent = text;
}

/** Why a scan is stuck, in words. */
const NOT_SAVED = {
  offline: "Not saved yet: no connection. It is tried again.",
  "signed-out": "Not saved yet: you are signed out. It is sent once you have signed in.",
};

/** The entry of a scan that waits, on top of the list or in the place of `old`. */
function show(scan, old) {
  let entry = entryOf(scan);
  if (!entry) {
    entry = document.getElementById("scan-pattern").content.firstElementChild.cloneNode(true);
    entry.id = `scan-${scan.key}`;
    entry.querySelector("[data-retry-scans]").addEventListener("click", send);
    if (old) old.replaceWith(entry);
    else list().prepend(entry);
    document.getElementById("scans").hidden = false;
  }
  const times = scan.count > 1 ? ` × ${scan.count}` : "";
  entry.querySelector(".what").textContent = `${scan.code}${times}`;
  entry.querySelector(".result").textContent = NOT_SAVED[scan.stuck] ?? "On its way…";
  entry.querySelector("[data-retry-scans]").hidden = !scan.stuck;
  entry.classList.toggle("is-unsent", Boolean(scan.stuck));
}

/** Puts the answer in the place of the entry that waited for it. */
function settle(scan, answer) {
  const old = entryOf(scan);
  const entry = new DOMParser().parseFromString(answer.html, "text/html").getElementById(`scan-${scan.key}`);
  if (entry) {
    old.replaceWith(document.adoptNode(entry));
  } else {
    old.className = "scan is-refused";
    old.dataset.tone = "refused";
    old.querySelector(".result").textContent = "Not counted.";
    place(old.id, answer); // the words that came along
  }
  const said = entryOf(scan);
  const isBad = said.dataset.tone !== "done";
  const words = [".what", ".result"].map((part) => said.querySelector(part)?.textContent.trim() ?? "");
  say(words.join(", "), isBad);
  sound(isBad);
  remember();
  if (latest) showSince(latest);
}

/** Keeps the list as short as it would be after reloading, and its address. */
function remember() {
  const answered = [...list().querySelectorAll("li:not(.is-waiting)")];
  for (const entry of answered.slice(LISTED_MAX)) entry.remove();
  const traces = answered.slice(0, LISTED_MAX).map((entry) => entry.dataset.trace).filter(Boolean);
  while (encodeURIComponent(` ${traces.join(" ")}`).length > TRACES_LENGTH_MAX) traces.pop();
  form().elements.scans.value = traces.join(" ");
  const address = new URLSearchParams();
  for (const name of ["mode", "location", "scans"]) {
    const value = new FormData(form()).get(name);
    if (value) address.set(name, value);
  }
  history.replaceState(history.state, "", `/scan?${address}`);
}

/** The last that was heard of the ledger; it may be newer than an answer that comes after it. */
let latest = null;

/** Says beside the newest scan how far the level that it counted has moved on since. */
function showSince({ posting, item, levels }) {
  const entry = list().querySelector("li.is-done[data-after]:first-child");
  const { trace, scanned, location, after } = entry?.dataset ?? {};
  if (scanned !== String(item) || !(posting > Number(trace.slice(1)))) return;
  const level = levels.find((level) => String(level.location) === location);
  if (!level) return;
  const result = entry.querySelector(".result");
  const since = result.querySelector(".since") ?? result.appendChild(document.createElement("b"));
  since.className = "since";
  since.textContent = ` · now ${number(level.on_hand)} (${change(level.on_hand - Number(after))})`;
}

// ---- What is heard -------------------------------------------------------------------------------
// Nothing, unless it is asked for: eyes are on the shelf. A low tone means look here.

let tones;

function sound(isBad) {
  if (!document.getElementById("sound").checked) return;
  if (isBad) navigator.vibrate?.(250);
  tones ??= new AudioContext();
  const tone = tones.createOscillator();
  const volume = tones.createGain();
  tone.frequency.value = isBad ? 196 : 1046;
  volume.gain.value = 0.2;
  tone.connect(volume).connect(tones.destination);
  tone.start();
  tone.stop(tones.currentTime + (isBad ? 0.45 : 0.07));
}

function watchSound() {
  const box = document.getElementById("sound");
  try {
    box.checked = localStorage.getItem("ticker-scan-sound") === "on";
    box.addEventListener("change", () => {
      localStorage.setItem("ticker-scan-sound", box.checked ? "on" : "off");
      sound(false);
    });
  } catch {
    box.checked = false;
  }
}

// ---- What is sent --------------------------------------------------------------------------------

const fieldsOf = ({ key, code, mode, location, item, count }) => ({ key, code, mode, location, item, count });

/** Sends the oldest that waits, and the next after its answer. */
async function send() {
  clearTimeout(timer);
  const scan = waiting[0];
  if (isSending || !scan) return;
  isSending = true;
  scan.isSent = true;
  keep();
  const answer = await post("/scan", fieldsOf(scan), `scan-${scan.key}`);
  if (waiting[0] !== scan) return; // the page was left and came back meanwhile
  isSending = false;
  if (answer.leaving) return;
  signInToast?.remove();
  if (!answer.settled) {
    stick(scan, answer);
    return;
  }
  tries = 0;
  waiting.shift();
  keep();
  settle(scan, answer);
  send();
}

let signInToast;

/** Keeps a scan that may not have arrived, to be sent again: soon, or after signing in. */
function stick(scan, { isSignedOut }) {
  const why = isSignedOut ? "signed-out" : "offline";
  if (scan.stuck !== why) say(NOT_SAVED[why], true);
  scan.stuck = why;
  show(scan);
  keep();
  if (isSignedOut) {
    signInToast = showError("Scans are kept until you have signed in.", { act: send, signIn: true });
    return;
  }
  tries += 1;
  const pause = Math.min(500 * 2 ** tries, RETRY_MS_MAX);
  timer = setTimeout(send, pause * (0.75 + Math.random() / 2));
}

/** Takes a scan. The same code once more before the first was sent is one change by one more. */
function take(sent) {
  const { code, mode, location = "", item = "", count = 1 } = Object.fromEntries(new FormData(sent));
  const scan = { key: newKey(), code: code.trim(), mode, location, item, count: Number(count), at: Date.now() };
  const last = waiting.at(-1);
  const isSame = (name) => last?.[name] === scan[name];
  if (last && !last.isSent && !item && ["code", "mode", "location", "item"].every(isSame)) {
    last.count += scan.count;
    show(last);
  } else {
    waiting.push(scan);
    show(scan, sent.closest("li"));
  }
  keep();
  send();
}

/** Takes a scan back, and says so in its entry. */
async function undo(sent) {
  const entry = sent.closest(".scan");
  const button = sent.querySelector("button");
  button.disabled = true;
  const answer = await post(sent.action, new FormData(sent), entry.id);
  button.disabled = false;
  if (answer.leaving) return;
  if (!answer.settled) {
    showError("Not undone", { act: () => undo(sent), requestId: answer.requestId, signIn: answer.isSignedOut });
    return;
  }
  place("", answer); // the message; the row that comes along is not on this page
  if (!answer.ok) return;
  sayOf(entry, "undone", "Undone");
  const redo = [...document.querySelectorAll("#toasts form[data-undo]")].at(-1);
  if (redo) entry.dataset.redo = redo.getAttribute("action");
  sent.remove();
  form().elements.code.focus();
}

function sayOf(entry, tone, result) {
  delete entry.dataset.after; // it does not say any more how many there are
  entry.className = `scan is-${tone}`;
  entry.dataset.tone = tone;
  entry.querySelector(".result").textContent = result;
}

/** What was taken back has been done again, by the message that said so. */
function redone({ detail }) {
  const entry = list().querySelector(`[data-redo="${CSS.escape(detail.action)}"]`);
  if (entry) sayOf(entry, "done", "Undone, and done again");
}

/** The page is about to go: what waits is sent without waiting for each other. */
function leave() {
  for (const scan of waiting.slice(isSending ? 1 : 0)) post("/scan", fieldsOf(scan), "");
  for (const scan of waiting) scan.isSent = true;
  keep();
}

/** Goes on with what an earlier visit of this tab did not hear the answer to. */
function resume() {
  isSending = false;
  clearTimeout(timer);
  const scans = kept();
  waiting = scans.filter((scan) => Date.now() - scan.at < KEPT_MS_MAX);
  for (const scan of scans) delete scan.stuck;
  for (const scan of scans) show(scan);
  for (const scan of scans.filter((scan) => !waiting.includes(scan))) {
    entryOf(scan).className = "scan is-refused";
    entryOf(scan).querySelector(".result").textContent = "Nobody knows whether this counted: look at the item's history.";
  }
  keep();
  send();
}

/** What is typed anywhere on the page is typed into the field; a choice made by a mouse gives it back. */
function keepFocus() {
  const code = form().elements.code;
  document.addEventListener("keydown", (event) => {
    const isText = event.key.length === 1 && event.key !== " ";
    if (!isText || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select, dialog")) return;
    code.focus();
  });
  form().addEventListener("change", (event) => {
    if (event.target === code) return;
    remember();
    if (!event.target.matches(":focus-visible")) code.focus();
  });
}

export function watchScans() {
  if (!form()) return;
  const code = form().elements.code;
  code.setAttribute("aria-describedby", "code-hint"); // what happens is announced as it does
  document.addEventListener("submit", (event) => {
    const sent = event.target;
    if (sent.matches(".scan form[data-undo]")) {
      event.preventDefault();
      undo(sent);
      return;
    }
    if (!sent.matches("form[data-scan]")) return;
    if (new FormData(sent).get("mode") === "find") return; // leads to another page
    event.preventDefault();
    if (sent === form() && !code.value.trim()) return;
    take(sent);
    code.value = "";
    code.focus();
  });
  document.addEventListener("ticker:undone", redone);
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => event.persisted && resume());
  addEventListener("online", send);
  let isSigningIn = false;
  document.addEventListener("click", ({ target }) => (isSigningIn = Boolean(target.closest("a[href^='/login?']"))));
  addEventListener("beforeunload", (event) => {
    if (!isSigningIn && waiting.some((scan) => scan.stuck)) event.preventDefault();
  });
  document.addEventListener("ticker:stock", ({ detail }) => {
    latest = detail;
    showSince(detail);
  });
  watchSound();
  keepFocus();
  resume();
}
