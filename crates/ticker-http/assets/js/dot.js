// The dot in the header: whether the numbers on the page follow what happens. Words say so as well as the
// colour.

const TEXTS = { live: "Live", lost: "Reconnecting, numbers may be old", ended: "Signed out, numbers may be old" };

let stream = "";

/** The parts of the page that missed something and could not be loaded again yet. */
const behind = new Set();

function show() {
  const word = stream === "live" && behind.size > 0 ? "lost" : stream;
  const dot = document.getElementById("live");
  if (!word || !dot || dot.dataset.state === word) return;
  dot.dataset.state = word;
  dot.querySelector("span").textContent = TEXTS[word];
}

/** Says how the stream of events is: `live`, `lost` or `ended`. */
export function showStream(word) {
  stream = word;
  show();
}

/** Says whether a part of the page is older than the stream that goes on. */
export function setBehind(part, isBehind) {
  if (isBehind) behind.add(part);
  else behind.delete(part);
  show();
}
