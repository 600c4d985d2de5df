// Small helpers of every page: light and dark, menus that close, lists that filter, buttons that copy, the toast.

/**
 * Shows a short message for a moment.
 * @param {string} text
 */
export function toast(text) {
  document.querySelector(".toast")?.remove();
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.setAttribute("role", "status");
  toast.textContent = text;
  document.body.append(toast);
  setTimeout(() => toast.remove(), 2000);
}

/**
 * Copies a text and says so.
 * @param {string} text
 * @param {string} says
 */
export async function copy(text, says) {
  try {
    await navigator.clipboard.writeText(text);
    toast(says);
  } catch {
    toast("The browser does not let this page copy");
  }
}

/** The button that switches between light and dark. The choice is a cookie, so that the server renders it at once. */
export function theme() {
  const button = document.querySelector('[data-act="theme"]');
  if (!(button instanceof HTMLElement)) return;
  button.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme ?? (dark ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    // Back at the system's own choice: forget, so that the page follows the system again.
    const followsSystem = (next === "dark") === dark;
    if (followsSystem) delete root.dataset.theme;
    else root.dataset.theme = next;
    const life = followsSystem ? 0 : 31536000;
    document.cookie = `theme=${next}; path=/; max-age=${life}; samesite=lax`;
  });
}

/** Menus (details elements) close on Escape and when something else is clicked. */
export function menus() {
  const menus = () => document.querySelectorAll("details[data-menu][open]");
  document.addEventListener("click", (event) => {
    for (const menu of menus()) if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus()) {
      menu.removeAttribute("open");
      menu.querySelector("summary")?.focus();
    }
  });
}

/** Inputs that filter the links beside them as one types; Enter opens the first that is left. */
export function filters() {
  for (const input of document.querySelectorAll("input[data-filter]")) {
    if (!(input instanceof HTMLInputElement)) continue;
    const links = [...(input.parentElement?.querySelectorAll("a") ?? [])];
    input.addEventListener("input", () => {
      const wanted = input.value.toLowerCase();
      for (const link of links) link.hidden = !(link.textContent ?? "").toLowerCase().includes(wanted);
    });
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") links.find((link) => !link.hidden)?.click();
    });
  }
}

/** The button that opens every result's further lines, and closes them again. */
export function expand() {
  const button = document.querySelector('[data-act="expand"]');
  const more = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.more"));
  if (!(button instanceof HTMLElement)) return;
  if (!more().length) button.hidden = true;
  button.addEventListener("click", () => {
    const open = [...more()].some((details) => !details.open);
    for (const details of more()) details.open = open;
    button.textContent = open ? "Show fewer lines" : "Show every line";
  });
}

/** Buttons that copy what their data-copy says. */
export function copies() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!(button instanceof HTMLElement)) continue;
    button.addEventListener("click", () => copy(button.dataset.copy ?? "", button.dataset.said ?? "Path copied"));
  }
}
