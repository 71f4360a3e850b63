// The person left this page and came back. The page may be thrown away meanwhile, so the tab remembers the moment.
const KEY = `away ${location.pathname}`;

const kept = {
  get: () => {
    try {
      return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    } catch {
      return null;
    }
  },
  set: (value) => {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(value));
    } catch {
      // no storage: it counts as long as the page lives
    }
  },
};

export default ({ one, say, tried, finish }) => {
  const start = one("[data-start]");
  const least = Number(start.dataset.seconds) * 1000;
  let state = kept.get() ?? { started: false, left: 0 };
  const keep = (next) => {
    state = next;
    kept.set(next);
  };

  const left = () => {
    if (state.started && !state.left) keep({ started: true, left: Date.now() });
  };
  const back = () => {
    if (!state.left || document.hidden || !document.hasFocus()) return;
    const away = Date.now() - state.left;
    if (away >= least) {
      keep({ started: false, left: 0 });
      start.disabled = true;
      finish();
      return;
    }
    keep({ started: true, left: 0 });
    // A glance at another window is no try.
    if (away < 1000) return;
    say("short");
    tried("not_seen");
  };

  start.addEventListener("click", () => {
    keep({ started: true, left: 0 });
    say("ready");
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? left() : back()));
  addEventListener("blur", left);
  addEventListener("pagehide", left);
  addEventListener("focus", back);
  addEventListener("pageshow", back);
  say(state.started ? "ready" : "start");
  back();
};
