// @ts-check
/** The definition that encloses the first line in sight, once its own first line has scrolled out: a line that leads there. */

/** @typedef {{ name: string, line: number, end_line: number }} Scope */

/** How many definitions are named, the innermost last. */
const NAMED = 3;

/** Follows the lines. The line lies over the code and takes no room of its own, so nothing moves when it comes and goes. */
export function scope() {
  const view = document.querySelector("[data-code][data-nav]");
  const bar = document.querySelector("header.bar");
  if (!(view instanceof HTMLElement) || !bar) return;
  const first = Number(view.dataset.first);
  const panel = document.createElement("nav");
  panel.className = "scope";
  panel.setAttribute("aria-label", "Enclosing definitions");
  const row = document.createElement("p");
  row.hidden = true;
  panel.append(row);
  view.before(panel);

  /** @type {Scope[] | null} */
  let scopes = null;
  let shown = "";
  let pending = false;

  const load = async () => {
    scopes = [];
    const answer = await fetch((view.dataset.nav ?? "").replace("/-/hover", "/-/outline")).catch(() => null);
    if (!answer?.ok) return;
    const told = await answer.json();
    scopes = told.symbols.filter((/** @type {Scope} */ one) => one.end_line > one.line);
    follow();
  };

  /** The number of the first line that is not under the bar. */
  const top = () => {
    const rows = view.querySelector("tbody")?.rows ?? view.getElementsByTagName("tr");
    const edge = Math.max(0, bar.getBoundingClientRect().bottom);
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (rows[middle].getBoundingClientRect().bottom <= edge) low = middle + 1;
      else high = middle;
    }
    return first + low;
  };

  const follow = () => {
    pending = false;
    if (scopes === null) return void load();
    const line = top();
    const around = scopes.filter((one) => one.line < line && line <= one.end_line).slice(-NAMED);
    const key = around.map((one) => one.line).join();
    if (key === shown) return;
    shown = key;
    row.hidden = around.length === 0;
    row.replaceChildren(...around.flatMap((one, place) => {
      const link = document.createElement("a");
      const here = document.getElementById(`L${one.line}`);
      const away = new URL(location.href);
      away.searchParams.set("line", String(one.line));
      away.hash = `L${one.line}`;
      link.href = here ? `#L${one.line}` : away.href;
      link.title = `Line ${one.line}`;
      // The innermost as it is written, where that is on this page; what holds it by its name.
      const code = place === around.length - 1 ? here?.querySelector("td.c") : null;
      if (code) link.append(...[...code.childNodes].map((node) => node.cloneNode(true)));
      else link.textContent = one.name;
      return place === 0 ? [link] : [Object.assign(document.createElement("span"), { textContent: "›" }), link];
    }));
  };

  addEventListener("scroll", () => {
    if (!pending) requestAnimationFrame(follow);
    pending = true;
  }, { passive: true });
  if (scrollY > 0) follow();
}
