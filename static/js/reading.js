// How a person wants to read takes effect at once and is saved in the background; without this the button does it.
// Readings above kanji come from the server: the page is asked for anew.
const root = document.documentElement;
const PLAIN = new Set(["", "system", "normal", "off"]);

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-reading]");
  if (!form) return;
  if (event.target.name === "ruby") {
    form.requestSubmit();
    return;
  }
  const wish = new FormData(form);
  for (const key of ["theme", "text"]) {
    const value = wish.get(key) ?? "";
    if (PLAIN.has(value)) delete root.dataset[key];
    else root.dataset[key] = value;
  }
  fetch(form.action, { method: "POST", body: wish, credentials: "same-origin", redirect: "manual" }).catch(() => {});
});
