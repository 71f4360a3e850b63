// Japanese was composed and the right text stands in the field. What is typed is compared here and goes nowhere.
const plain = (text) => text.normalize("NFKC").replace(/\s/g, "");

export default ({ one, say, done, isDone, onDevice }) => {
  const field = one("[data-field]");
  const word = plain(field.dataset.word);
  const whole = word + plain(field.dataset.tail);
  let isComposing = false;
  let composed = false;

  const look = () => {
    const text = plain(field.value);
    if (word && text.includes(word) && !isDone("word")) {
      done("word", { other: !composed });
      say("word-well");
    }
    if (text.includes(whole)) {
      done("word", { other: !composed });
      done("tail");
    } else if (text && !composed && !isDone("word") && text.length >= 3) say("ime");
  };

  field.addEventListener("compositionstart", () => {
    isComposing = true;
    if (!isDone("word")) say("composing");
  });
  field.addEventListener("compositionend", (event) => {
    isComposing = false;
    composed ||= event.data !== "";
    look();
  });
  field.addEventListener("input", () => isComposing || look());
  say("start");

  // A Japanese keyboard that is set to English is worth a hint; nothing of it is kept.
  if ("jis" in field.dataset && onDevice) {
    const layout = navigator.keyboard?.getLayoutMap?.();
    layout?.then((map) => (one("[data-layout]").hidden = map.get("BracketLeft") !== "[")).catch(() => {});
  }
};
