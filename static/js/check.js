// A step's check: loads the module that looks, counts nothing but "seen", and always leaves the person's own word.
// After two tries or a minute 「できました（自分で確認）」 is there. Only an outcome and a reason code ever leave the page.
const PATIENCE = 60_000;
const TRIES = 2;

const root = document.querySelector("[data-check]");
const own = document.querySelector("[data-own]");
const seen = document.querySelector("[data-seen]");
const go = document.querySelector("[data-go]");

const shown = (element, is) => {
  if (element) element.hidden = !is;
};

const makeKit = () => {
  const told = new Set();
  const open = new Set([...root.querySelectorAll("[data-part]")].map((part) => part.dataset.part));
  let tries = 0;
  let lastReason = "";
  let isOther = false;
  let isOver = false;

  const one = (selector) => root.querySelector(selector);
  const part = (name) => one(`[data-part="${name}"]`);

  const say = (name) => {
    const words = one(`[data-say="${name}"]`);
    const place = one("[data-said]");
    if (words && place) place.replaceChildren(...words.cloneNode(true).childNodes);
  };

  // The person may always go on; why the page did not see it goes with their word.
  const offer = (reason) => {
    if (isOver || !own) return;
    own.elements.reason.value = reason || lastReason || "timeout";
    shown(own.querySelector("[data-plain-label]"), false);
    shown(own.querySelector("[data-own-label]"), true);
    own.querySelector("button").classList.replace("btn-main", "btn-line");
    shown(go, false);
    shown(own, true);
  };

  const finish = () => {
    if (isOver) return;
    isOver = true;
    say("all");
    root.dataset.seen = "";
    if (seen) seen.elements.outcome.value = isOther ? "another_way" : "seen";
    shown(go, false);
    shown(own, false);
    shown(seen, true);
  };

  const done = (name, { other = false } = {}) => {
    if (!open.delete(name)) return;
    isOther ||= other;
    part(name)?.classList.add("done");
    shown(part(name)?.querySelector("[data-done]"), true);
    if (open.size === 0) finish();
  };

  // A try that was not seen. `tell`: IT should know why, once (never of a practice).
  const tried = (reason, { tell = false } = {}) => {
    lastReason = reason;
    tries += 1;
    if (tell && !told.has(reason) && seen) {
      told.add(reason);
      const token = seen.elements.csrfmiddlewaretoken.value;
      const body = new URLSearchParams({ csrfmiddlewaretoken: token, outcome: "tried", reason });
      fetch(root.dataset.url, { method: "POST", body, credentials: "same-origin" }).catch(() => {});
    }
    if (tries >= TRIES) offer(reason);
  };

  const onDevice = "onDevice" in root.dataset;
  setTimeout(() => offer(lastReason || (onDevice ? "timeout" : "not_chromeos")), PATIENCE);
  return { root, onDevice, one, part, say, offer, finish, done, tried, isDone: (name) => !open.has(name) };
};

// Several exercises in one place, one after the other. What was meant for fingers (`wanted`) is asked for once
// more if it came another way; then any way counts, and is noted as another way. Keys and buttons count at once.
const makeExercises = (kit, wanted) => {
  const { root, one, say, done, isDone } = kit;
  const all = [...root.querySelectorAll("[data-exercise]")];
  const asked = new Set();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const show = (next, { focus = false } = {}) => {
    for (const exercise of all) {
      exercise.hidden = exercise !== next;
      const pill = kit.part(exercise.dataset.exercise);
      if (exercise === next) pill?.setAttribute("aria-current", "step");
      else pill?.removeAttribute("aria-current");
    }
    say(next.dataset.exercise);
    if (focus) next.querySelector("button, [tabindex='0']")?.focus({ preventScroll: true });
  };

  const alt = one("[data-alt]");
  alt?.addEventListener("click", () => {
    const plain = !("plain" in root.dataset);
    if (plain) root.dataset.plain = "";
    else delete root.dataset.plain;
    alt.setAttribute("aria-pressed", String(plain));
    if (plain) say("plain");
  });

  show(all[0]);
  return {
    of: (name) => one(`[data-exercise="${name}"]`),
    accept: (name, how) => {
      if (isDone(name)) return true;
      if (how !== wanted && how !== "keys" && !("plain" in root.dataset) && !asked.has(name)) {
        asked.add(name);
        say("finger");
        return false;
      }
      const exercise = one(`[data-exercise="${name}"]`);
      const focus = exercise.contains(document.activeElement);
      done(name, { other: how !== wanted });
      const next = all.find((other) => !isDone(other.dataset.exercise));
      if (next) {
        say("well");
        setTimeout(() => show(next, { focus }), calm ? 0 : 900);
      }
      return true;
    },
  };
};

if (root) {
  shown(own, false);
  shown(go, true);
  import(root.dataset.module)
    .then((module) => {
      const kit = makeKit();
      if (!("quiet" in root.dataset)) shown(root, true);
      module.default({ ...kit, exercises: (wanted) => makeExercises(kit, wanted) });
    })
    .catch((error) => {
      // Without the module the person's word is all there is, as without JavaScript.
      shown(go, false);
      shown(own, true);
      throw error;
    });
}
