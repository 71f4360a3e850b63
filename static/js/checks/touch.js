// Tap, scroll, long press and spread, by real fingers; each also by plain presses and by keyboard.
const QUICK = 400; // milliseconds of a tap
const LONG = 600;
const STILL = 12; // pixels a resting finger may move
const WIDER = 1.3;
const NEAR_END = 24;

const far = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);

const tap = ({ of, accept }, { say, tried }) => {
  const target = of("tap").querySelector("[data-target]");
  let down = null;
  target.addEventListener("pointerdown", (event) => (down = event));
  target.addEventListener("click", (event) => {
    const how = event.detail === 0 ? "keys" : event.pointerType;
    const quick = !down || (event.timeStamp - down.timeStamp < QUICK && far(event, down) < STILL);
    if (how === "touch" && !quick) {
      say("tap-again");
      tried("not_seen");
    } else accept("tap", how);
  });
};

const scroll = ({ of, accept }) => {
  const list = of("scroll").querySelector("[data-list]");
  let how = "mouse";
  list.addEventListener("pointerdown", (event) => (how = event.pointerType));
  list.addEventListener("wheel", () => (how = "mouse"), { passive: true });
  list.addEventListener("keydown", () => (how = "keys"));
  of("scroll").querySelector("[data-down]").addEventListener("click", () => {
    how = "keys";
    list.scrollBy({ top: list.clientHeight * 0.75 });
  });
  list.addEventListener("scroll", () => {
    const left = list.scrollHeight - list.clientHeight - list.scrollTop;
    if (left < NEAR_END && !accept("scroll", how)) list.scrollTo({ top: 0 });
  });
};

const press = ({ of, accept }, { say, tried, isDone }) => {
  const target = of("press").querySelector("[data-target]");
  const menu = of("press").querySelector("[data-menu]");
  let timer = 0;
  let down = null;
  const opened = (how) => {
    clearTimeout(timer);
    down = null;
    if (accept("press", how)) menu.hidden = false;
  };
  const ended = () => {
    clearTimeout(timer);
    if (!down || isDone("press")) return;
    down = null;
    say("press-again");
    tried("not_seen");
  };
  target.addEventListener("pointerdown", (event) => {
    down = event;
    clearTimeout(timer);
    timer = setTimeout(() => down && opened(down.pointerType), LONG);
  });
  target.addEventListener("pointermove", (event) => down && far(event, down) >= STILL && ended());
  target.addEventListener("pointerup", ended);
  target.addEventListener("pointercancel", ended);
  target.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    opened(down ? down.pointerType : event.pointerType || "keys");
  });
  target.addEventListener("click", (event) => event.detail === 0 && opened("keys"));
  of("press").querySelector("[data-more]").addEventListener("click", () => opened("keys"));
};

const spread = ({ of, accept }, { say, tried, isDone }) => {
  const pad = of("spread").querySelector("[data-pad]");
  const picture = pad.querySelector("[data-picture]");
  const fingers = new Map();
  let start = 0;
  let size = 1;
  const apart = () => far(...fingers.values());
  const grow = (to) => {
    size = Math.min(2.5, Math.max(1, to));
    picture.style.scale = String(size);
  };
  const byKeys = () => {
    grow(size + 0.2);
    if (size >= WIDER) accept("spread", "keys");
  };
  pad.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch") return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) start = apart();
  });
  pad.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return;
    fingers.set(event.pointerId, event);
    if (fingers.size !== 2 || !start) return;
    grow(apart() / start);
    if (size >= WIDER) accept("spread", "touch");
  });
  const up = (event) => {
    const was = fingers.size;
    fingers.delete(event.pointerId);
    if (was === 2 && !isDone("spread")) {
      grow(1);
      say("spread-again");
      tried("not_seen");
    }
  };
  pad.addEventListener("pointerup", up);
  pad.addEventListener("pointercancel", up);
  pad.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // two fingers spread on a touchpad
    event.preventDefault();
    grow(size - event.deltaY / 50);
    if (size >= WIDER && !accept("spread", "mouse")) grow(1);
  });
  pad.addEventListener("keydown", (event) => ["+", ";", "=", "Enter"].includes(event.key) && byKeys());
  of("spread").querySelector("[data-bigger]").addEventListener("click", byKeys);
};

export default (kit) => {
  if (navigator.maxTouchPoints < 1) kit.one("[data-no-touch]").hidden = false;
  const exercises = kit.exercises("touch");
  for (const begin of [tap, scroll, press, spread]) begin(exercises, kit);
};
