// Presses that nobody has acknowledged yet, kept outside of the page: a reload, a closed tab or a crash
// does not lose them. Each stands under its key, so that whoever sends it again changes nothing twice.

const PREFIX = "ticker.press.";

/** This tab, over reloads: a press of another tab may still be on its way there. */
const tab = (() => {
  try {
    const known = sessionStorage.getItem("ticker.tab") ?? String(Math.random()).slice(2);
    sessionStorage.setItem("ticker.tab", known);
    return known;
  } catch {
    return "";
  }
})();

const user = () => document.body.dataset.user;

/** Keeps a change: `{ key, delta, action, fields, item, name, at }`. Returns whether that is possible. */
export function keep(change) {
  try {
    localStorage.setItem(PREFIX + change.key, JSON.stringify({ ...change, user: user(), tab }));
    return true;
  } catch {
    return false; // no storage here: private windows, settings
  }
}

/** Lets go of a change that was answered. */
export function forget({ key }) {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // nothing was kept
  }
}

/** What this person left, oldest first; `isOurs` tells whether it was in this tab. */
export function left() {
  const found = [];
  try {
    for (const name of Object.keys(localStorage)) {
      if (!name.startsWith(PREFIX)) continue;
      const change = JSON.parse(localStorage.getItem(name));
      if (change?.user === user()) found.push({ ...change, isOurs: change.tab === tab });
    }
  } catch {
    // what cannot be read cannot be sent
  }
  return found.sort((one, other) => one.at - other.at);
}
