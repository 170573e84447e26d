// What makes ordinary forms more pleasant.

/** Buttons that show a password or copy a text. */
export function watchSmallButtons() {
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
export function watchChoices() {
  document.addEventListener("input", (event) => {
    const choice = event.target.dataset.chooses;
    if (choice) event.target.form.querySelector(`[type=radio][value="${choice}"]`).checked = true;
  });
}

/** An ordinary form goes out once, however often its button is pressed. Its key protects it as well. */
export function watchOrdinaryForms() {
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
