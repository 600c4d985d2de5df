// Names in code: what they are on hover, their definition on click with the modifier or `d`, their references with `r`.

/** How long the pointer rests on a name before it is asked about. */
const REST_MS = 250;

/** @typedef {{line: number, column: number, range: Range, word: string}} Spot */

const encoder = new TextEncoder();

/** The name at a place of the page. @param {number} x @param {number} y @returns {Spot | null} */
function spotAt(x, y) {
  const caret = document.caretPositionFromPoint?.(x, y);
  const node = caret?.offsetNode ?? null;
  if (!caret || !(node instanceof Text)) return null;
  return spotIn(node, caret.offset);
}

/** The name around a place in a text. @param {Text} node @param {number} offset @returns {Spot | null} */
function spotIn(node, offset) {
  const cell = node.parentElement?.closest("td.c");
  const row = cell?.closest("tr[id]");
  const line = Number(/^L(\d+)$/.exec(row?.id ?? "")?.[1]);
  if (!cell || !line || node.parentElement?.closest(".m, .s")) return null;
  const text = node.data;
  const isWord = (/** @type {string} */ c) => /[\p{L}\p{N}_$@]/u.test(c);
  let start = offset;
  let end = offset;
  while (start > 0 && isWord(text[start - 1] ?? "")) start--;
  while (end < text.length && isWord(text[end] ?? "")) end++;
  const word = text.slice(start, end);
  if (!word || /^\d/.test(word)) return null;
  const before = document.createRange();
  before.selectNodeContents(cell);
  before.setEnd(node, start);
  const range = document.createRange();
  range.setStart(node, start);
  range.setEnd(node, end);
  return { line, column: encoder.encode(before.toString()).length, range, word };
}

/** The name that is selected, or that the card is about. @returns {Spot | null} */
function selected() {
  const selection = getSelection();
  const node = selection?.anchorNode ?? null;
  if (!selection || !(node instanceof Text)) return null;
  return spotIn(node, Math.min(selection.anchorOffset, selection.focusOffset));
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

/** Improves the file view, if this page has one that can be asked. */
export function navigation() {
  const view = document.querySelector("[data-code][data-nav]");
  if (!(view instanceof HTMLElement)) return;
  const api = view.dataset.nav ?? "";
  const page = view.dataset.references ?? "";
  /** @type {Map<string, Promise<any>>} */
  const answers = new Map();
  const card = element("div", "", "hover-card");
  card.setAttribute("role", "tooltip");
  card.id = "hover-card";
  card.hidden = true;
  document.body.append(card);
  /** @type {Spot | null} */
  let shown = null;
  /** @type {number | undefined} */
  let resting;

  const query = (/** @type {Spot} */ spot) => `line=${spot.line}&column=${spot.column}`;
  const ask = (/** @type {Spot} */ spot) => {
    const key = query(spot);
    let answer = answers.get(key);
    if (!answer) {
      answer = fetch(`${api}${api.includes("?") ? "&" : "?"}${key}`, {
        headers: { accept: "application/json" },
      }).then((response) => (response.ok ? response.json() : null));
      answer.catch(() => answers.delete(key));
      answers.set(key, answer);
    }
    return answer;
  };
  const referencesOf = (/** @type {Spot} */ spot) => `${page}${page.includes("?") ? "&" : "?"}${query(spot)}`;

  const hide = () => {
    card.hidden = true;
    shown = null;
    CSS.highlights?.delete("name");
  };

  const show = async (/** @type {Spot} */ spot) => {
    shown = spot;
    const answer = await ask(spot).catch(() => null);
    if (shown !== spot || !answer?.name) return;
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
      facts.append(link, element("span", `${HOW[place.how] ?? place.how}${more}`));
    } else {
      facts.append(element("span", "Nothing that you may read defines it."));
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
      if (spot && (spot.line !== shown?.line || spot.column !== shown.column)) void show(spot);
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
  document.addEventListener("sourcekeep:definition", () => {
    const spot = shown ?? selected();
    if (spot) void go(spot);
  });
  document.addEventListener("sourcekeep:references", () => {
    const spot = shown ?? selected();
    if (spot) location.assign(referencesOf(spot));
  });
}
