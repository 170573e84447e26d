// What script adds to pages that work without it. One file, as its name carries a hash of its content.

// ---- Toasts -----------------------------------------------------------------------------------------
// Messages at the edge of the page: good news leaves after ten seconds, bad news stays until dismissed.

const SHOWN_MS = 10_000;
const QUIET_MAX = 3;

const region = () => document.getElementById("toasts");

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
function showError(text, { act, requestId } = {}) {
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

function watchToasts() {
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

// ---- Exchanges --------------------------------------------------------------------------------------
// One exchange with the server for a form that script sends: what goes out, and what the answer means.

/** A random UUID. `crypto.randomUUID` is missing on plain http, which development uses. */
function newKey() {
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
 */
async function post(action, fields, target) {
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
  const elsewhere = response.headers.get("hx-redirect"); // to signing in, for one
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
function place(holderId, answer) {
  const holder = document.getElementById(holderId);
  if (holder && answer.html.includes(`id="${holderId}"`)) {
    htmx.swap(holder, answer.html, { swapStyle: "outerHTML" });
  } else if (answer.html.includes("hx-swap-oob")) {
    htmx.swap(region(), answer.html, { swapStyle: "none" });
  } else if (!answer.ok) {
    showError("That was refused, and nothing was changed.", { requestId: answer.requestId });
  }
  return document.getElementById(holderId);
}

// ---- Presses ----------------------------------------------------------------------------------------
// Presses of − and +. The number changes at once; presses within a moment are sent together as one
// change under one key; a change that may not have arrived is sent again under the same key.

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

function watchPresses() {
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

// ---- Dialogs ----------------------------------------------------------------------------------------
// Links marked data-dialog open their page's own form in a dialog over the page they stand on.
// Without script, or when the page cannot be fetched, they are ordinary links.

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

async function sendSheet(form, fields, holderId) {
  form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = true));
  const answer = await post(form.action, fields, holderId);
  form.querySelectorAll("[type=submit]").forEach((button) => (button.disabled = false));
  if (answer.leaving) return;
  if (!answer.settled) {
    dialog().close();
    showError("Not saved", { act: () => sendSheet(form, fields, holderId), requestId: answer.requestId });
  } else if (fill(answer.html)) {
    if (!dialog().open) dialog().showModal();
    focusFirst();
  } else {
    dialog().close();
    // What opened the dialog was replaced, and the focus with it: the number that was changed takes it.
    place(holderId, answer)?.querySelector("a.quantity")?.focus();
  }
}

function watchSheets() {
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

// ---- Small ones --------------------------------------------------------------------------------------

/** `/` goes to the search field, unless something is being typed. */
function watchSearchKey() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    const search = document.querySelector("[data-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
}

/** The account menu closes when something else is pressed, and on Escape. */
function watchMenus() {
  const openMenus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", (event) => {
    for (const menu of openMenus()) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of openMenus()) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}

/** Buttons that show a password or copy a text. */
function watchSmallButtons() {
  document.addEventListener("click", async (event) => {
    const reveal = event.target.closest("[data-reveal]");
    if (reveal) {
      const field = document.getElementById(reveal.dataset.reveal);
      const show = field.type === "password";
      field.type = show ? "text" : "password";
      reveal.textContent = show ? "Hide" : "Show";
      reveal.setAttribute("aria-pressed", String(show));
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const source = document.getElementById(copy.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        copy.classList.add("is-done");
        setTimeout(() => copy.classList.remove("is-done"), 1500);
      } catch {
        getSelection().selectAllChildren(source); // no clipboard here: leave it marked for Ctrl-C
      }
    }
  });
}

/** Typing a password chooses to type one. */
function watchChoices() {
  document.addEventListener("input", (event) => {
    const choice = event.target.dataset.chooses;
    if (choice) event.target.form.querySelector(`[type=radio][value="${choice}"]`).checked = true;
  });
}

/** An ordinary form goes out once, however often its button is pressed. Its key protects it as well. */
function watchOrdinaryForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("form[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "true";
  });
  addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  });
}

/** The list follows its filters; its address leaves out what is not filtered for. */
function watchFilters() {
  const isList = (event) => event.detail.elt?.id === "filters";
  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form?.id === "filters" && !form.contains(event.target) && event.target.matches("select")) {
      form.requestSubmit();
    }
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (!isList(event)) return;
    const { formData } = event.detail;
    for (const { name, value, dataset } of event.detail.elt.elements) {
      if (value === (dataset.default ?? "")) formData.delete(name);
    }
  });
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, (event) => {
      if (!isList(event)) return;
      const failed = document.getElementById("failed-pattern").content.cloneNode(true);
      failed.querySelector("[data-retry]").href = event.detail.pathInfo.finalRequestPath;
      document.getElementById("results").replaceChildren(failed);
    });
  }
}

/** Where the chips are wider than the screen, the current one is brought into sight. */
function showCurrentChip() {
  const chips = document.querySelector(".results-head .chips");
  const current = chips?.querySelector("[aria-current]");
  if (!current) return;
  const [outer, inner] = [chips.getBoundingClientRect(), current.getBoundingClientRect()];
  chips.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
}

watchToasts();
watchPresses();
watchSheets();
watchOrdinaryForms();
watchSearchKey();
watchMenus();
watchSmallButtons();
watchChoices();
watchFilters();
showCurrentChip();
document.addEventListener("htmx:afterSettle", showCurrentChip);
document.querySelector("main [autofocus]")?.focus();
