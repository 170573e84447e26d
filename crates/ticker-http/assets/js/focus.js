// Where the focus goes when the page changes under it.

const FOCUSABLE = "a[href], button:not([disabled]), input:not([type=hidden]), select, textarea, summary, [tabindex]";

/** Does what replaces parts of the page; what takes the place of what had the focus has it afterwards. */
export function keepingFocus(replace) {
  const had = document.activeElement;
  const holder = had.closest("[data-item]");
  const place = holder ? [...holder.querySelectorAll(FOCUSABLE)].indexOf(had) : -1;
  replace();
  if (had.isConnected) return;
  const holderNow = holder && document.getElementById(holder.id);
  const heir =
    (had.id && document.getElementById(had.id)) || (place >= 0 && holderNow?.querySelectorAll(FOCUSABLE)[place]);
  if (heir && heir !== document.activeElement) heir.focus({ preventScroll: true });
}

/** Gives the focus to an item's number, or else to the page, if nothing has it: what had it is gone. */
export function focusItem(item) {
  if (document.activeElement && document.activeElement !== document.body) return;
  const number = document.querySelector(`[data-item="${Number(item)}"] a.quantity`);
  (number ?? document.getElementById("main"))?.focus({ preventScroll: true });
}
