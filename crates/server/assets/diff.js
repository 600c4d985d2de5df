// Differences: which files one has looked at is kept in this browser, by their address and content.

const KEPT = "reviewed";
const KEPT_MAX = 2000;

/** What was ticked, newest last. @returns {string[]} */
function ticked() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one === "string") : [];
  } catch {
    return [];
  }
}

/** Ticks on a page that has a difference; an address leads into a file that is folded. */
export function diffs() {
  const view = document.querySelector("[data-diff]");
  if (!(view instanceof HTMLElement)) return;
  const known = new Set(ticked());
  for (const box of view.querySelectorAll("input[data-reviewed]")) {
    const file = box.closest("details");
    if (!(box instanceof HTMLInputElement) || !file) continue;
    const name = `${view.dataset.old}..${view.dataset.new}:${file.dataset.path}`;
    box.checked = known.has(name);
    file.open = !box.checked;
    box.addEventListener("change", () => {
      const others = ticked().filter((one) => one !== name);
      if (box.checked) others.push(name);
      localStorage.setItem(KEPT, JSON.stringify(others.slice(-KEPT_MAX)));
      file.open = !box.checked;
    });
  }
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
}
