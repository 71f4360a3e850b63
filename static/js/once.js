// A form is sent once, however often the button is pressed. The label stays: people read it.
const SENT = "sent";
const GIVE_UP = 10_000; // a lost connection must not leave a dead button behind

const release = (form) => {
  delete form.dataset[SENT];
  form.querySelectorAll("[data-was-pressed]").forEach((button) => {
    button.removeAttribute("aria-disabled");
    delete button.dataset.wasPressed;
  });
};

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.dataset.once === "off") return;
  if (form.dataset[SENT]) {
    event.preventDefault();
    return;
  }
  form.dataset[SENT] = "1";
  const button = event.submitter;
  if (button) {
    button.setAttribute("aria-disabled", "true"); // not disabled: its name and value must be sent
    button.dataset.wasPressed = "1";
  }
  setTimeout(() => release(form), GIVE_UP);
});

// Coming back with the browser's back button shows the page as it was left.
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach(release));
