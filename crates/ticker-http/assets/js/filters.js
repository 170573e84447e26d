// The list of items under its filters.

/** The list follows its filters; its address leaves out what is not filtered for. */
export function watchFilters() {
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
  showCurrent();
  document.addEventListener("htmx:afterSettle", showCurrent);
}

/** Where the chips, or the ways to go, are wider than the screen, the current one is brought into sight. */
function showCurrent() {
  for (const row of document.querySelectorAll(".results-head .chips, .bar nav")) {
    const current = row.querySelector("[aria-current]");
    if (!current) continue;
    const [outer, inner] = [row.getBoundingClientRect(), current.getBoundingClientRect()];
    row.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  }
}
