// After a page change the reader starts at what matters: the list of mistakes, or a new heading.
const target = document.querySelector("[data-errors]") ?? document.querySelector("[data-focus]");
if (target && !location.hash) {
  if (!target.hasAttribute("tabindex")) target.setAttribute("tabindex", "-1");
  target.focus({ preventScroll: !target.matches("[data-errors]") });
}

// Links of the error summary put the cursor into the field, not only near it.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-errors] a[href^='#']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  event.preventDefault();
  field.focus({ preventScroll: true });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  (field.closest(".fld") ?? field).scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
});
