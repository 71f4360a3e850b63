// The page's half of working without a network: starts the worker, says what waits, and looks again once the
// network is back. Loaded when the page is idle; without it, and without a worker, everything works with a network.
const meta = document.querySelector("meta[name='kitto-offline']");
const root = document.documentElement;
const saved = root.dataset.saved;
const LOOK_AGAIN = 15_000;
const SENT = "outbox sent";
const part = (name) => document.querySelector(`[data-${name}]`);
const show = (name, is) => {
  const one = part(name);
  if (one) one.hidden = !is;
};

const tellWorker = async (order) => {
  const registration = await navigator.serviceWorker.ready;
  registration.active?.postMessage(order);
};

// Words that are being typed are never thrown away by looking again.
const isTyping = () => [...document.querySelectorAll("textarea, input[type=text]")].some((field) => field.value !== field.defaultValue);

const list = (said) => {
  const box = part("list");
  if (!box) return;
  const items = said.list.map(({ kind, title, pressed }) => {
    const item = document.createElement("li");
    const words = document.createElement("p");
    const strong = document.createElement("b");
    strong.textContent = box.dataset[kind];
    words.append(strong, title && ` ${title}`);
    const at = document.createElement("p");
    at.className = "sub";
    at.textContent = new Date(pressed).toLocaleTimeString(root.lang, { hour: "2-digit", minute: "2-digit" });
    item.append(words, at);
    return item;
  });
  box.replaceChildren(...items);
  const guide = part("guide");
  if (guide && said.guide) guide.href = `/j/${said.guide}/`;
};

const undo = (last) => {
  const button = part("outbox-undo");
  if (!button) return;
  button.hidden = !last;
  button.onclick = () => {
    const form = document.createElement("form");
    form.method = "post";
    form.action = `/j/${last.journey}/s/${last.key}/undo`;
    document.body.append(form);
    form.submit();
  };
};

// The page that sent it is replaced by the true one, which then says so once.
let sentBefore = null;
const remembered = () => {
  if (sentBefore === null) {
    sentBefore = sessionStorage.getItem(SENT) !== null;
    sessionStorage.removeItem(SENT);
  }
  return sentBefore;
};

const hear = (said) => {
  const count = said.list.length;
  const last = said.list.at(-1);
  const ended = said.ended > 0;
  if (part("outbox-count")) part("outbox-count").textContent = String(count);
  show("outbox-waits", count > 0 && !ended);
  show("outbox-ended", ended);
  const sent = said.sent > 0 || remembered();
  show("outbox-sent", count === 0 && sent && !said.refused);
  show("outbox-refused", said.refused > 0);
  show("outbox-link", count > 0 && !part("waiting-page"));
  show("outbox", count > 0 || sent || said.refused > 0);
  part("outbox")?.classList.toggle("banner-warn", count > 0 || said.refused > 0);
  undo(last && ["done", "skip"].includes(last.kind) ? last : null);
  show("when-offline", Boolean(saved));
  show("when-ended", ended);
  show("when-refused", said.refused > 0);
  show("when-waiting", count > 0);
  show("when-empty", count === 0);
  show("when-worker", true);
  list(said);
  // The truth is there again: show it. What was sent has changed this page, too.
  if (!said.online || !(saved || said.sent > 0) || isTyping()) return;
  if (said.sent > 0) sessionStorage.setItem(SENT, "1");
  location.replace(location.href);
};

const start = async () => {
  await navigator.serviceWorker.register(meta.dataset.worker);
  navigator.serviceWorker.addEventListener("message", ({ data }) => data?.type === "outbox" && hear(data));
  const look = Boolean(saved);
  addEventListener("online", () => tellWorker({ type: "flush", look }));
  part("erase")?.addEventListener("click", async () => {
    await tellWorker({ type: "erase" });
    show("erased", true);
  });
  await tellWorker({ type: "state" });
  await tellWorker({ type: "flush" });
  if (saved) setInterval(() => tellWorker({ type: "flush", look }), LOOK_AGAIN);
  if (meta.dataset.journey && !saved) {
    const frugal = Boolean(navigator.connection?.saveData);
    await tellWorker({ type: "keep", journey: Number(meta.dataset.journey), frugal });
  }
};

start().catch(() => {}); // a browser that refuses works as it did before
