// The service worker: keeps the person's own guide readable without a network, lets what is pressed wait, and sends
// it once, in order, with its own times. It keeps a bare counter too. /sw.js loads it and names the version of the files as self.KITTO.
// It never answers with a kept page while the network does, and it marks every page that it has kept.
const { version, files, hashed, waiting: WAITING, pass: PASS } = self.KITTO;
const FILES = `kitto-files-${version}`;
const PAGES = "kitto-pages";
const PATIENCE = 8000; // a network that takes longer is none
const GAP = 250; // between two pages that are kept ahead of time
const GUIDE = /^\/j\/(\d+)\/(?:s\/[\w-]+\/|ready\/|done\/|help\/)?$/;
const COUNTER = /^\/counter\/(?:arrive\/)?$/;
const PRESS = /^\/j\/(\d+)\/(?:s\/([\w-]+)\/(done|undo|skip|check)|(help)\/)$/;
const LEAVING = /^\/(?:accounts\/logout\/|j\/\d+\/leave|paper\/next)$/;
const PERSONAL = new Set(["words", "photo"]);
const GONE = new Set([400, 404, 405, 409, 410, 413, 422]);

// --- what is kept beside the pages: presses that wait, and a few facts ------------------------------------------

const opened = () => new Promise((done, fail) => {
  const asked = indexedDB.open("kitto", 1);
  asked.onupgradeneeded = () => {
    asked.result.createObjectStore("outbox", { keyPath: "sequence", autoIncrement: true });
    asked.result.createObjectStore("facts");
  };
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => fail(asked.error);
});

const store = async (name, act) => {
  const base = await opened();
  try {
    return await new Promise((done, fail) => {
      const work = base.transaction(name, "readwrite");
      const asked = act(work.objectStore(name));
      work.oncomplete = () => done(asked.result);
      work.onabort = work.onerror = () => fail(work.error);
    });
  } finally {
    base.close();
  }
};

const fact = (key) => store("facts", (rows) => rows.get(key));
const note = (key, value) => store("facts", (rows) => rows.put(value, key));
const presses = () => store("outbox", (rows) => rows.getAll());
const forget = (sequence) => store("outbox", (rows) => rows.delete(sequence));

const device = async () => {
  const known = await fact("client");
  if (known) return known;
  const made = crypto.randomUUID();
  await note("client", made);
  return made;
};

// --- whose it is ------------------------------------------------------------------------------------------------

// Grows whenever somebody's pages are thrown away: what was asked for before that and comes late is not kept any more.
let era = 0;

const empty = async () => {
  await caches.delete(PAGES);
  await note("guides", {});
};

const wipe = () => {
  era += 1;
  return empty();
};

// What waits stays as ids; the person's own words and pictures go.
const silence = async (is) => {
  for (const press of await presses()) {
    if (!is(press) || !press.fields.some(([name]) => PERSONAL.has(name))) continue;
    press.fields = press.fields.filter(([name]) => !PERSONAL.has(name));
    await store("outbox", (rows) => rows.put(press));
  }
};

// Returns the era in which an answer for somebody, asked for in another, is kept.
const belongs = async (holder, asked) => {
  if ((await fact("holder")) === holder || asked !== era) return asked;
  const wiped = wipe();
  const now = era;
  await wiped;
  await note("holder", holder);
  return now;
};

// --- pages ------------------------------------------------------------------------------------------------------

const keyOf = (url) => url.pathname + (url.pathname.endsWith("/help/") ? url.search : "");
const isKept = (url) => GUIDE.test(url.pathname) || url.pathname === WAITING;

const within = (promise, patience) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error("too slow")), patience);
  promise.then(done, fail);
});

