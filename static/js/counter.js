// The counter: a scan is kept on this device before it is sent, sent once and in order, answered large and loud.
// Without a network it waits; what is refused later is listed until somebody has seen it. The worker keeps a bare copy
// of this page, so that it comes up again meanwhile; that copy sends nothing and gives way to the true one.
const RETRY = 15_000;
const CALM = 2000; // the lists are read anew when the queue has a moment
const CODE = /(?:^|\/d\/)[2-9A-HJKMNP-TV-Y]{4}[-‐－]?[2-9A-HJKMNP-TV-Y]{4}\/?$/i;
const part = document.querySelector("[data-counter]");
const isBare = part.dataset.bare !== undefined;
const { saved } = document.documentElement.dataset; // set by the worker on a page it has kept
const own = document.querySelector("script[data-zxing]");
const $ = (name, from = document) => from.querySelector(`[data-${name}]`);

// --- what is kept on this device ---------------------------------------------------------------------------------

const KEY = `kitto-counter:${part.dataset.holder}`;
const kept = () => {
  try {
    return { waiting: [], refused: [], ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { waiting: [], refused: [] };
  }
};
const keep = (change) => {
  const state = kept();
  change(state);
  localStorage.setItem(KEY, JSON.stringify(state));
  draw(state);
};

const client = crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");
let sequence = 0;

// --- sound -------------------------------------------------------------------------------------------------------

const TONES = { ok: [[880, 0, 0.12], [1320, 0.12, 0.2]], ng: [[196, 0, 0.25], [147, 0.27, 0.4]], same: [[660, 0, 0.2]], wait: [[523, 0, 0.12]] };
let speaker = null;
const sounds = $("sound");

const play = (tone) => {
  navigator.vibrate?.(tone === "ng" ? [200, 80, 200] : 60);
  if (!sounds.checked || !window.AudioContext) return;
  speaker ??= new AudioContext();
  speaker.resume?.().catch(() => {});
  for (const [pitch, at, length] of TONES[tone] ?? []) {
    const from = speaker.currentTime + at;
    const voice = speaker.createOscillator();
    const volume = speaker.createGain();
    voice.type = tone === "ng" ? "square" : "sine";
    voice.frequency.value = pitch;
    volume.gain.setValueAtTime(0.25, from);
    volume.gain.exponentialRampToValueAtTime(0.001, from + length);
    voice.connect(volume).connect(speaker.destination);
    voice.start(from);
    voice.stop(from + length);
  }
};

// --- the answer --------------------------------------------------------------------------------------------------

const place = $("answer");
const seen = (tone) => {
  place.scrollIntoView({ block: "nearest" });
  play(tone);
};
const say = (tone, title, words) => {
  const box = document.createElement("div");
  box.className = `answer answer-${tone}`;
  box.dataset.tone = tone;
  const head = document.createElement("p");
  head.className = "answer-t";
  head.textContent = title;
  const body = document.createElement("p");
  body.textContent = words;
  box.append(head, body);
  place.replaceChildren(box);
  seen(tone);
};

const show = (answer) => {
  if (!answer.html) return say(answer.tone, "NG", answer.words);
  place.replaceChildren(...new DOMParser().parseFromString(answer.html, "text/html").body.childNodes);
  return seen(answer.tone);
};

const line = (template, entry) => {
  const row = template.content.firstElementChild.cloneNode(true);
  $("what", row).textContent = [entry.box, entry.person].filter(Boolean).join(" → ");
  const when = $("when", row);
  if (when) when.textContent = new Date(entry.at).toLocaleTimeString(document.documentElement.lang, { hour: "numeric", minute: "2-digit" });
  const why = $("why", row);
  if (why) why.textContent = entry.words;
  return row;
};

const list = (name, entries, drop) => {
  $(name).hidden = !entries.length;
  $(`${name}-number`).textContent = entries.length;
  $(`${name}-list`).replaceChildren(...entries.map((entry) => {
    const row = line($(`${name}-row`), entry);
    $("drop", row).addEventListener("click", () => drop(entry));
    return row;
  }));
};

const is = (entry) => (one) => one.client === entry.client && one.sequence === entry.sequence;
const without = (entries, entry) => entries.filter((one) => !is(entry)(one));

function draw(state) {
  list("waits", state.waiting, (entry) => keep((now) => { now.waiting = without(now.waiting, entry); }));
  list("conflicts", state.refused, (entry) => keep((now) => { now.refused = without(now.refused, entry); }));
}

// --- sending -----------------------------------------------------------------------------------------------------

const form = $("scan");
const send = async (entry) => {
  const body = new FormData();
  const { csrfmiddlewaretoken } = form.elements;
  body.append("csrfmiddlewaretoken", csrfmiddlewaretoken.value);
  for (const name of ["client", "sequence", "mode", "box", "person"]) body.append(name, entry[name]);
  for (const name of ["as_kept", "forced"]) if (entry[name]) body.append(name, "1");
  body.append("scanned_at", entry.at);
  const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" }, redirect: "manual" });
  if (answer.type === "opaqueredirect" || answer.status === 403 || answer.status === 404) return "signed-out";
  if (answer.status !== 200 && answer.status !== 422) return "broken";
  return answer.json();
};

const waits = (why) => say("wait", part.dataset.titleWaits, part.dataset[`words${why}`]);
const REASONS = { "signed-out": "SignedOut", broken: "Broken" };

// Sends what waits, oldest first, until something stops it; `fresh` is the scan somebody waits for just now.
const flush = async (fresh) => {
  if (isBare) {
    if (fresh) waits("Waits");
    return giveWay();
  }
  for (let [entry] = kept().waiting; entry; [entry] = kept().waiting) {
    let answer;
    try {
      answer = await send(entry);
    } catch {
      return fresh && waits("Waits");
    }
    if (typeof answer === "string") return fresh && waits(REASONS[answer]);
    const sent = entry;
    const isFresh = fresh && is(fresh)(sent);
    keep((state) => {
      state.waiting = without(state.waiting, sent);
      if (!isFresh && answer.tone === "ng") state.refused.push({ ...sent, words: answer.words });
    });
    if (isFresh) show(answer);
  }
  return refresh();
};

// What is being typed is never thrown away; the true page sends what waits as soon as it is there.
const giveWay = async () => {
  if (!saved) return;
  const answer = await fetch(`${location.pathname}?bare=1`, { redirect: "manual", cache: "no-store" }).catch(() => null);
  const isThere = answer && (answer.ok || answer.type === "opaqueredirect");
  if (isThere && !box.value && !person?.value) location.replace(location.pathname);
};

const inTurn = (act) => (navigator.locks ? navigator.locks.request(KEY, act) : act());

let calm = 0;
const refresh = () => {
  clearTimeout(calm);
  calm = setTimeout(async () => {
    const answer = await fetch(location.pathname, { redirect: "manual" }).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const name of [".tally", "[aria-labelledby=lately-title]"]) {
      const [old, fresh] = [document.querySelector(name), page.querySelector(name)];
      if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
    }
  }, CALM);
};

