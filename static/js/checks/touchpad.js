// Press, two-finger scroll, two-finger tap and drag on the touchpad; each also by plain presses and by keyboard.
const FAR_ENOUGH = 300; // pixels of wheel
const SLOP = 8;
const NEAR_END = 24;

const click = ({ of, accept }) => {
  const target = of("click").querySelector("[data-target]");
  target.addEventListener("click", (event) => accept("click", event.detail === 0 ? "keys" : event.pointerType));
};

const scroll = ({ of, accept }) => {
  const list = of("scroll").querySelector("[data-list]");
  let rolled = 0;
  let how = "";
  list.addEventListener(
    "wheel",
    (event) => {
      how = "mouse";
      rolled += Math.abs(event.deltaY);
      if (rolled >= FAR_ENOUGH) accept("scroll", "mouse");
    },
    { passive: true },
  );
  list.addEventListener("pointerdown", (event) => (how = event.pointerType));
  list.addEventListener("keydown", () => (how = "keys"));
  of("scroll").querySelector("[data-down]").addEventListener("click", () => {
    how = "keys";
    list.scrollBy({ top: list.clientHeight * 0.75 });
  });
  list.addEventListener("scroll", () => {
    const left = list.scrollHeight - list.clientHeight - list.scrollTop;
    // Dragging the bar at the side is a mouse's way, but not two fingers.
    const way = how === "mouse" ? "bar" : how;
    if (left < NEAR_END && rolled < FAR_ENOUGH && !accept("scroll", way)) list.scrollTo({ top: 0 });
  });
};

const second = ({ of, accept }) => {
  const target = of("second").querySelector("[data-target]");
  const opened = (how) => {
    if (accept("second", how)) of("second").querySelector("[data-menu]").hidden = false;
  };
  target.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    opened(event.pointerType || "keys");
  });
  target.addEventListener("click", (event) => event.detail === 0 && opened("keys"));
  of("second").querySelector("[data-more]").addEventListener("click", () => opened("keys"));
};

// Three ways: drag with one pointer; press the card, then the box; Enter on each.
const drag = ({ of, accept }, { say, tried }) => {
  const card = of("drag").querySelector("[data-card]");
  const tray = of("drag").querySelector("[data-tray]");
  let from = null;
  let moved = false;
  const isOver = ({ clientX: x, clientY: y }) => {
    const box = tray.getBoundingClientRect();
    return x > box.left && x < box.right && y > box.top && y < box.bottom;
  };
  const home = () => {
    from = null;
    card.style.translate = "";
    card.classList.remove("held");
    tray.classList.remove("over");
  };
  card.addEventListener("pointerdown", (event) => {
    from = event;
    moved = false;
    card.setPointerCapture(event.pointerId);
  });
  card.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [x, y] = [event.clientX - from.clientX, event.clientY - from.clientY];
    moved ||= Math.hypot(x, y) >= SLOP;
    if (!moved) return;
    card.classList.add("held");
    card.style.translate = `${x}px ${y}px`;
    tray.classList.toggle("over", isOver(event));
  });
  card.addEventListener("pointerup", (event) => {
    if (!from) return;
    const was = moved;
    const hit = isOver(event);
    home();
    if (!was) return;
    if (hit) accept("drag", event.pointerType);
    else {
      say("drag-again");
      tried("not_seen");
    }
  });
  card.addEventListener("pointercancel", home);
  card.addEventListener("click", () => {
    if (moved) {
      moved = false;
      return;
    }
    const picked = card.getAttribute("aria-pressed") !== "true";
    card.setAttribute("aria-pressed", String(picked));
    say(picked ? "drag-up" : "drag");
  });
  tray.addEventListener("click", () => {
    if (card.getAttribute("aria-pressed") === "true") accept("drag", "keys");
  });
};

export default (kit) => {
  const exercises = kit.exercises("mouse");
  for (const begin of [click, scroll, second, drag]) begin(exercises, kit);
};
