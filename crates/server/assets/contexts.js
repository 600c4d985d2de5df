// The search contexts beside a query box, as a menu in place. Without this, the button leads to a page that offers them.

/** @typedef {{name: string, description: string, query: string}} Context */

const N_CONTEXTS = 200;

/** Improves the chooser of every box. */
export function contexts() {
  for (const button of document.querySelectorAll("button.chooser")) new Chooser(/** @type {HTMLButtonElement} */ (button));
}

class Chooser {
  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.button = button;
    this.form = /** @type {HTMLFormElement} */ (button.form);
    this.input = /** @type {HTMLInputElement} */ (this.form.querySelector('input[name="q"]'));
    this.menu = document.createElement("div");
    this.menu.className = "contexts";
    this.menu.hidden = true;
    this.menu.setAttribute("role", "group");
    this.menu.setAttribute("aria-label", "Search contexts");
    this.form.append(this.menu);
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", (event) => {
      event.preventDefault();
      if (this.menu.hidden) void this.open();
      else this.close();
    });
    this.form.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("click", (event) => {
      const target = /** @type {Node} */ (event.target);
      if (!this.menu.contains(target) && !button.contains(target)) this.close();
    });
    this.form.addEventListener("focusout", (event) => {
      const next = /** @type {Node | null} */ (event.relatedTarget);
      if (next && !this.menu.contains(next) && next !== button) this.close();
    });
  }

  async open() {
    try {
      const response = await fetch(`/api/v1/contexts?limit=${N_CONTEXTS}`, { headers: { accept: "application/json" } });
      if (!response.ok) throw new Error(response.statusText);
      const answer = /** @type {{contexts: Context[], next: string | null}} */ (await response.json());
      this.show(answer.contexts);
    } catch {
      // The page can say what is the matter.
      location.assign(`/contexts?choose=context&q=${encodeURIComponent(this.input.value)}`);
    }
  }

  /** @param {Context[]} list */
  show(list) {
    const everything = { name: "global", description: "everything you may read", query: "" };
    const rows = [everything, ...list].map((context) => {
      const row = document.createElement("button");
      row.name = "context";
      row.value = context.name;
      const name = document.createElement("b");
      name.textContent = context.name;
      const says = document.createElement("span");
      says.textContent = context.description || context.query;
      row.append(name, says);
      if (context.name === this.button.dataset.context) row.setAttribute("aria-current", "true");
      row.addEventListener("click", (event) => this.take(event, context.name));
      return row;
    });
    const all = document.createElement("a");
    all.href = "/contexts";
    all.textContent = "Make and change contexts…";
    this.menu.replaceChildren(...rows, all);
    this.menu.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    (rows.find((row) => row.hasAttribute("aria-current")) ?? rows[0])?.focus();
  }

  /**
   * With something in the box the server puts the name into it and searches; an empty box waits for words.
   * @param {Event} event
   * @param {string} name
   */
  take(event, name) {
    const typed = this.input.value.trim();
    if (typed && !/^context:\S*$/i.test(typed)) return;
    event.preventDefault();
    this.input.value = name === "global" ? "" : `context:${name} `;
    this.button.dataset.context = name;
    const shown = this.button.querySelector(".name");
    if (shown) shown.textContent = name;
    this.close();
    this.input.focus();
    this.input.dispatchEvent(new Event("input"));
  }

  close() {
    if (this.menu.hidden) return;
    this.menu.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (this.menu.hidden) return;
    const rows = /** @type {HTMLElement[]} */ ([...this.menu.children]);
    const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (event.key === "Escape") {
      this.close();
      this.button.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      rows[(at + step + rows.length) % rows.length]?.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