const keepFiles = async (html) => {
  const box = await caches.open(FILES);
  const named = new Set([...html.matchAll(/"([^"#?\s]+)/g)].map(([, path]) => path).filter((path) => path.startsWith(files) && /\.\w+$/.test(path)));
  for (const path of named) {
    if (!(await box.match(path))) await box.add(path).catch(() => {});
  }
};

const keepPage = async (url, answer, asked) => {
  if (!answer.ok || answer.status !== 200 || answer.redirected) return;
  if (answer.headers.get("Kitto-Holder") !== (await fact("holder"))) return; // somebody else's by now
  const html = await answer.text();
  const headers = new Headers(answer.headers);
  ["content-encoding", "content-length", "set-cookie"].forEach((name) => headers.delete(name));
  headers.set("Kitto-Saved-At", new Date().toISOString());
  if (asked !== era) return;
  const box = await caches.open(PAGES);
  await box.put(keyOf(url), new Response(html, { headers }));
  await keepFiles(html);
};

// A kept page says so and when it was saved; its forms get new keys, so that a press on it is a press of its own.
const kept = async (url) => {
  const box = await caches.open(PAGES);
  const found = (await box.match(keyOf(url))) ?? (await box.match(url.pathname, { ignoreSearch: true }));
  if (!found) return null;
  const saved = found.headers.get("Kitto-Saved-At");
  const language = found.headers.get("Content-Language") ?? "ja";
  const at = new Date(saved).toLocaleString(language, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
  const html = (await found.text())
    .replace("<html ", `<html data-saved="${saved}" `)
    .replace("data-saved-bar hidden", "data-saved-bar")
    .replace(/(data-saved-at>)/, `$1${at}`)
    .replace(/(name="client_key" value=")[0-9a-f]{32}/g, (_all, start) => start + crypto.randomUUID().replaceAll("-", ""));
  return new Response(html, { headers: found.headers });
};

const noNetwork = async () => (await kept(new URL(WAITING, location.origin))) ?? Response.error();

const seen = async (url, answer, asked) => {
  const holder = answer.type === "opaqueredirect" ? null : answer.headers.get("Kitto-Holder");
  if (!holder) return;
  const kept = await belongs(holder, asked);
  if (answer.status === 404 && (GUIDE.test(url.pathname) || COUNTER.test(url.pathname))) await wipe(); // it is nobody's any more
  if (holder !== "-" && isKept(url)) await keepPage(url, answer, kept);
};

const read = async (event, url) => {
  const began = era;
  const asked = Promise.resolve(event.preloadResponse).then((early) => early ?? fetch(event.request));
  let answer;
  try {
    answer = await (GUIDE.test(url.pathname) || COUNTER.test(url.pathname) ? within(asked, PATIENCE) : asked);
  } catch {
    const page = await kept(url);
    if (page) return page;
    answer = await asked.catch(() => null);
    if (!answer) return noNetwork();
  }
  event.waitUntil(seen(url, answer.clone(), began).catch(() => {}));
  // Where the session has ended while something waits, the page says how to go on instead of "no such page".
  const journey = Number(GUIDE.exec(url.pathname)?.[1]);
  if (answer.status === 404 && journey && (await presses().catch(() => [])).some((press) => press.journey === journey)) {
    return Response.redirect(WAITING, 303);
  }
  return answer;
};

const keepGuide = async (journey, frugal) => {
  const began = era;
  const answer = await fetch(`/j/${journey}/keep`);
  if (!answer.ok) return;
  const asked = await belongs(answer.headers.get("Kitto-Holder"), began);
  const guide = await answer.json();
  if (asked !== era) return;
  await note("guides", { ...(await fact("guides")), [journey]: guide.steps });
  const box = await caches.open(PAGES);
  for (const path of frugal ? guide.pages.slice(0, 5) : guide.pages) {
    const url = new URL(path, location.origin);
    if (await box.match(keyOf(url))) continue;
    const page = await fetch(path, { redirect: "manual" });
    if (asked !== era) return;
    if (page.type !== "opaqueredirect") await keepPage(url, page, asked);
    await new Promise((go) => setTimeout(go, GAP));
  }
};

// The counter comes up again without a network as a bare page: nobody's name is on it, scans wait beside it.
const keepCounter = async () => {
  for (const path of ["/counter/", "/counter/arrive/"]) {
    const began = era;
    const answer = await fetch(`${path}?bare=1`, { redirect: "manual" });
    if (!answer.ok) return;
    const asked = await belongs(answer.headers.get("Kitto-Holder"), began);
    await keepPage(new URL(path, location.origin), answer, asked);
  }
};

// --- files ------------------------------------------------------------------------------------------------------

const file = async (event) => {
  const box = await caches.open(FILES);
  const path = new URL(event.request.url).pathname;
  const known = await box.match(path);
  if (known && hashed) return known;
  try {
    const answer = await fetch(event.request);
    if (answer.status === 200) event.waitUntil(box.put(path, answer.clone()).catch(() => {}));
    return answer;
  } catch (error) {
    if (known) return known;
    throw error;
  }
};

// --- presses ----------------------------------------------------------------------------------------------------

const pressOf = (url) => {
  const found = PRESS.exec(url.pathname);
  return found && { journey: Number(found[1]), key: found[2] ?? url.searchParams.get("step") ?? "", kind: found[3] ?? found[4] };
};

// A check that only the server can judge cannot wait; what a page has seen, and everything said, can.
const mayWait = (press, form) => press.kind !== "check" || form.has("outcome");

const wait = async (press, form, url) => {
  await store("outbox", (rows) => rows.add({
    ...press,
    kind: press.kind === "check" ? "done" : press.kind,
    path: url.pathname + url.search,
    fields: [...form.entries()].filter(([name]) => name !== "csrfmiddlewaretoken"),
    pressed: new Date().toISOString(),
  }));
  await self.registration.sync?.register("outbox").catch(() => {});
  return Response.redirect(await nextPage(press), 303);
};

const nextPage = async ({ journey, key, kind }) => {
  const home = `/j/${journey}/`;
  if (kind === "undo") return `${home}s/${key}/`;
  const steps = (await fact("guides"))?.[journey] ?? [];
  if (kind === "help") return key ? `${home}s/${key}/` : home;
  const done = new Set(steps.filter((step) => step.done).map((step) => step.key));
  for (const press of await presses()) {
    if (press.journey !== journey) continue;
    if (press.kind === "undo") done.delete(press.key);
    else if (press.kind !== "help") done.add(press.key);
  }
  const next = steps.find((step) => !done.has(step.key));
  return next ? `${home}s/${next.key}/` : home;
};

const send = async (event, url) => {
  const press = pressOf(url);
  if (!press) return plain(event, url);
  const copy = event.request.clone();
  const asItIs = async () => {
    const form = await copy.formData();
    if (!mayWait(press, form)) return noNetwork();
    press.holder = (await fact("holder")) ?? "-";
    return wait(press, form, url);
  };
  // What was pressed before goes first.
  const before = async () => (await presses()).some(({ journey }) => journey === press.journey);
  if (await before()) {
    await flush();
    if (await before()) return asItIs();
  }
  let answer;
  try {
    answer = await within(fetch(event.request), PATIENCE);
  } catch {
    return asItIs();
  }
  // The page was older than the session: its token is renewed on the way, or it waits until the guide is open again.
  const ended = answer.status === 404 && (await fact("guides"))?.[press.journey];
  if (answer.status !== 403 && !ended) return answer;
  const next = await asItIs();
  await flush();
  return next;
};

const plain = async (event, url) => {
  const leaves = LEAVING.test(url.pathname);
  if (leaves) await flush().catch(() => {});
  let answer;
  try {
    answer = await fetch(event.request);
  } catch {
    return noNetwork();
  }
  if (leaves && answer.status < 400) {
    await wipe();
    await silence(() => true);
  }
  return answer;
};

let flushing = null;
const flush = ({ look = false } = {}) => (flushing ??= deliver(look).finally(() => (flushing = null)));

// `look` asks the server even if nothing waits: a kept page wants to know whether the network is back.
const deliver = async (look) => {
  const all = await presses();
  const report = { sent: 0, refused: 0, ended: 0, online: false };
  if (!all.length && !look) return tell(report);
  let pass;
  try {
    const answer = await within(fetch(PASS, { cache: "no-store" }), PATIENCE);
    if (!answer.ok) return tell(report);
    pass = await answer.json();
  } catch {
    return tell(report);
  }
  report.online = true;
  const client = await device();
  for (const press of all) {
    if (!pass.journeys.includes(press.journey)) {
      if (!pass.holder) report.ended += 1;
      else await silence((one) => one.sequence === press.sequence); // somebody else is here now
      continue;
    }
    const body = new FormData();
    press.fields.forEach(([name, value]) => body.append(name, value));
    body.append("csrfmiddlewaretoken", pass.token);
    let answer;
    try {
      const headers = { "Kitto-Press": `${client}:${press.sequence}`, "Kitto-Pressed-At": press.pressed };
      answer = await fetch(press.path, { method: "POST", body, headers, redirect: "manual" });
    } catch {
      break;
    }
    if (answer.ok) report.sent += 1;
    else if (GONE.has(answer.status)) report.refused += 1;
    else break; // busy or broken: later
    await forget(press.sequence);
  }
  return tell(report);
};

// --- telling the pages ------------------------------------------------------------------------------------------

const tell = async (report = {}) => {
  const holder = await fact("holder");
  const guides = (await fact("guides")) ?? {};
  const mine = (await presses()).filter((press) => holder === "-" || press.holder === holder);
  const list = mine.map(({ journey, key, kind, pressed }) => {
    const title = guides[journey]?.find((step) => step.key === key)?.title ?? "";
    return { journey, key, kind, pressed, title };
  });
  const said = { type: "outbox", sent: 0, refused: 0, ended: 0, online: null, ...report, list, guide: Object.keys(guides)[0] ?? "" };
  for (const page of await self.clients.matchAll({ type: "window" })) page.postMessage(said);
  return said;
};

const erase = async () => {
  await wipe();
  await store("outbox", (rows) => rows.clear());
  return tell();
};

const ORDERS = {
  flush,
  erase,
  state: () => tell(),
  keep: ({ journey, frugal }) => keepGuide(journey, frugal),
  counter: keepCounter,
};

self.addEventListener("message", (event) => {
  const act = ORDERS[event.data?.type];
  if (act) event.waitUntil(Promise.resolve(act(event.data)).catch(() => {}));
});

self.addEventListener("sync", (event) => event.waitUntil(flush()));
self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    if (name.startsWith("kitto-files-") && name !== FILES) await caches.delete(name);
  }
  // A page that was kept with other files would come without them.
  if ((await fact("version")) !== version) await empty();
  await note("version", version);
  await self.registration.navigationPreload?.enable();
  await self.clients.claim();
})()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (request.method === "GET") event.respondWith(read(event, url));
    else if (request.method === "POST") event.respondWith(send(event, url));
  } else if (request.method === "GET" && url.pathname.startsWith(files)) {
    event.respondWith(file(event));
  }
});
