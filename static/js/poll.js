// Parts that stay fresh: <section data-poll="60" data-poll-url="/part/">. The server answers with the inside of
// the part and an ETag (304 = nothing new), 286 = fresh and final, 204/401/403/404/410 = stop asking.
// What the answer puts into <template data-for="ID"> goes into the element of that id beside the part.
// While the tab is hidden nothing is asked. If asking fails the part gets data-stale; its own "as of" line then speaks.
const STOP = new Set([204, 401, 403, 404, 410]);
const QUICKEST = 5;

let pressed = false;
addEventListener("pointerdown", () => { pressed = true; });
["pointerup", "pointercancel"].forEach((name) => addEventListener(name, () => { pressed = false; }));

const busy = (part) => {
  const focused = document.activeElement;
  if (part.contains(focused) && focused.matches("input, textarea, select")) return true;
  const marked = document.getSelection();
  return pressed || Boolean(marked && !marked.isCollapsed && part.contains(marked.anchorNode));
};

// What the reader looks at stays where it is: the first named thing at or below the upper edge.
const anchor = (part) => {
  const seen = [...part.querySelectorAll("[id]")].find((one) => one.getBoundingClientRect().top >= 0);
  return seen && window.scrollY ? { id: seen.id, top: seen.getBoundingClientRect().top } : null;
};

const replace = (part, html) => {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  fresh.querySelectorAll("template[data-for]").forEach((one) => {
    const beside = document.getElementById(one.dataset.for);
    one.remove();
    if (beside && !busy(beside)) put(beside, [...one.content.childNodes]);
  });
  put(part, [...fresh.body.childNodes]);
};

const put = (part, nodes) => {
  const held = anchor(part);
  const rolled = [...part.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const opened = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.replaceChildren(...nodes);
  opened.forEach((id) => part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", ""));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  part.querySelectorAll(".scroll").forEach((one, at) => { one.scrollLeft = rolled[at] ?? 0; });
  const moved = held && document.getElementById(held.id);
  if (moved) window.scrollBy({ top: moved.getBoundingClientRect().top - held.top, behavior: "instant" });
};

// When the part was counted is no news by itself: the answer says it even where nothing changed.
const sayWhen = (part, answer) => {
  const said = answer.headers.get("X-As-Of");
  const line = part.querySelector(".asof");
  if (said && line) line.textContent = decodeURIComponent(said);
};

const watch = (part) => {
  const pause = Math.max(QUICKEST, Number(part.dataset.poll) || 60) * 1000;
  let etag = part.dataset.pollEtag ?? "";
  let asked = Date.now();
  let timer = 0;

  const plan = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(ask, wait);
  };

  const ask = async () => {
    if (!part.isConnected) return;
    if (document.hidden || busy(part)) {
      plan(pause);
      return;
    }
    asked = Date.now();
    try {
      const headers = { "X-Requested-With": "poll", ...(etag && { "If-None-Match": etag }) };
      const answer = await fetch(part.dataset.pollUrl, { headers, credentials: "same-origin", cache: "no-store" });
      if (STOP.has(answer.status) || answer.redirected) return;
      if (answer.status !== 304) {
        if (!answer.ok) throw new Error(String(answer.status));
        etag = answer.headers.get("ETag") ?? "";
        replace(part, await answer.text());
      }
      sayWhen(part, answer);
      delete part.dataset.stale;
      if (answer.status === 286) return;
    } catch {
      part.dataset.stale = "1";
    }
    plan(pause);
  };

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) plan(Math.max(0, asked + pause - Date.now()));
  });
  plan(pause);
};

document.querySelectorAll("[data-poll][data-poll-url]").forEach(watch);
