// The finder: go to anything by a few letters of its name. The page /goto does the same without JavaScript.
import { copy } from "./small.js";

const RECENT = "finder-recent";
const N_RECENT = 8;
const WAIT_MS = 40;

/** @typedef {{ label: string, detail: string, url: string, ranges: [number, number][], act?: () => void }} Item */
/** @typedef {{ kind: string, items: Item[] }} Group */

/** What a first character asks for. @type {Record<string, string>} */
const MODES = { ">": "commands", "@": "symbols", "/": "files", "#": "repos" };
/** @type {Record<string, string>} */
const TITLES = { recent: "Recent", files: "Files", symbols: "Symbols", repos: "Repositories", commands: "Commands" };

/** What only a page can do. @type {[string, string, () => void][]} */
const ACTIONS = [
  ["Switch between light and dark", "", () => click('[data-act="theme"]')],
  ["Keys and query language", "?", () => click('[data-act="help"]')],
  ["Copy the address of this page", "", () => void copy(location.href, "Address copied")],
  ["Copy a permanent link", "y", () => void copy(link("a[data-permalink]"), "Permanent link copied")],
  ["Copy the path of this file", "", () => click(".crumbs [data-copy]")],
  ["Blame of this file", "b", () => click('a[data-key="b"]')],
  ["History of this file", "h", () => click('a[data-key="h"]')],
];
/** What has to be on the page for an action. @type {Record<string, string>} */
const NEEDS = {
  "Copy a permanent link": "a[data-permalink]",
  "Copy the path of this file": ".crumbs [data-copy]",
  "Blame of this file": 'a[data-key="b"]',
  "History of this file": 'a[data-key="h"]',
};

/** @param {string} selector */
function click(selector) {
  const found = document.querySelector(selector);
  if (found instanceof HTMLElement) found.click();
}

/** @param {string} selector */
function link(selector) {
  const found = document.querySelector(selector);
  return found instanceof HTMLAnchorElement ? found.href : location.href;
}

/** The repository and the revision that the page is about. */
function here() {
  const rest = /^\/r\/(.+?)(?:\/-(?:\/.*)?)?$/.exec(location.pathname)?.[1];
  if (!rest) return { repo: "", rev: "" };
  const name = decodeURIComponent(rest);
  const at = name.indexOf("@");
  return at < 0 ? { repo: name, rev: "" } : { repo: name.slice(0, at), rev: name.slice(at + 1) };
}

/** Where one went last. @returns {Item[]} */
function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    const isItem = (/** @type {any} */ item) => typeof item?.label === "string" && /^\/(?![/\\])/.test(item?.url);
    return kept.filter(isItem).map((/** @type {Item} */ item) => ({ ...item, detail: String(item.detail ?? ""), ranges: [] }));
  } catch {
    return [];
  }
}

/** @param {Item} item */
function remember(item) {
  const { label, detail, url } = item;
  const kept = [{ label, detail, url }, ...recent().filter((other) => other.url !== url)].slice(0, N_RECENT);
  localStorage.setItem(RECENT, JSON.stringify(kept));
}

/** The letters of a subsequence, in any case. @param {string} typed @param {string} label @returns {[number, number][] | null} */
function lettersIn(typed, label) {
  /** @type {[number, number][]} */
  const ranges = [];
  const chars = [...label.toLowerCase()];
  let at = 0;
  for (const letter of typed.toLowerCase().replace(/\s/g, "")) {
    at = chars.indexOf(letter, at);
    if (at < 0) return null;
    const last = ranges.at(-1);
    if (last && last[1] === at) last[1] = at + 1;
    else ranges.push([at, at + 1]);
    at += 1;
  }
  return ranges;
}

/** @param {string} typed @returns {Item[]} */
function actions(typed) {
  return ACTIONS.flatMap(([label, detail, act]) => {
    const ranges = lettersIn(typed, label);
    if (!ranges || (NEEDS[label] && !document.querySelector(NEEDS[label]))) return [];
    return [{ label, detail, url: "", ranges, act }];
  });
}

/** A label with its letters marked. @param {Item} item */
function marked(item) {
  const label = document.createElement("span");
  label.className = "mono";
  const chars = [...item.label];
  let from = 0;
  for (const [start, end] of item.ranges) {
    const mark = document.createElement("mark");
    mark.textContent = chars.slice(start, end).join("");
    label.append(chars.slice(from, start).join(""), mark);
    from = end;
  }
  label.append(chars.slice(from).join(""));
  return label;
}

/** The overlay. */
class Finder {
  /** @param {HTMLDialogElement} dialog */
  constructor(dialog) {
    this.dialog = dialog;
    this.input = /** @type {HTMLInputElement} */ (this.dialog.querySelector("input"));
    this.list = /** @type {HTMLElement} */ (this.dialog.querySelector("[role=listbox]"));
    this.status = /** @type {HTMLElement} */ (this.dialog.querySelector("[role=status]"));
    /** @type {Item[]} */
    this.items = [];
    this.chosen = 0;
    /** @type {AbortController | null} */
    this.running = null;
    this.timer = 0;
    this.isStale = false;
    this.input.addEventListener("input", () => this.soon());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("click", (event) => this.clicked(event));
    this.dialog.addEventListener("close", () => this.running?.abort());
  }

