// On a PC for several people: counts down while nobody touches it, asks before it closes, and tells the
// server that somebody is there. The server ends the session by itself, with or without this.
const bar = document.querySelector("[data-idle]");
const { idle, warn, stay, over } = bar.dataset;
const words = bar.querySelector("[data-idle-warn]");
const button = bar.querySelector("[data-idle-stay]");
const calm = bar.querySelector("[data-idle-calm]");
const token = bar.querySelector("[name=csrfmiddlewaretoken]").value;
const TELL_AFTER = 30_000; // a touch each second is told twice a minute
let last = Date.now();
let told = last;

const leave = () => location.assign(over);

const tell = async () => {
  told = Date.now();
  const answer = await fetch(stay, { method: "POST", headers: { "X-CSRFToken": token } }).catch(() => null);
  if (answer && answer.status !== 204) leave();
};

const touched = () => {
  last = Date.now();
  if (last - told > TELL_AFTER) tell();
};

const look = () => {
  const left = Math.ceil(Number(idle) - (Date.now() - last) / 1000);
  const soon = left <= Number(warn);
  if (left <= 0) {
    leave();
    return;
  }
  calm.hidden = soon;
  button.hidden = !soon;
  // Said once and every ten seconds: a screen reader must not be talked over.
  if (!soon) words.textContent = "";
  else if (!words.textContent || left % 10 === 0 || left <= 5) words.textContent = words.dataset.words.replace("#", left);
};

button.addEventListener("click", () => {
  last = Date.now();
  tell();
  look();
});
["pointerdown", "keydown", "wheel", "touchmove"].forEach((kind) => addEventListener(kind, touched, { passive: true }));
addEventListener("pageshow", (event) => event.persisted && location.reload());
setInterval(look, 1000);
