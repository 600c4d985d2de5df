// Exports that are being made, while the page is looked at.

const PERIOD_MS = 1500;

/** Draws the table anew as long as something is under way. */
export function exports() {
  const page = document.querySelector("main[data-exports]");
  if (!(page instanceof HTMLElement) || page.dataset.exports !== "true") return;
  let before = "";
  const look = async () => {
    try {
      // Nothing is drawn while somebody is about to press something in the table.
      if (!document.hidden && !document.activeElement?.closest("table")) {
        const response = await fetch("/api/v1/exports", { headers: { accept: "application/json" } });
        const now = response.ok ? await response.text() : before;
        if (before && now !== before) update(JSON.parse(now).exports);
        if (now && !JSON.parse(now).exports.some((/** @type {Export} */ one) => !isOver(one))) return location.reload();
        before = now;
      }
    } catch {
      // The server is away: look again later.
    }
    setTimeout(look, PERIOD_MS);
  };
  setTimeout(look, PERIOD_MS);
}

/** @typedef {{id: string, state: string, repos_done: number, repos_total: number | null, results: number, size_bytes: number}} Export */

/** @param {Export} one */
const isOver = (one) => one.state !== "queued" && one.state !== "running";

/** @param {Export[]} list */
function update(list) {
  for (const one of list) {
    const row = document.querySelector(`form[action="/exports/${CSS.escape(one.id)}/cancel"]`)?.closest("tr");
    // What is over has other buttons: the page knows them.
    if (row && isOver(one)) return location.reload();
    const bar = row?.querySelector("progress");
    if (!row || !bar || one.repos_total === null) continue;
    bar.value = one.repos_total ? (100 * one.repos_done) / one.repos_total : 0;
    const says = row.children[2];
    if (says) says.textContent = `${one.results.toLocaleString("en")} results, ${one.repos_done.toLocaleString("en")} of ${one.repos_total.toLocaleString("en")} repositories done`;
  }
}
