// The account menu's choices: the page follows at once, and the server remembers.

/** What a choice changes on the page, as the server draws it. */
const follow = {
  theme(word) {
    if (word === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = word;
  },
  shortcuts(word) {
    if (word === "off") document.body.dataset.shortcuts = word;
    else delete document.body.dataset.shortcuts;
  },
};

export function watchPreferences() {
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (!form.matches("form[data-preferences]") || !submitter) return;
    event.preventDefault();
    const { name, value } = submitter;
    follow[name](value);
    for (const button of form.elements) if (button.name === name) button.ariaPressed = String(button === submitter);
    const body = new URLSearchParams({ [name]: value });
    const sent = fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" }, keepalive: true });
    sent.catch(() => {}); // it holds for this page, and can be chosen again
  });
}
