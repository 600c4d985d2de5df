// The tour of a new user in a real browser: from the one-time link to a shared permalink, with and without JavaScript.
// Started by `cargo xtask browser`, which says where everything is.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PASSWORD, accessible as accessibleOn, launch, shot as shotOf } from "./kit.mjs";
import { start, waitFor } from "./world.mjs";

let world, browser, context, page;
const strangers = [];

before(async () => {
  world = await start(process.env.TOUR_BINARY);
  browser = await launch();
  context = await watch(await browser.newContext({ viewport: { width: 1280, height: 900 } }));
  page = await context.newPage();
});

after(async () => {
  await browser?.close();
  await world?.stop();
});

/** Remembers every request that would leave the server. */
async function watch(context) {
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(world.base) && !url.startsWith("data:") && !url.startsWith("about:")) strangers.push(url);
  });
  return context;
}

const shot = (name, on = page) => shotOf(on, name);
const accessible = (on = page) => accessibleOn(on);

async function search(text, on = page) {
  await on.goto(`${world.base}/search?q=${encodeURIComponent(text)}`);
  await on.locator(".summary [role=status], .summary [role=alert]").first().waitFor();
}

test("the one-time link creates the first administrator and works once", async () => {
  await page.goto(world.link);
  await shot("setup");
  await accessible();
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password", { exact: false }).first().fill(PASSWORD);
  await page.getByLabel("Password, again").fill(PASSWORD);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("search").first().waitFor();
  assert.equal(new URL(page.url()).pathname, "/");
  const again = await browser.newContext();
  const second = await again.newPage();
  const answer = await second.goto(world.link);
  assert.ok(answer.status() >= 400 || (await second.getByLabel("Password, again").count()) === 0, "the link works twice");
  await again.close();
});

test("both repositories become ready and are listed with their state", async () => {
  await page.goto(`${world.base}/repos`);
  await waitFor(async () => {
    await page.reload();
    const text = await page.locator("main").innerText();
    return text.includes("harbor") && text.includes("anchor") && !/indexing|cloning|pending|waiting/i.test(text);
  }, () => `not ready:\n${world.told.text}`);
  await shot("repos");
  await accessible();
});

test("the home page shows the box, a tour and the repositories", async () => {
  await page.goto(world.base);
  await page.getByText("harbor").first().waitFor();
  await shot("home");
  await accessible();
});

test("typing and Enter gives results, grouped by file, with facets and the completeness line", async () => {
  await page.goto(world.base);
  const box = page.getByLabel("Search code");
  await box.click();
  await box.fill("channel_open");
  const begin = Date.now();
  await box.press("Enter");
  await page.locator("article.hit").first().waitFor();
  const seen = Date.now() - begin;
  // From the start of the navigation, as the browser itself tells it: without the time the driver takes to notice.
  const told = await page.evaluate(() => {
    const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
    return { paint, parsed: performance.getEntriesByType("navigation")[0].domInteractive };
  });
  console.log(`first result after Enter: parsed ${told.parsed.toFixed(0)} ms, painted ${told.paint?.toFixed(0)} ms, seen by the driver ${seen} ms`);
  await page.locator(".summary [role=status]").waitFor();
  const summary = await page.locator(".summary").innerText();
  assert.match(summary, /lines? in .*files?/);
  assert.match(summary, /complete ✓/);
  const paths = await page.locator("article.hit h2").allInnerTexts();
  for (const path of ["src/channel.c", "tests/channel_test.py", "anchor.py"]) {
    assert.ok(paths.some((shown) => shown.includes(path)), `${path} is not among ${paths.join(", ")}`);
  }
  assert.ok(!paths.some((shown) => shown.includes("lantern")), "a branch that was not asked for is shown");
  const facets = await page.locator("aside.facets").innerText();
  for (const facet of ["harbor", "C", "Python"]) assert.ok(facets.includes(facet), facets);
  assert.ok((await page.locator("article.hit mark").count()) >= 3, "matches are not marked");
  await shot("search");
  await accessible();
});

