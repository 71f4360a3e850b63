// Reads a step aloud, where the browser has a voice of the page's language; elsewhere the buttons stay hidden.
const box = document.querySelector("[data-aloud]");
const speech = window.speechSynthesis;
const language = document.documentElement.lang;

const voiceOf = () => {
  const own = (speech.getVoices() ?? []).filter((voice) => voice.lang.toLowerCase().startsWith(language));
  return own.find((voice) => voice.localService) ?? own[0];
};

// What stands above a kanji is read instead of it, and only once.
const words = (element) => {
  const copy = element.cloneNode(true);
  copy.querySelectorAll("rt").forEach((rt) => rt.parentElement.replaceWith(rt.textContent));
  copy.querySelectorAll("[data-yomi]").forEach((word) => word.replaceWith(word.dataset.yomi));
  return copy.textContent.replace(/\s+/g, " ").trim();
};

if (box && speech) {
  const [start, stop] = box.querySelectorAll("button");
  const offer = () => {
    if (voiceOf()) box.hidden = false;
  };

  let turn = 0;
  const show = (isReading) => {
    start.hidden = isReading;
    stop.hidden = !isReading;
  };
  const mark = (element) => {
    document.querySelector(".is-read")?.classList.remove("is-read");
    element?.classList.add("is-read");
  };
  const end = () => {
    const hadFocus = document.activeElement === stop;
    turn += 1;
    speech.cancel();
    mark(null);
    show(false);
    if (hadFocus) start.focus();
  };

  start.addEventListener("click", () => {
    end();
    const mine = turn;
    const parts = [...document.querySelectorAll(box.dataset.aloud)].filter((part) => words(part));
    parts.forEach((part, at) => {
      const said = new SpeechSynthesisUtterance(words(part));
      said.lang = language;
      said.voice = voiceOf() ?? null;
      said.onstart = () => mine === turn && mark(part);
      said.onend = () => mine === turn && at === parts.length - 1 && end();
      said.onerror = () => mine === turn && end();
      speech.speak(said);
    });
    show(true);
    stop.focus();
  });
  stop.addEventListener("click", end);
  window.addEventListener("pagehide", () => speech.cancel());
  speech.addEventListener?.("voiceschanged", offer);
  offer();
}
