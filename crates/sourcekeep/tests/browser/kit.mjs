// What every browser test needs: Chromium, axe, screenshots, and the ways in which a page is looked at.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { waitFor } from "./world.mjs";

const tools = createRequire(join(process.env.TOUR_TOOLS, "package.json"));
const { chromium } = tools("playwright-core");
const axeSource = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
export const PASSWORD = "four unrelated harbour words";

/** The ways in which every page is looked at. */
const VIEWS = {
  light: { viewport: { width: 1440, height: 900 } },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  contrast: { viewport: { width: 1280, height: 900 }, contrast: "more", colorScheme: "dark" },
  forced: { viewport: { width: 1280, height: 900 }, forcedColors: "active" },
  narrow: { viewport: { width: 360, height: 800 }, hasTouch: true, isMobile: true },
};

export const launch = () => chromium.launch({ executablePath: process.env.TOUR_CHROMIUM, headless: true, args: QUIET });

/** Keeps a screenshot. Chromium cannot capture a page that is just being replaced: then it is asked once more. */
export const shot = (page, name, options = {}) => {
  const take = () => page.screenshot({ path: join(process.env.TOUR_SCREENSHOTS, `${name}.png`), ...options });
  return take().catch(take);
};

/** Nothing that axe knows of is wrong with the page. */
export async function accessible(page, within = "html") {
  await page.evaluate(axeSource);
  const found = await page.evaluate((within) => {
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    // Whoever asks for more contrast gets 7 to 1.
    const enabled = matchMedia("(prefers-contrast: more)").matches;
    return axe.run(within, { runOnly, rules: { "color-contrast-enhanced": { enabled } } });
  }, within);
  const faults = found.violations.map((fault) => `${fault.id}: ${fault.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
  assert.deepEqual(faults, [], `axe on ${page.url()}`);
}

/** Creates the first administrator on a page that shows the one-time link. */
export async function setUp(page) {
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password", { exact: false }).first().fill(PASSWORD);
  await page.getByLabel("Password, again").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("search").first().waitFor();
}

/** Creates the first administrator and waits until every repository is ready; gives what a browser needs to be signed in. */
export async function signedIn(browser, world, n_repos = 2) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(world.link);
  await setUp(page);
  await waitFor(async () => {
    const answer = await (await page.request.get(`${world.base}/api/v1/repos`)).json();
    return answer.repos.length === n_repos && answer.repos.every((repo) => repo.status === "ready");
  }, () => `not ready:\n${world.told.text}`);
  await waitFor(async () => {
    const answer = await (await page.request.get(`${world.base}/api/v1/search?q=type:diff+harbor`)).json();
    return answer.matches.length > 0 && answer.stats.complete;
  }, () => `the history is not there:\n${world.told.text}`);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** Most bytes of a page as they are sent: HTML, styles, scripts, icons. Results and code are not counted. */
const PAGE_BYTES_MAX = 100_000;
/** The most that a page may move while it loads: what Web Vitals call good. */
const SHIFT_MAX = 0.1;
/** What a page holds whose own text is the code, the results or the document that was asked for. */
const CONTENT = ".code, .hit, .diff, .prose, .drawing, .reference-file";

/** What a page costs: its bytes are within the budget, nothing comes from elsewhere, nothing moved while it loaded. */
async function affordable(name, page) {
  const cost = await page.evaluate(async (content) => {
    const shifts = [];
    const observer = new PerformanceObserver((list) => shifts.push(...list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    observer.disconnect();
    const loaded = performance.getEntriesByType("resource").filter((entry) => !["fetch", "xmlhttprequest", "eventsource"].includes(entry.initiatorType));
    const page = performance.getEntriesByType("navigation")[0];
    // A long table settles its columns while its rows arrive.
    const inTable = (source) => (source.node instanceof Element ? source.node : source.node?.parentElement)?.closest("table");
    const moved = shifts.filter((shift) => !shift.hadRecentInput && !shift.sources.every(inTable));
    return {
      bytes: loaded.reduce((sum, entry) => sum + entry.encodedBodySize, document.querySelector(content) ? 0 : page.encodedBodySize),
      foreign: loaded.map((entry) => entry.name).filter((url) => new URL(url).origin !== location.origin),
      moved: moved.reduce((sum, shift) => sum + shift.value, 0),
      sources: moved.flatMap((shift) => shift.sources.map((source) => source.node?.parentElement?.outerHTML.slice(0, 120))),
    };
  }, CONTENT);
  assert.deepEqual(cost.foreign, [], `${name} asks other hosts`);
  assert.ok(cost.bytes <= PAGE_BYTES_MAX, `${name} weighs ${cost.bytes} bytes`);
  assert.ok(cost.moved <= SHIFT_MAX, `${name} shifts by ${cost.moved}: ${cost.sources.join(" | ")}`);
}

/** The same browser session in each way of looking; `look` shows one address in all of them. */
export class Looker {
  constructor(base, pages) {
    this.base = base;
    this.pages = pages;
  }

  static async open(browser, base, storageState) {
    const pages = {};
    for (const [name, options] of Object.entries(VIEWS)) {
      pages[name] = await (await browser.newContext({ ...options, storageState })).newPage();
    }
    return new Looker(base, pages);
  }

  /** Opens an address in every way: axe is content, nothing scrolls sideways, the keyboard reaches everything. */
  async look(name, path, { expect = 200, keyboard = true } = {}) {
    const one = async ([view, page]) => {
      const answer = await page.goto(this.base + path);
      assert.equal(answer.status(), expect, `${path}: ${answer.status()}`);
      await affordable(`${name}-${view}`, page);
      await this.judge(`${name}-${view}`, page);
    };
    await Promise.all(Object.entries(this.pages).map(one));
    if (keyboard) await reachable(this.pages.light);
    return this.pages.light;
  }

  /** The same of a page as it stands in one way, which cannot be opened twice: in light, dark, high contrast, forced colours, and narrow. */
  async judgeAll(name, page) {
    const before = page.viewportSize();
    await this.judge(`${name}-light`, page);
    await page.emulateMedia({ colorScheme: "dark" });
    await this.judge(`${name}-dark`, page);
    await page.emulateMedia({ colorScheme: "light", contrast: "more" });
    await this.judge(`${name}-contrast`, page);
    await page.emulateMedia({ contrast: "no-preference", forcedColors: "active" });
    await this.judge(`${name}-forced`, page);
    await page.emulateMedia({ forcedColors: "none" });
    await page.setViewportSize(VIEWS.narrow.viewport);
    await this.judge(`${name}-narrow`, page);
    if (before) await page.setViewportSize(before);
  }

  /** What `look` asks of a page as it stands; a menu that covers the rest is judged alone. */
  async judge(name, page, within) {
    await page.locator("main").waitFor();
    const { width, height } = await page.evaluate(() => ({ width: document.documentElement.clientWidth, height: document.documentElement.scrollHeight }));
    await shot(page, name, { fullPage: true, clip: { x: 0, y: 0, width, height: Math.min(height, 3000) } });
    await accessible(page, within);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${name} scrolls sideways by ${overflow} px`);
  }
}

/** Tab reaches everything in the page that can be pressed or typed into, and each shows its focus. */
async function reachable(page) {
  await page.evaluate(() => {
    window.reached = new Set();
    document.addEventListener("focusin", (event) => window.reached.add(event.target));
    document.activeElement?.blur();
  });
  const n_wanted = await page.evaluate(() => {
    const all = document.querySelectorAll("main :is(a[href], button, input:not([type=hidden]), select, textarea, summary)");
    window.wanted = [...all].filter((one) => one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true }));
    return window.wanted.length;
  });
  const missing = () => page.evaluate(() => window.wanted.filter((one) => !window.reached.has(one)).map((one) => one.outerHTML.slice(0, 120)));
  for (let n = 0; n < n_wanted + 40 && (await missing()).length > 0; n += 1) await page.keyboard.press("Tab");
  assert.deepEqual(await missing(), [], `not reached by keyboard on ${page.url()}`);
}