test("a facet narrows the search by adding a filter", async () => {
  await search("channel_open");
  await page.locator("aside.facets a", { hasText: "Python" }).click();
  await page.locator("article.hit").first().waitFor();
  assert.match(await page.getByLabel("Search code").inputValue(), /lang:/i);
  const paths = await page.locator("article.hit h2").allInnerTexts();
  assert.ok(paths.length > 0 && paths.every((path) => path.includes(".py")), paths.join(", "));
});

test("another branch answers when it is asked for", async () => {
  await search("rev:feature/lantern lantern");
  const paths = await page.locator("article.hit h2").allInnerTexts();
  assert.ok(paths.some((path) => path.includes("src/lantern.rs")), paths.join(", "));
});

test("text that was not UTF-8 is found by its letters", async () => {
  await search("déjà");
  assert.match(await page.locator("article.hit").first().innerText(), /café au lait, déjà vu/);
});

test("completion offers filters, and a filter's values, by keyboard", async () => {
  await page.goto(world.base);
  const box = page.getByLabel("Search code");
  await box.click();
  await box.pressSequentially("lan");
  await page.getByRole("option", { name: /lang:/ }).first().waitFor();
  await shot("completion");
  await box.press("ArrowDown");
  await box.press("Enter");
  assert.match(await box.inputValue(), /^lang:/);
  await box.pressSequentially("pyt");
  await page.getByRole("option", { name: /python/i }).first().waitFor();
});

test("a broken query points at the bytes at fault and offers a mended one", async () => {
  await search("repo:harbor (channel_open");
  const alert = page.getByRole("alert").first();
  await alert.waitFor();
  await shot("query-error");
  await accessible();
  await alert.getByRole("link").first().click();
  await page.locator("article.hit").first().waitFor();
});

test("no result and an unknown filter each say what to do next", async () => {
  await search("nowhere_to_be_found_anywhere");
  await shot("no-result");
  await accessible();
  await search("langg:c channel");
  assert.match(await page.getByRole("alert").first().innerText(), /lang/);
});

test("a result opens the file with highlighted code, links on lines and a permalink", async () => {
  await search("channel_open file:channel.c");
  await page.locator("article.hit a.open").first().click();
  await page.locator("[data-code]").waitFor();
  const kinds = await page.locator("[data-code] [class]").evaluateAll((nodes) => new Set(nodes.map((node) => node.className)).size);
  assert.ok(kinds >= 4, `only ${kinds} kinds of highlighted tokens`);
  assert.match(await page.locator("[data-code]").innerText(), /static int channel_open/);
  await page.goto(page.url().split("#")[0] + "#L10");
  await page.waitForTimeout(50);
  await shot("file");
  await accessible();
  await page.locator("body").press("y");
  const head = world.harbor.git("rev-parse", "main");
  await page.waitForURL((url) => url.href.includes(head));
  const permalink = page.url();
  await page.goto(permalink);
  assert.match(await page.locator("[data-code]").innerText(), /static int channel_open/);
});

test("the branch picker leads to the file's other states", async () => {
  await search("channel_open file:channel.c");
  await page.locator("article.hit a.open").first().click();
  await page.locator(".crumbs details summary").click();
  await shot("branches");
  await page.locator(".crumbs details a", { hasText: "feature/lantern" }).click();
  await page.locator("[data-code]").waitFor();
  assert.match(await page.locator("nav.side").innerText(), /lantern\.rs/);
});

test("hostile names and content stay text", async () => {
  let dialog = false;
  page.on("dialog", (opened) => { dialog = true; void opened.dismiss(); });
  await search("alert file:onerror");
  await page.locator("article.hit a.open").first().click();
  await page.locator("[data-code]").waitFor();
  assert.match(await page.locator("[data-code]").innerText(), /<script>alert\(1\)<\/script>/);
  await search('"<script>alert(2)</script>"');
  assert.equal(dialog, false, "a script of the code or the query ran");
});

