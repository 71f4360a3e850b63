// The camera where slips are matched with boxes: what it reads is sent as if it had been typed. The page comes anew
// with each scan, so whether the camera runs, and what it read last, is remembered in this window.
const own = document.querySelector("script[data-zxing]");
const $ = (name) => document.querySelector(`[data-${name}]`);
const RUNS = "kitto-match-camera";
const LAST = "kitto-match-last";
const button = $("camera");
const viewer = $("viewer");
const form = $("match");
let stop = null;

// The label that was just read still lies before the camera.
const read = (text) => {
  if (text === sessionStorage.getItem(LAST)) return;
  sessionStorage.setItem(LAST, text);
  form.elements.scan.value = text.trim();
  form.requestSubmit();
};

const close = () => {
  stop?.();
  stop = null;
  viewer.hidden = true;
  button.setAttribute("aria-expanded", "false");
};

const open = async () => {
  viewer.hidden = false;
  button.setAttribute("aria-expanded", "true");
  $("viewer-wrong").hidden = true;
  try {
    const { start } = await import(own.dataset.scanner);
    stop = await start(viewer.querySelector("video"), read, own.dataset);
    sessionStorage.setItem(RUNS, "1");
  } catch {
    $("viewer-wrong").hidden = false;
  }
};

button.addEventListener("click", () => {
  if (!stop) return open();
  sessionStorage.removeItem(RUNS);
  sessionStorage.removeItem(LAST);
  return close();
});
addEventListener("pagehide", close);
button.hidden = !navigator.mediaDevices?.getUserMedia;
if (!button.hidden && sessionStorage.getItem(RUNS)) open();
