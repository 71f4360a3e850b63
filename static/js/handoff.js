// The device that waits opens the guide by itself as soon as the other one has said yes.
// Without this the button does it.
const part = document.querySelector("[data-handoff]");

const go = () => {
  const form = part.querySelector("form[data-go]");
  if (!form || part.dataset.gone) return;
  part.dataset.gone = "1";
  form.requestSubmit();
};

if (part) {
  new MutationObserver(go).observe(part, { childList: true, subtree: true });
  go();
}
