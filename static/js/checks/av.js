// Camera, microphone and sound. Frames and levels are looked at here and dropped; nothing is kept or sent.
const [WIDE, HIGH] = [64, 48];
const CONTRAST = 20; // least difference between the lightest and the darkest point
const LOUD = 0.05;
const LONG_ENOUGH = 200;
const LOOKS = 10; // so many seconds until "dark" or "silent" is said
const BEEP = { on: 0.18, each: 0.45, tone: 880, volume: 0.25 };

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// Both if there are both; else whichever there is.
const open = async () => {
  const ask = (wish) => navigator.mediaDevices.getUserMedia(wish);
  try {
    return [await ask({ video: true, audio: true }), ""];
  } catch (error) {
    if (error.name === "NotAllowedError" || error.name === "SecurityError") throw error;
  }
  try {
    return [await ask({ audio: true }), "no_camera"];
  } catch (error) {
    if (error.name === "NotAllowedError") throw error;
  }
  try {
    return [await ask({ video: true }), "no_microphone"];
  } catch (error) {
    if (error.name === "NotAllowedError") throw error;
  }
  return [null, "no_camera"];
};

const luma = (video) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDE, HIGH];
  const paper = canvas.getContext("2d");
  paper.drawImage(video, 0, 0, WIDE, HIGH);
  const { data } = paper.getImageData(0, 0, WIDE, HIGH);
  return Array.from({ length: WIDE * HIGH }, (_, n) => {
    const at = n * 4;
    return 0.2126 * data[at] + 0.7152 * data[at + 1] + 0.0722 * data[at + 2];
  });
};

const spanOf = (frame) => frame.reduce((most, y) => Math.max(most, y), 0) - frame.reduce((least, y) => Math.min(least, y), 255);

export default ({ one, say, done, isDone, tried, offer, onDevice }) => {
  const start = one("[data-start]");
  const video = one("[data-video]");
  const level = one("[data-level]");
  let stream = null;
  let sound = null;
  let played = 0;

  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  };
  addEventListener("pagehide", stop);

  // The camera's light goes out as soon as both were seen.
  const rest = (part) => {
    done(part);
    if (isDone("camera") && isDone("microphone")) {
      stop();
      video.hidden = true;
      level.closest("p").hidden = true;
    }
    if (!(isDone("camera") && isDone("microphone") && isDone("sound"))) say("heard");
  };

  const see = async () => {
    let before = null;
    for (let look = 0; stream && look < LOOKS; look += 1) {
      await wait(1000);
      if (!stream || !video.videoWidth) continue;
      const frame = luma(video);
      const moves = before && frame.some((y, n) => y !== before[n]);
      if (moves && spanOf(frame) >= CONTRAST) {
        rest("camera");
        return;
      }
      before = frame;
    }
    if (!stream) return;
    say("dark");
    tried("dark", { tell: true });
  };

  const hear = async () => {
    const context = new AudioContext();
    const ear = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(ear);
    const samples = new Float32Array(ear.fftSize);
    const pause = 50;
    let loud = 0;
    for (let heard = 0; stream && heard < LOOKS * 1000; heard += pause) {
      await wait(pause);
      ear.getFloatTimeDomainData(samples);
      const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
      level.value = Math.min(1, peak * 2);
      if (peak >= LOUD) loud += pause; // people breathe between words
      if (loud >= LONG_ENOUGH) break;
    }
    context.close();
    if (loud >= LONG_ENOUGH) rest("microphone");
    else if (stream) {
      say("silent");
      tried("silent", { tell: true });
    }
  };

  const begin = async () => {
    if (!navigator.mediaDevices?.getUserMedia) {
      say("unsupported");
      tried("unsupported", { tell: onDevice });
      offer(onDevice ? "unsupported" : "not_chromeos");
      return;
    }
    stop();
    say("asking");
    let missing = "";
    try {
      [stream, missing] = await open();
    } catch {
      say("denied");
      tried("denied", { tell: true });
      offer("denied");
      return;
    }
    one("[data-av]").hidden = false;
    if (missing) {
      say(missing);
      tried(missing, { tell: true });
      offer(missing);
    } else say("ready");
    if (!stream) return;
    if (missing !== "no_camera" && !isDone("camera")) {
      video.srcObject = stream;
      video.play().catch(() => {});
      see();
    }
    if (missing !== "no_microphone" && !isDone("microphone")) hear();
  };

  const play = () => {
    played = 2 + Math.floor(Math.random() * 4);
    say("playing");
    sound ??= new AudioContext();
    sound.resume();
    for (let n = 0; n < played; n += 1) {
      const at = sound.currentTime + 0.1 + n * BEEP.each;
      const [tone, volume] = [sound.createOscillator(), sound.createGain()];
      tone.frequency.value = BEEP.tone;
      volume.gain.setValueAtTime(BEEP.volume, at);
      tone.connect(volume).connect(sound.destination);
      tone.start(at);
      tone.stop(at + BEEP.on);
    }
    setTimeout(() => isDone("sound") || say("count"), (0.1 + played * BEEP.each) * 1000);
  };

  const count = (event) => {
    const heard = Number(event.target.closest("[data-count]")?.dataset.count);
    if (!heard || isDone("sound")) return;
    if (!played) say("again");
    else if (heard === played) rest("sound");
    else {
      say("no_sound");
      tried("no_sound", { tell: true });
    }
  };

  say("start");
  start.addEventListener("click", () => begin());
  one("[data-play]").addEventListener("click", play);
  one("[data-av]").addEventListener("click", count);
};
