// Keys. Single letters are never taken from a field, from a modified key, or from somebody who turned them off.
import { openFinder } from "./finder.js";

const OFF = "keys-off";

/** Whether the key belongs to something one types into. @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Selects the next or previous result. @param {number} step */
function select(step) {
  const hits = [...document.querySelectorAll(".hit")];
  if (!hits.length) return stepThrough(step);
  const now = hits.findIndex((hit) => hit.classList.contains("selected"));
  const next = now < 0 ? (step > 0 ? 0 : hits.length - 1) : Math.min(Math.max(now + step, 0), hits.length - 1);
  hits[now]?.classList.remove("selected");
  const hit = /** @type {HTMLElement} */ (hits[next]);
  hit.classList.add("selected");
  hit.focus({ preventScroll: true });
  hit.scrollIntoView({ block: "nearest" });
}

/** Steps through what a page without results lists, or through the changes of a difference. @param {number} step */
function stepThrough(step) {
  const stops = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("main [data-step]")].filter((stop) => stop.checkVisibility()));
  const held = document.activeElement instanceof HTMLElement ? stops.indexOf(document.activeElement) : -1;
  const marked = document.querySelector("main tr.on, main tr:target");
  // What a marked line belongs to begins with it or above it.
  const beside = stops.findLastIndex((stop) => marked && (marked.contains(stop) || marked.compareDocumentPosition(stop) & Node.DOCUMENT_POSITION_PRECEDING));
  const first = beside >= 0 ? beside : step > 0 ? 0 : stops.length - 1;
  const stop = stops[held < 0 ? first : Math.min(Math.max(held + step, 0), stops.length - 1)];
  stop?.focus({ preventScroll: true });
  stop?.scrollIntoView({ block: "nearest" });
}

/** Steps through the matches that results show. @param {number} step */
function stepMatches(step) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".hit .lines a[href]")].filter((link) => link.checkVisibility()));
  const held = document.activeElement instanceof HTMLElement ? links.indexOf(document.activeElement) : -1;
  const chosen = document.querySelector(".hit.selected");
  const within = links.findIndex((link) => chosen?.contains(link));
  const next = held >= 0 ? held + step : within >= 0 ? within : step > 0 ? 0 : links.length - 1;
  const link = links[Math.min(Math.max(next, 0), links.length - 1)];
  link?.focus({ preventScroll: true });
  link?.scrollIntoView({ block: "nearest" });
}

/** Goes where a link of the page goes. @param {string} selector */
function follow(selector) {
  const link = document.querySelector(selector);
  if (link instanceof HTMLElement) link.click();
}

/** Asks for a line of the file on the page and goes there. */
function goToLine() {
  if (!document.querySelector("[data-code]")) return;
  const line = Number(prompt("Line"));
  if (Number.isInteger(line) && line > 0) location.hash = `#L${line}`;
}

/** @type {Record<string, () => void>} */
const ACTIONS = {
  "/": () => {
    const boxes = [...document.querySelectorAll('[data-query] input[name="q"]')];
    const box = /** @type {HTMLInputElement | undefined} */ (boxes.at(-1));
    box?.focus();
    box?.setSelectionRange(box.value.length, box.value.length);
  },
  "?": () => /** @type {HTMLDialogElement | null} */ (document.getElementById("help"))?.showModal(),
  j: () => select(1),
  k: () => select(-1),
  n: () => stepMatches(1),
  p: () => stepMatches(-1),
  ".": () => void document.dispatchEvent(new CustomEvent("sourcekeep:name", { detail: 1 })),
  ",": () => void document.dispatchEvent(new CustomEvent("sourcekeep:name", { detail: -1 })),
  o: () => document.querySelector(".hit.selected details")?.toggleAttribute("open"),
  t: () => openFinder("/"),
  s: () => openFinder("@"),
  b: () => follow('a[data-key="b"]'),
  h: () => follow('a[data-key="h"]'),
  c: () => follow('a[data-key="c"]'),
  l: goToLine,
  d: () => void document.dispatchEvent(new Event("sourcekeep:definition")),
  r: () => void document.dispatchEvent(new Event("sourcekeep:references")),
  "[": () => follow('a[data-key="["], a[rel="prev"]'),
  "]": () => follow('a[data-key="]"], a[rel="next"]'),
  y: () => follow("a[data-permalink]"),
  w: () => void document.body.classList.toggle("wrap"),
  gs: () => location.assign("/"),
  gr: () => location.assign("/repos"),
};

/** Listens. */
export function keys() {
  const switched = document.querySelector('[data-act="keys"]');
  if (switched instanceof HTMLInputElement) {
    switched.checked = localStorage.getItem(OFF) === null;
    switched.addEventListener("change", () =>
      switched.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1"),
    );
  }
  const help = document.querySelector('[data-act="help"]');
  if (help instanceof HTMLElement) {
    help.addEventListener("click", ACTIONS["?"]);
  }
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]") || localStorage.getItem(OFF) !== null) return;
    const selected = document.querySelector(".hit.selected");
    if (event.key === "Enter" && event.target === selected) {
      /** @type {HTMLElement | null} */ (selected?.querySelector("a.open"))?.click();
      return;
    }
    const action = ACTIONS[before + event.key] ?? ACTIONS[event.key];
    before = event.key === "g" ? "g" : "";
    if (!action) return;
    event.preventDefault();
    action();
  });
}
