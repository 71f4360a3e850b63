// A display nobody attends: asks each minute, says when its figures are old, and shows nothing once its address
// opens nothing any more. It never gives up by itself: a network that comes back finds it asking.
const part = document.querySelector("[data-wall]");
const old = document.querySelector("[data-wall-old]");
const over = document.querySelector("[data-wall-over]");
const PAUSE = (Number(part.dataset.wall) || 60) * 1000;
const OLD = 3 * PAUSE;
const ENDED = new Set([401, 403, 404, 410]);

let etag = "";
let fresh = Date.now();

const sayWhen = (answer) => {
  const said = answer.headers.get("X-As-Of");
  const line = part.querySelector(".asof");
  if (said && line) line.textContent = decodeURIComponent(said);
};

const ask = async () => {
  try {
    const headers = etag ? { "If-None-Match": etag } : {};
    const answer = await fetch(part.dataset.wallUrl, { headers, cache: "no-store" });
    if (ENDED.has(answer.status)) {
      part.replaceChildren();
      over.hidden = false;
      old.hidden = true;
      return;
    }
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(String(answer.status));
      etag = answer.headers.get("ETag") ?? "";
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      part.replaceChildren(...page.body.childNodes);
    }
    sayWhen(answer);
    fresh = Date.now();
    over.hidden = true;
  } catch {
    // The figures stay; their age is what counts.
  }
  old.hidden = Date.now() - fresh < OLD || !over.hidden;
  document.documentElement.toggleAttribute("data-stale", !old.hidden);
};

setInterval(ask, PAUSE);
