// What others do, as it happens: one stream of events, from which rows and panels change in place.

import { showStream } from "./dot.js";
import { refetch } from "./list.js";
import { change, hear } from "./quantities.js";
import { refetchPanels } from "./panels.js";
import { tellSheet } from "./sheet.js";
import { showError } from "./toasts.js";

/** A browser has six connections to a site: a page that nobody looks at lets go of its own. */
const HIDDEN_MS = 5_000;
/** The server says something every 15 s, if only that it is there. */
const SILENCE_MS = 40_000;
/** How long to wait before coming back, unless the server has said; longer after each time in vain. */
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 30_000;
/** At most so often a screen reader is told what changed. */
const TOLD_MS = 5_000;

const state = { cursor: "", stream: null, failures: 0, retryMs: RETRY_MS, timer: 0, hasEnded: false };

async function open() {
  clearTimeout(state.timer);
  if (state.stream || state.hasEnded || document.hidden) return;
  const stream = new AbortController();
  state.stream = stream;
  try {
    await follow(stream);
  } catch {
    // whatever broke, it is opened again
  }
  if (state.stream !== stream) return; // we closed it ourselves
  state.stream = null;
  if (state.hasEnded) return;
  showStream("lost");
  const wait = Math.min(state.retryMs * 2 ** state.failures, RETRY_MS_MAX) * (0.75 + Math.random() / 2);
  state.failures += 1;
  state.timer = setTimeout(open, wait);
}

function close() {
  clearTimeout(state.timer);
  const { stream } = state;
  state.stream = null;
  stream?.abort();
}

/** Waits for what the server says next. When it has said nothing for too long, the stream is given up. */
function unlessSilent(stream, said) {
  const silence = setTimeout(() => stream.abort(), SILENCE_MS);
  return said.finally(() => clearTimeout(silence));
}

/** Reads a stream to its end. */
async function follow(stream) {
  const address = state.cursor ? `/live?after=${encodeURIComponent(state.cursor)}` : "/live";
  const asked = fetch(address, {
    headers: { Accept: "text/event-stream" },
    cache: "no-store",
    signal: stream.signal,
  });
  const response = await unlessSilent(stream, asked);
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (response.status === 401 || response.status === 403 || (response.redirected && !isStream)) {
    end();
    return;
  }
  if (!response.ok || !isStream) return;
  showStream("live");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await unlessSilent(stream, reader.read());
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    blocks.forEach(receive);
  }
}

/** Takes one event: lines of `field: value`, of which one that begins with a colon is a sign of life. */
function receive(block) {
  const fields = { data: "" };
  for (const line of block.split("\n")) {
    const [, name, value] = line.match(/^(\w+): ?(.*)$/) ?? [];
    if (name) fields[name] = value;
  }
  if (fields.id) state.cursor = fields.id;
  // A stream that ends behind its opening has come to nothing, and is asked for less and less.
  if (fields.retry) state.retryMs = Number(fields.retry);
  else state.failures = 0;
  if (!fields.event) return;
  const data = fields.data ? JSON.parse(fields.data) : {};
  if (fields.event === "stock") stockMoved(data);
  else if (fields.event === "item") itemChanged(String(data.item));
  else if (fields.event === "resync") resync();
  else if (fields.event === "ended") end();
}

/** Who it was, from where one stands, and by how much: `Ana and 2 more`, `−7`. */
function newsOf({ by, others, delta }) {
  const name = String(by.id) === document.body.dataset.user ? "You" : by.name.split(" ")[0];
  return { who: `${name}${others > 0 ? ` and ${others} more` : ""}`, change: change(delta) };
}

function stockMoved(event) {
  const news = newsOf(event);
  document.dispatchEvent(new CustomEvent("ticker:stock", { detail: { ...event, news } }));
  hear(event, news);
}

/** What of the page is older than it was heard, now or once an own answer has come. */
function moved({ detail }) {
  const { item, news, levels, since, onHand } = detail;
  refetchPanels(item);
  if (!news) return; // said already
  const words = `${news.who} ${news.change}`;
  tellSheet(item, levels, since, words);
  tellReader(item, words, onHand);
}

function itemChanged(item) {
  refetch([item]);
  refetchPanels(item, { whole: true });
}

function resync() {
  refetch();
  refetchPanels(document.querySelector("#stock")?.dataset.item, { whole: true });
  document.dispatchEvent(new CustomEvent("ticker:missed"));
}

let toldAt = -Infinity;

/** Tells a screen reader of the item that is being worked with, not of everything in a busy list. */
function tellReader(item, words, onHand) {
  const holder = document.querySelector(`[data-item="${item}"]`);
  const isWorkedWith = holder?.id === "stock" || holder?.contains(document.activeElement);
  if (!isWorkedWith || performance.now() - toldAt < TOLD_MS) return;
  toldAt = performance.now();
  document.getElementById("news").textContent = `${holder.dataset.name}: ${words}, now ${onHand}`;
}

/** The session is over: nothing comes any more, and asking again would be in vain. */
function end() {
  if (state.hasEnded) return;
  state.hasEnded = true;
  close();
  showStream("ended");
  showError("You are signed out here.", { signIn: true });
}

export function watchLive() {
  const { live } = document.body.dataset;
  if (live === undefined) return;
  state.cursor = live;
  document.addEventListener("ticker:moved", moved);
  let hidden = 0;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hidden);
    if (document.hidden) hidden = setTimeout(close, HIDDEN_MS);
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  addEventListener("offline", () => {
    close();
    showStream("lost");
  });
  addEventListener("online", open);
  open();
}
