// The query box: its words coloured and its filters completed by the server, which alone knows the language.
//
// One request per change, the older one given up. Until the answer is there, what was typed stands uncoloured: the text
// itself never waits.

/**
 * @typedef {{start: number, end: number, kind: string}} Token
 * @typedef {{label: string, detail: string, text: string, cursor: number}} Item
 * @typedef {{tokens: Token[], items: Item[]}} Answer
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
let lists = 0;

/** Improves every box of the page. */
export function queryBoxes() {
  for (const form of document.querySelectorAll("form[data-query]")) new QueryBox(/** @type {HTMLFormElement} */ (form));
}

class QueryBox {
  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.input = /** @type {HTMLInputElement} */ (form.querySelector('input[name="q"]'));
    this.paint = /** @type {HTMLElement} */ (form.querySelector(".paint"));
    this.form = form;
    this.list = document.createElement("ul");
    this.list.className = "suggestions";
    this.list.id = `suggestions-${lists++}`;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", "Suggestions");
    this.list.hidden = true;
    form.append(this.list);
    /** @type {Item[]} */
    this.items = [];
    this.selected = -1;
    /** @type {AbortController | null} */
    this.running = null;
    const { input } = this;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-controls", this.list.id);
    form.classList.add("painted");
    input.addEventListener("input", () => {
      this.repaint([]);
      this.ask();
    });
    input.addEventListener("scroll", () => this.align());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.close());
    this.list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = /** @type {HTMLElement} */ (event.target).closest("li");
      if (item) this.take([...this.list.children].indexOf(item));
    });
    // Back and forward restore what was typed, not what the server had painted.
    addEventListener("pageshow", () => this.paint.textContent !== input.value && this.ask(false));
  }

  align() {
    this.paint.style.translate = `${-this.input.scrollLeft}px 0`;
  }

  /** @param {Token[]} tokens */
  repaint(tokens) {
    const bytes = encoder.encode(this.input.value);
    const piece = (/** @type {number} */ from, /** @type {number} */ to) => decoder.decode(bytes.subarray(from, to));
    const parts = [];
    let at = 0;
    for (const { start, end, kind } of tokens) {
      if (start > at) parts.push(piece(at, start));
      const span = document.createElement("span");
      span.className = `t-${kind}`;
      span.textContent = piece(start, end);
      parts.push(span);
      at = end;
    }
    parts.push(piece(at, bytes.length));
    this.paint.replaceChildren(...parts);
    this.align();
  }

  /** Asks the server what the text is and how it may go on. @param {boolean} suggest */
  async ask(suggest = true) {
    this.running?.abort();
    const running = (this.running = new AbortController());
    const { value } = this.input;
    const cursor = encoder.encode(value.slice(0, this.input.selectionStart ?? value.length)).length;
    try {
      const address = `/api/v1/complete?q=${encodeURIComponent(value)}&cursor=${cursor}`;
      const response = await fetch(address, { signal: running.signal });
      if (!response.ok) return this.close();
      const answer = /** @type {Answer} */ (await response.json());
      if (value !== this.input.value) return;
      this.repaint(answer.tokens);
      if (suggest && document.activeElement === this.input) this.show(answer.items);
    } catch {
      // Given up for a newer question, or the server is away: the text stays plain and usable.
    }
  }

  /** @param {Item[]} items */
  show(items) {
    this.items = items;
    this.selected = -1;
    this.list.replaceChildren(
      ...items.map((item, idx) => {
        const row = document.createElement("li");
        row.id = `${this.list.id}-${idx}`;
        row.setAttribute("role", "option");
        row.setAttribute("aria-selected", "false");
        const label = document.createElement("b");
        label.textContent = item.label;
        const detail = document.createElement("span");
        detail.textContent = item.detail;
        row.append(label, detail);
        return row;
      }),
    );
    this.list.hidden = items.length === 0;
    this.input.setAttribute("aria-expanded", String(items.length > 0));
    this.input.removeAttribute("aria-activedescendant");
  }

  close() {
    this.show([]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const open = !this.list.hidden;
    if (event.key === "Escape") {
      if (open) this.close();
      else this.input.blur();
    } else if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const n = this.items.length + 1;
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.point(((this.selected + 1 + step + n) % n) - 1);
    } else if (open && event.key === "Tab" && !event.shiftKey) {
      this.take(Math.max(this.selected, 0));
    } else if (open && event.key === "Enter" && this.selected >= 0) {
      this.take(this.selected);
    } else if (!open && event.key === "ArrowDown") {
      this.ask();
    } else {
      return;
    }
    event.preventDefault();
  }

  /** @param {number} idx */
  point(idx) {
    this.list.children[this.selected]?.setAttribute("aria-selected", "false");
    this.selected = idx;
    const row = this.list.children[idx];
    row?.setAttribute("aria-selected", "true");
    row?.scrollIntoView({ block: "nearest" });
    if (row) this.input.setAttribute("aria-activedescendant", row.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  /** @param {number} idx */
  take(idx) {
    const item = this.items[idx];
    if (!item) return;
    this.input.value = item.text;
    const bytes = encoder.encode(item.text);
    const cursor = decoder.decode(bytes.subarray(0, item.cursor)).length;
    this.input.setSelectionRange(cursor, cursor);
    this.close();
    this.repaint([]);
    this.ask();
  }
}
