// Popovers are plain <details>; this closes them with Escape, with a click elsewhere and when another opens.
const open = () => document.querySelectorAll("details.pop[open]");

document.addEventListener("click", (event) => {
  open().forEach((pop) => pop.contains(event.target) || (pop.open = false));
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  open().forEach((pop) => {
    pop.open = false;
    pop.querySelector("summary").focus();
  });
});