  /** @param {string} text */
  open(text) {
    this.input.value = text;
    if (!this.dialog.open) this.dialog.showModal();
    this.input.focus();
    this.show([], "");
    void this.ask();
  }

  soon() {
    clearTimeout(this.timer);
    this.isStale = true;
    this.timer = setTimeout(() => void this.ask(), WAIT_MS);
  }

  /** Asks for what is typed; an answer to what was typed before is not waited for. */
  async ask() {
    clearTimeout(this.timer);
    this.isStale = false;
    this.running?.abort();
    const running = (this.running = new AbortController());
    const text = this.input.value;
    const mode = MODES[text[0] ?? ""];
    const typed = (mode ? text.slice(1) : text).trim();
    const address = new URLSearchParams({ q: typed, limit: mode ? "50" : "10", ...here() });
    if (mode || !typed) address.set("kinds", mode ?? "commands");
    /** @type {{ groups: Group[], is_cut: boolean }} */
    let answer;
    try {
      const response = await fetch(`/api/v1/goto?${address}`, { signal: running.signal });
      if (!response.ok) throw new Error(String(response.status));
      answer = await response.json();
    } catch {
      if (!running.signal.aborted) this.show([], "The server cannot be asked");
      return;
    }
    if (running.signal.aborted) return;
    const groups = answer.groups;
    const commands = groups.find((group) => group.kind === "commands");
    commands?.items.push(...actions(typed));
    if (!typed && !mode) groups.unshift({ kind: "recent", items: recent() });
    const hint = mode && mode !== "commands" && !typed ? "Type a few letters" : "Nothing is called so";
    this.show(groups, answer.is_cut ? "More letters find more" : "", hint);
  }

  /** @param {Group[]} groups @param {string} says @param {string} [empty] */
  show(groups, says, empty = "") {
    this.items = groups.flatMap((group) => group.items);
    this.chosen = 0;
    this.list.replaceChildren();
    let number = 0;
    for (const group of groups.filter((group) => group.items.length)) {
      const box = document.createElement("div");
      box.setAttribute("role", "group");
      const title = document.createElement("div");
      title.className = "finder-title";
      title.setAttribute("aria-hidden", "true");
      title.textContent = TITLES[group.kind] ?? group.kind;
      box.setAttribute("aria-label", title.textContent);
      box.append(title);
      for (const item of group.items) box.append(this.option(item, number++));
      this.list.append(box);
    }
    this.status.textContent = says || (this.items.length ? `${this.items.length} found` : empty);
    this.choose(0);
  }

  /** @param {Item} item @param {number} number */
  option(item, number) {
    const option = document.createElement("div");
    option.id = `finder-${number}`;
    option.className = "finder-item";
    option.setAttribute("role", "option");
    option.dataset.number = String(number);
    const detail = document.createElement("small");
    detail.textContent = item.detail;
    option.append(marked(item), detail);
    return option;
  }

  /** @param {number} number */
  choose(number) {
    if (this.items.length) this.chosen = (number + this.items.length) % this.items.length;
    const options = this.list.querySelectorAll("[role=option]");
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === this.chosen)));
    const chosen = options[this.chosen];
    if (chosen) {
      this.input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else {
      this.input.removeAttribute("aria-activedescendant");
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step) {
      const last = this.items.length - 1;
      this.choose(Math.abs(step) === 1 ? this.chosen + step : Math.min(Math.max(this.chosen + step, 0), last));
    } else if (event.key === "Enter") {
      void this.enter(event.ctrlKey || event.metaKey);
    } else return;
    event.preventDefault();
  }

  /** Goes to what is chosen, of what is typed by now. @param {boolean} apart */
  async enter(apart) {
    if (this.isStale) await this.ask();
    this.go(this.items[this.chosen], apart);
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    if (event.target === this.dialog) return this.dialog.close();
    const option = event.target instanceof Element ? event.target.closest("[data-number]") : null;
    if (option instanceof HTMLElement) this.go(this.items[Number(option.dataset.number)], event.ctrlKey || event.metaKey);
  }

  /** @param {Item | undefined} item @param {boolean} apart */
  go(item, apart) {
    if (!item) return;
    if (item.act) {
      this.dialog.close();
      item.act();
      return;
    }
    remember(item);
    if (apart) {
      window.open(item.url, "_blank", "noopener");
      return;
    }
    this.dialog.close();
    location.assign(item.url);
  }
}

/** @type {Finder | null} */
let made = null;

/** Opens it with a text in its box. @param {string} text */
export function openFinder(text) {
  const dialog = document.querySelector("dialog.finder");
  if (!(dialog instanceof HTMLDialogElement)) return;
  made ??= new Finder(dialog);
  made.open(text);
}

/** Listens. */
export function finder() {
  // Names of what one person opened are not for whoever sits down next.
  document.querySelector('form[action="/sign-out"]')?.addEventListener("submit", () => localStorage.removeItem(RECENT));
  document.querySelector('[data-act="goto"]')?.addEventListener("click", (event) => {
    if (!(event instanceof MouseEvent) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openFinder("");
  });
  document.addEventListener("keydown", (event) => {
    const isKey = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
    if (!isKey || event.defaultPrevented || !document.querySelector("dialog.finder")) return;
    if (document.querySelector("dialog[open]:not(.finder)")) return;
    event.preventDefault();
    openFinder(made?.dialog.open ? made.input.value : "");
  });
}
