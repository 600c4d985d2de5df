// Names in code: what they are on hover, their definition on click with the modifier or `d`, their references with `r`.

/** How long the pointer rests on a name before it is asked about. */
const REST_MS = 250;

/** @typedef {{cell: Element, line: number, column: number, range: Range, word: string, api: string, page: string}} Spot */

const encoder = new TextEncoder();
const WORD = /[\p{L}_$@][\p{L}\p{N}_$@]*/gu;
/** Where code stands that can be asked about: files, both sides of differences. */
const CELLS = "[data-nav] td.c, [data-nav-new] td.code[data-line], [data-nav-old] td.code[data-line]";

/** What a cell's names are asked of. @param {Element} cell @returns {{line: number, api: string, page: string} | null} */
function askedOf(cell) {
  const file = cell.closest("[data-nav-new], [data-nav-old]");
  if (file instanceof HTMLElement && cell instanceof HTMLElement) {
    const is_old = cell.dataset.side === "old";
    const api = is_old ? file.dataset.navOld : file.dataset.navNew;
    const page = is_old ? file.dataset.referencesOld : file.dataset.referencesNew;
    const line = Number(cell.dataset.line);
    return api && page && line ? { line, api, page } : null;
  }
  const view = cell.closest("[data-nav]");
  const line = Number(/^L(\d+)$/.exec(cell.closest("tr[id]")?.id ?? "")?.[1]);
  return view instanceof HTMLElement && line ? { line, api: view.dataset.nav ?? "", page: view.dataset.references ?? "" } : null;
}

/** The name at a place of the page. @param {number} x @param {number} y @returns {Spot | null} */
function spotAt(x, y) {
  const caret = document.caretPositionFromPoint?.(x, y);
  const node = caret?.offsetNode ?? null;
  if (!caret || !(node instanceof Text)) return null;
  return spotIn(node, caret.offset);
}

/** The name around a place in a text. @param {Text} node @param {number} offset @returns {Spot | null} */
function spotIn(node, offset) {
  for (const found of node.data.matchAll(WORD)) {
    if (found.index <= offset && offset <= found.index + found[0].length) return spotOf(node, found.index, found[0]);
  }
  return null;
}

/** A word of a text, where it is a name of code. @param {Text} node @param {number} start @param {string} word @returns {Spot | null} */
function spotOf(node, start, word) {
  const cell = node.parentElement?.closest(CELLS);
  const asked = cell && askedOf(cell);
  if (!cell || !asked || node.parentElement?.closest(".m, .s")) return null;
  const before = document.createRange();
  before.selectNodeContents(cell);
  before.setEnd(node, start);
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, start + word.length);
  return { ...asked, cell, column: encoder.encode(before.toString()).length, range, word };
}

/** The names of a line, in order; keywords are none. @param {Element} cell @returns {Spot[]} */
function namesOf(cell) {
  const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const spots = [];
  for (let node = walker.nextNode(); node instanceof Text; node = walker.nextNode()) {
    if (node.parentElement?.closest(".k, .m, .s, .u")) continue;
    for (const found of node.data.matchAll(WORD)) {
      const before = node.data[found.index - 1];
      const spot = before && /[\p{N}]/u.test(before) ? null : spotOf(node, found.index, found[0]);
      if (spot) spots.push(spot);
    }
  }
  return spots;
}

/** The name that is selected, or that the card is about. @returns {Spot | null} */
function selected() {
  const selection = getSelection();
  const node = selection?.anchorNode ?? null;
  if (!selection || !(node instanceof Text)) return null;
  return spotIn(node, Math.min(selection.anchorOffset, selection.focusOffset));
}

/** The line from which names are stepped through: the one that is marked, else the first one in sight. @param {Element[]} cells */
function startLine(cells) {
  const marked = cells.findIndex((cell) => cell.closest("tr.on, tr:target"));
  if (marked >= 0) return marked;
  return Math.max(0, cells.findIndex((cell) => cell.getBoundingClientRect().top >= 60));
}

/** How sure an answer is, for people. @type {Record<string, string>} */
const HOW = {
  precise: "precise",
  scope: "in scope",
  import: "by import",
  receiver: "by type of the receiver",
  name: "by name",
};