test("a binary file is offered, not shown", async () => {
  await search("type:path logo.png");
  await page.locator("article.hit a.open").first().click();
  await page.getByRole("link", { name: /download/i }).waitFor();
  await shot("binary");
  await accessible();
});

test("a file of 5,000 lines is read, and its last line can be linked to", async () => {
  await search("row_4999");
  await page.locator("article.hit a.open").first().click();
  await page.locator("[data-code]").waitFor();
  const line = page.locator("#L5000");
  await line.waitFor();
  await shot("big-file");
});

test("keys: slash, j, Enter, question mark", async () => {
  await search("channel_open");
  await page.locator("body").press("/");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("name")), "q");
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await shot("help");
  await page.keyboard.press("Escape");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.locator("[data-code]").waitFor();
});

test("everything works without JavaScript", async () => {
  const state = await context.storageState();
  const plain = await watch(await browser.newContext({ javaScriptEnabled: false, storageState: state }));
  const still = await plain.newPage();
  await still.goto(world.base);
  await still.getByLabel("Search code").fill("channel_open");
  await still.getByLabel("Search code").press("Enter");
  await still.locator("article.hit").first().waitFor();
  assert.match(await still.locator(".summary").innerText(), /lines? in .*files?/);
  await shot("search-plain", still);
  await still.locator("article.hit a.open").first().click();
  await still.locator("[data-code]").waitFor();
  await plain.close();
});

test("dark, and on a telephone", async () => {
  const state = await context.storageState();
  const dark = await watch(await browser.newContext({ colorScheme: "dark", viewport: { width: 1280, height: 900 }, storageState: state }));
  const night = await dark.newPage();
  await search("channel_open", night);
  await shot("search-dark", night);
  await accessible(night);
  await night.locator("article.hit a.open").first().click();
  await night.locator("[data-code]").waitFor();
  await shot("file-dark", night);
  await accessible(night);
  await dark.close();
  const phone = await watch(await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, storageState: state }));
  const small = await phone.newPage();
  for (const [name, go] of [
    ["home-phone", () => small.goto(world.base)],
    ["search-phone", () => search("channel_open", small)],
    ["repos-phone", () => small.goto(`${world.base}/repos`)],
    ["file-phone", () => small.locator("article.hit a.open").first().click()],
  ]) {
    if (name === "file-phone") await search("channel_open", small);
    await go();
    await small.locator("main").waitFor();
    await shot(name, small);
    const overflow = await small.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${name} scrolls sideways by ${overflow} px`);
  }
  await phone.close();
});

test("pages are light: at most 100 kB of HTML, CSS and JavaScript, compressed", async () => {
  const fresh = await browser.newContext({ storageState: await context.storageState() });
  const cold = await fresh.newPage();
  for (const path of ["/", "/repos", "/search?q=channel_open"]) {
    const session = await fresh.newCDPSession(cold);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
    let bytes = 0;
    session.on("Network.loadingFinished", (event) => (bytes += event.encodedDataLength));
    await cold.goto(world.base + path, { waitUntil: "networkidle" });
    console.log(`${path}: ${bytes} bytes`);
    assert.ok(bytes > 0 && bytes <= 100_000, `${path} weighs ${bytes} bytes`);
    await session.detach();
  }
  await fresh.close();
});

test("no page asks another host for anything", () => {
  assert.deepEqual(strangers, []);
});

test("after signing out nothing is readable", async () => {
  await page.goto(world.base);
  await page.locator("details.menu summary", { hasText: "ada" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/sign-in/);
  await shot("sign-in");
  await accessible();
  for (const path of ["/search?q=channel_open", "/repos", "/"]) {
    await page.goto(world.base + path);
    assert.match(page.url(), /sign-in/, path);
  }
  const answer = await page.request.get(`${world.base}/api/v1/search?q=channel_open`);
  assert.equal(answer.status(), 401);
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password").fill("wrong password, certainly");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${world.base}/`);
});
