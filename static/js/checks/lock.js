// The screen was locked and unlocked. The browser is asked only after the button that says so.
const SILENCE = 90_000;
const IDLE = 60_000; // the least the browser allows; only the lock is looked at

export default ({ one, say, offer, tried, finish, onDevice }) => {
  const start = one("[data-start]");
  say("start");

  const watch = async () => {
    if (!("IdleDetector" in window)) {
      say("unsupported");
      tried("unsupported", { tell: onDevice });
      offer(onDevice ? "unsupported" : "not_chromeos");
      return;
    }
    let answer = "denied";
    try {
      answer = await IdleDetector.requestPermission();
    } catch {
      // the policy of the organisation may refuse without asking
    }
    if (answer !== "granted") {
      say("denied");
      tried("denied", { tell: true });
      offer("denied");
      return;
    }
    let wasLocked = false;
    const stop = new AbortController();
    const detector = new IdleDetector();
    detector.addEventListener("change", () => {
      if (detector.screenState === "locked") {
        wasLocked = true;
        say("locked");
      } else if (wasLocked) {
        stop.abort();
        finish();
      }
    });
    await detector.start({ threshold: IDLE, signal: stop.signal });
    start.disabled = true;
    say("ready");
    setTimeout(() => offer("timeout"), SILENCE);
  };

  start.addEventListener("click", () => {
    watch().catch(() => {
      say("unsupported");
      offer("unsupported");
    });
  });
};
