// Loading the page again, for the parts of it that cannot change in place.

import { setBehind } from "./dot.js";

const PAUSE_MS_MAX = 60_000;

/** A page as it is now; null if it cannot be had. */
async function loadPage(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) return null;
    return new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    return null;
  }
}

const here = () => location.href;

/**
 * Loads a page, this one unless `address` says another, unless something else takes its place meanwhile: what
 * `holder` finds, or the address. Resolves to `{ page }`, of which null says that it could not be had, or to
 * `{ isOther }`.
 */
export async function loadUnder(holder, address = here) {
  const [asked, held] = [address(), holder()];
  const page = await loadPage(asked);
  return asked === address() && held === holder() ? { page } : { isOther: true };
}

/**
 * Brings parts of the page up to date. Returns a function that asks for some by their names; `takeOver` is
 * called with the page and a set of the names. What could not be loaded is asked for again and again, with
 * longer and longer pauses, and the dot tells: nobody else would ask, as the stream has gone on.
 */
export function reloader(name, { wait, pauseMs, holder, address, takeOver }) {
  let wanted = new Set();
  let failures = 0;
  let timer = 0;

  async function load() {
    const asked = wanted;
    wanted = new Set();
    const { page, isOther } = await loadUnder(holder, address);
    if (page) takeOver(page, asked);
    else for (const one of asked) wanted.add(one);
    failures = page || isOther ? 0 : failures + 1;
    setBehind(name, failures > 0);
    const pause = Math.min(pauseMs * 2 ** failures, PAUSE_MS_MAX) * (failures > 0 ? 0.75 + Math.random() / 2 : 1);
    timer = setTimeout(goOn, pause);
  }

  function goOn() {
    timer = 0;
    if (wanted.size > 0) load();
  }

  return (names) => {
    for (const one of names) wanted.add(one);
    timer ||= setTimeout(load, wait());
  };
}