// --- scanning ----------------------------------------------------------------------------------------------------

const { box, person } = form.elements;
const info = $("box");

const look = async () => {
  if (!info) return;
  info.replaceChildren();
  const typed = box.value;
  const answer = await fetch(`${location.pathname}?part=1&box=${encodeURIComponent(typed)}`).catch(() => null);
  if (!answer?.ok || box.value !== typed) return;
  info.replaceChildren(...new DOMParser().parseFromString(await answer.text(), "text/html").body.childNodes);
};

const begin = (submitter) => {
  const entry = {
    client,
    sequence: sequence++,
    mode: part.dataset.mode,
    box: box.value.trim(),
    person: person?.value.trim() ?? "",
    as_kept: submitter?.name === "as_kept",
    at: new Date().toISOString(),
  };
  box.value = "";
  if (person) person.value = "";
  info?.replaceChildren();
  box.focus({ preventScroll: true });
  keep((state) => state.waiting.push(entry));
  inTurn(() => flush(entry));
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!box.value.trim()) return box.focus();
  if (person && !person.value.trim() && event.submitter?.name !== "as_kept") {
    person.focus();
    return look();
  }
  return begin(event.submitter);
});
person?.addEventListener("focus", () => {
  if (box.value.trim() && !info.childElementCount) look();
});
box.addEventListener("input", () => info?.replaceChildren());

const read = (text) => {
  const isBox = CODE.test(text.trim());
  if (!person || isBox || !box.value.trim()) box.value = text.trim();
  else person.value = text.trim();
  form.requestSubmit();
};

// --- the camera --------------------------------------------------------------------------------------------------

const button = $("camera");
const viewer = $("viewer");
let stop = null;

const close = () => {
  stop?.();
  stop = null;
  viewer.hidden = true;
  button.setAttribute("aria-expanded", "false");
};

button.addEventListener("click", async () => {
  if (stop) return close();
  viewer.hidden = false;
  button.setAttribute("aria-expanded", "true");
  $("viewer-wrong").hidden = true;
  try {
    const { start } = await import(own.dataset.scanner);
    stop = await start(viewer.querySelector("video"), read, own.dataset);
  } catch {
    $("viewer-wrong").hidden = false;
  }
});
addEventListener("pagehide", close);

// --- the beginning -----------------------------------------------------------------------------------------------

button.hidden = !navigator.mediaDevices?.getUserMedia;
$("sound-label").hidden = !window.AudioContext;
$("send").addEventListener("click", () => inTurn(() => flush()));
addEventListener("online", () => inTurn(() => flush()));
setInterval(() => {
  if (isBare || kept().waiting.length) inTurn(() => flush());
}, RETRY);
draw(kept());
if (isBare || kept().waiting.length) inTurn(() => flush());
(box.value.trim() && person ? person : box).focus();

const keepForLater = async (worker) => {
  await navigator.serviceWorker.register(worker);
  const { active } = await navigator.serviceWorker.ready;
  active?.postMessage({ type: "counter" });
  // What reads codes here loads more files; fetched now, the worker has them too.
  if (!("BarcodeDetector" in window)) await import(own.dataset.zxing);
};
if (part.dataset.worker && "serviceWorker" in navigator) keepForLater(part.dataset.worker).catch(() => {}); // a browser that refuses works as it did before
