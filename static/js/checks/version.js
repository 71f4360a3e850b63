// Is the system new enough? The full version is read where the browser tells it; nobody is stopped by the answer.
const BRANDS = ["Google Chrome", "Chromium"];

const milestone = async () => {
  const told = await navigator.userAgentData?.getHighEntropyValues(["fullVersionList"]);
  const list = told?.fullVersionList ?? [];
  const named = BRANDS.map((name) => list.find(({ brand }) => brand === name)).find(Boolean);
  return named ? Number.parseInt(named.version, 10) : NaN;
};

export default async ({ root, one, say, finish, tried, offer, onDevice }) => {
  const least = Number(root.dataset.minimum);
  const found = await milestone().catch(() => NaN);
  const known = Number.isFinite(found);
  const result = !onDevice ? "not_chromeos" : !known ? "unsupported" : found < least ? "old_version" : "new_enough";

  // Beside another check: a note, and a word that goes along with the answers.
  const field = document.querySelector("[data-version]");
  if (field) {
    if (onDevice && known) field.value = result;
    root.hidden = result !== "old_version";
    return;
  }
  if (result === "new_enough") {
    finish();
    return;
  }
  const old = one("[data-old]");
  if (old) old.hidden = result !== "old_version";
  say(result);
  tried(result);
  offer(result);
};
