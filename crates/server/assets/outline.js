// @ts-check
/** The list of definitions beside a file: the one that is being read is marked while the page scrolls. */

/** Follows the lines. */
export function outline() {
  const list = document.querySelector("[data-outline]");
  if (!list) return;
  const links = [...list.querySelectorAll("a[data-line]")];
  const lines = links.map((link) => Number(link.getAttribute("data-line")));
  let pending = false;
  let current = -1;
  const mark = () => {
    pending = false;
    const code = document.querySelector("[data-code]");
    const bar = document.querySelector("header.bar");
    if (!code || !bar) return;
    const box = code.getBoundingClientRect();
    const spot = document.elementFromPoint(box.left + 12, Math.max(bar.getBoundingClientRect().bottom, box.top) + 12);
    const row = spot?.closest("tr[id^=L]");
    if (!row) return;
    const line = Number(row.id.slice(1));
    const next = lines.findLastIndex((first) => first <= line);
    if (next === current) return;
    links[current]?.removeAttribute("aria-current");
    links[next]?.setAttribute("aria-current", "true");
    current = next;
  };
  addEventListener("scroll", () => {
    if (!pending) requestAnimationFrame(mark);
    pending = true;
  }, { passive: true });
  mark();
}
