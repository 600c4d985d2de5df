// The file view: lines selected by the address, ranges by shift-click, windows of huge files.

/** The lines an address names. @returns {[number, number] | null} */
function lines() {
  const found = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
  if (!found) return null;
  const first = Number(found[1]);
  const last = Number(found[2] ?? found[1]);
  return first <= last ? [first, last] : [last, first];
}

/** Improves the file view, if this page has one. */
export function code() {
  const view = document.querySelector("[data-code]");
  if (!(view instanceof HTMLElement)) return;
  const first = Number(view.dataset.first);
  const last = Number(view.dataset.last);

  const show = (/** @type {boolean} */ scroll) => {
    for (const row of view.querySelectorAll("tr.on")) row.classList.remove("on");
    const range = lines();
    if (!range) return;
    if (range[0] < first || range[0] > last) {
      const there = new URL(location.href);
      if (there.searchParams.get("line") === String(range[0])) return;
      there.searchParams.set("line", String(range[0]));
      location.replace(there);
      return;
    }
    for (let line = range[0]; line <= Math.min(range[1], last); line++) {
      document.getElementById(`L${line}`)?.classList.add("on");
    }
    if (scroll) document.getElementById(`L${range[0]}`)?.scrollIntoView({ block: "center" });
    for (const link of document.querySelectorAll('a[data-permalink], a[data-key="b"], a[data-key="c"]')) {
      if (link instanceof HTMLAnchorElement) link.hash = location.hash;
    }
  };

  view.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("td.n a");
    if (!link) return;
    event.preventDefault();
    const line = Number(link.textContent);
    const range = lines();
    const from = event.shiftKey && range ? range[0] : line;
    const hash = from === line ? `#L${line}` : `#L${Math.min(from, line)}-L${Math.max(from, line)}`;
    // A selection by mouse is not a place one wants to go back through.
    history.replaceState(null, "", hash);
    show(false);
  });
  addEventListener("hashchange", () => show(true));
  show(true);
}