/** An element with text. @param {string} tag @param {string} text @param {string} [className] */
function element(tag, text, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** Improves the file view or the difference, if this page has one that can be asked. */
export function navigation() {
  const view = document.querySelector("[data-code][data-nav], [data-diff]");
  if (!(view instanceof HTMLElement)) return;
  /** @type {Map<string, Promise<any>>} */
  const answers = new Map();
  const card = element("div", "", "hover-card");
  card.setAttribute("role", "tooltip");
  card.id = "hover-card";
  card.hidden = true;
  const said = element("p", "", "visually-hidden");
  said.setAttribute("role", "status");
  document.body.append(card, said);
  /** @type {Spot | null} */
  let shown = null;
  /** @type {number | undefined} */
  let resting;

  const query = (/** @type {Spot} */ spot) => `line=${spot.line}&column=${spot.column}`;
  const ask = (/** @type {Spot} */ spot) => {
    const key = `${spot.api}${spot.api.includes("?") ? "&" : "?"}${query(spot)}`;
    let answer = answers.get(key);
    if (!answer) {
      answer = fetch(key, { headers: { accept: "application/json" } }).then((response) => (response.ok ? response.json() : null));
      answer.catch(() => answers.delete(key));
      answers.set(key, answer);
    }
    return answer;
  };
  const referencesOf = (/** @type {Spot} */ spot) => `${spot.page}${spot.page.includes("?") ? "&" : "?"}${query(spot)}`;

  const hide = () => {
    card.hidden = true;
    shown = null;
    CSS.highlights?.delete("name");
  };

  const show = async (/** @type {Spot} */ spot) => {
    shown = spot;
    const answer = await ask(spot).catch(() => null);
    if (shown !== spot) return;
    if (!answer?.name) {
      card.hidden = true;
      return;
    }
    card.replaceChildren();
    if (answer.signature) card.append(element("pre", answer.signature));
    else card.append(element("p", answer.name, "mono"));
    if (answer.documentation) card.append(element("p", answer.documentation, "documentation"));
    const facts = element("p", "", "facts-line");
    const place = answer.definition;
    if (place) {
      const link = element("a", `${place.path}:${place.line}`);
      link.setAttribute("href", place.url);
      const more = answer.candidates > 1 ? `, 1 of ${answer.candidates}` : "";
      const how = (place.how === "precise" && answer.precise?.says) || (HOW[place.how] ?? place.how);
      facts.append(link, element("span", `${how}${more}`));
    } else {
      facts.append(element("span", answer.precise?.says ?? "Nothing that you may read defines it."));
    }
    const uses = element("a", "References");
    uses.setAttribute("href", referencesOf(spot));
    facts.append(uses);
    card.append(facts);
    card.hidden = false;
    const box = spot.range.getBoundingClientRect();
    const height = card.offsetHeight;
    const top = box.bottom + height + 8 < innerHeight ? box.bottom + 4 : Math.max(4, box.top - height - 4);
    card.style.top = `${top + scrollY}px`;
    card.style.left = `${Math.max(4, Math.min(box.left, innerWidth - card.offsetWidth - 8)) + scrollX}px`;
    if (typeof Highlight !== "undefined") CSS.highlights?.set("name", new Highlight(spot.range));
  };

  /** Goes to the next or previous name, over the ends of lines. @param {number} step */
  const move = async (step) => {
    const cells = [...document.querySelectorAll(CELLS)];
    const held = shown && cells.includes(shown.cell) ? shown : null;
    let at = held ? cells.indexOf(held.cell) : startLine(cells);
    let names = cells[at] ? namesOf(/** @type {Element} */ (cells[at])) : [];
    let next = held ? names.findIndex((name) => name.column === held.column) + step : step > 0 ? 0 : names.length - 1;
    while (!names[next]) {
      at += step;
      const cell = cells[at];
      if (!cell) return;
      names = namesOf(cell);
      next = step > 0 ? 0 : names.length - 1;
    }
    const spot = /** @type {Spot} */ (names[next]);
    spot.cell.scrollIntoView({ block: "nearest" });
    if (typeof Highlight !== "undefined") CSS.highlights?.set("name", new Highlight(spot.range));
    await show(spot);
    said.textContent = card.hidden ? spot.word : `${spot.word}: ${card.innerText}`;
  };

  const go = async (/** @type {Spot} */ spot) => {
    const answer = await ask(spot).catch(() => null);
    if (answer?.definition) location.assign(answer.definition.url);
    else location.assign(referencesOf(spot));
  };

  view.addEventListener("pointermove", (event) => {
    clearTimeout(resting);
    if (event.pointerType === "touch" || event.buttons) return;
    resting = setTimeout(() => {
      const spot = spotAt(event.clientX, event.clientY);
      if (spot && (spot.cell !== shown?.cell || spot.column !== shown.column)) void show(spot);
      else if (!spot && !card.matches(":hover")) hide();
    }, REST_MS);
  });
  view.addEventListener("click", (event) => {
    const spot = spotAt(event.clientX, event.clientY);
    if (!spot || !getSelection()?.isCollapsed) return;
    if (event.metaKey || event.ctrlKey) {
      event.preventDefault();
      void go(spot);
    } else {
      void show(spot);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !card.hidden) hide();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!card.hidden && !card.contains(/** @type {Node} */ (event.target)) && !view.contains(/** @type {Node} */ (event.target))) hide();
  });
  document.addEventListener("sourcekeep:name", (event) => void move(/** @type {CustomEvent<number>} */ (event).detail));
  document.addEventListener("sourcekeep:definition", () => {
    const spot = shown ?? selected();
    if (spot) void go(spot);
  });
  document.addEventListener("sourcekeep:references", () => {
    const spot = shown ?? selected();
    if (spot) location.assign(referencesOf(spot));
  });
}
