// On an employee's pages: the Chromebook says that it is there, an opened hint and a return are noted.
// Everything here has a button or happens without it: none of it is needed to go on.
const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";

const tell = (url, fields = {}) => {
  const body = new URLSearchParams({ csrfmiddlewaretoken: token, ...fields });
  fetch(url, { method: "POST", body, credentials: "same-origin", keepalive: true }).catch(() => {});
};

// What keeps the guide readable without a network comes when nothing else is to do.
const offline = document.querySelector("meta[name='kitto-offline']");
const isSaved = "saved" in document.documentElement.dataset;
if (offline && "serviceWorker" in navigator) {
  const load = () => import(offline.content).catch(() => {});
  const idle = () => (window.requestIdleCallback ?? setTimeout)(load);
  if (isSaved || document.readyState === "complete") idle();
  else addEventListener("load", idle, { once: true });
}

// Once a tab: if the server does not take it, the button stays and nothing goes round in circles.
const arrival = document.querySelector("form[data-arrive]");
if (arrival && !isSaved) {
  const key = `arrived ${arrival.action}`;
  let tried = true;
  try {
    tried = sessionStorage.getItem(key) !== null;
    sessionStorage.setItem(key, "1");
  } catch {
    // no storage: the button does it
  }
  if (!tried) arrival.requestSubmit();
}

const away = document.querySelector("[data-opened]");
if (away && !isSaved) tell(away.dataset.opened);

document.querySelectorAll("[data-trouble]").forEach((hint) => {
  const details = hint.querySelector("details") ?? hint;
  details.addEventListener("toggle", () => tell(hint.dataset.troubleUrl, { trouble: hint.dataset.trouble }), { once: true });
});
