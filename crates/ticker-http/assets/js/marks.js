// What stands beside an item's numbers and changes with them: status, the rest elsewhere, the time, and
// for some seconds who it was.

import { number } from "./quantities.js";

const SHOWN_MS = 6_000;

const timeText = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/** Shows a status as icon and word, in the place of another. */
function showStatus(mark, status) {
  const pattern = document.getElementById("statuses").content.querySelector(`.status-${status}`);
  if (pattern && !mark.matches(`.status-${status}`)) mark.replaceWith(pattern.cloneNode(true));
}

/** Shows the status of the item that a page is about. */
export function showHeadStatus(status) {
  const mark = document.querySelector("#item-status .status");
  if (mark) showStatus(mark, status);
}

function showElsewhere(row, total) {
  const quantity = row.querySelector("[data-quantity][data-level]");
  const place = row.querySelector(".location");
  if (!quantity || !place) return;
  const rest = total - Number(quantity.dataset.quantity);
  const known = place.querySelector(".elsewhere");
  if (rest === 0) {
    known?.remove();
    return;
  }
  const shown = known ?? place.appendChild(document.createElement("span"));
  shown.className = "elsewhere";
  shown.textContent = `+ ${number(rest)} elsewhere`;
}

/** Shows when an item last moved, by the server's clock. */
function showTime(row, at) {
  const time = row.querySelector("time");
  if (!time || !at) return;
  time.dateTime = at.replace(/\.\d+/, "");
  time.textContent = timeText.format(new Date(at));
  time.title = `${time.textContent} UTC`;
}

/** Says beside the number who changed it; the next one takes its place. A long name is cut, a change is not. */
function showWho(holder, { who, change }) {
  const stepper = holder.querySelector(".stepper");
  if (!stepper) return;
  stepper.querySelector(".by")?.remove();
  const by = document.createElement("span");
  by.className = "by";
  const name = document.createElement("span");
  name.textContent = who;
  by.append(name, ` ${change}`);
  by.setAttribute("aria-hidden", "true"); // said by the page's one live region instead
  stepper.append(by);
  setTimeout(() => by.remove(), SHOWN_MS);
}

export function watchMarks() {
  document.addEventListener("ticker:moved", ({ target: holder, detail }) => {
    for (const mark of holder.querySelectorAll(".status")) showStatus(mark, detail.status);
    if (holder.id === "stock") showHeadStatus(detail.status);
    for (const word of ["out", "low", "ok", "over"]) {
      holder.classList.toggle(`is-${word}`, word === detail.status);
      holder.querySelector(".gauge")?.classList.toggle(word, word === detail.status);
    }
    showElsewhere(holder, detail.onHand);
    showTime(holder, detail.at);
    showGauge(holder, detail.onHand);
    if (detail.news) showWho(holder, detail.news);
  });
}

/** The bar of an item's page; its scale stays until the panel is loaded anew. */
function showGauge(holder, total) {
  const gauge = holder.querySelector(".gauge[data-end]");
  if (!gauge) return;
  const percent = Math.min(Math.floor((total * 100) / Number(gauge.dataset.end)), 100);
  gauge.querySelector(".fill").setAttribute("width", `${percent}%`);
}
