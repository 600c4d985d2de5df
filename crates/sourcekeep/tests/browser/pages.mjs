// Every other page and kind of result, in light and dark, wide and narrow: contexts, exports, counts, why, commits, errors.
// Started by `cargo xtask browser`, beside the tour.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Looker, accessible, launch, shot, signedIn } from "./kit.mjs";
import { index } from "./scip.mjs";
import { start, waitFor } from "./world.mjs";

let world, browser, state, looker, page;

before(async () => {
  world = await start(process.env.TOUR_BINARY);
  browser = await launch();
  state = await signedIn(browser, world);
  looker = await Looker.open(browser, world.base, state);
  page = looker.pages.light;
});

after(async () => {
  await browser?.close();
  await world?.stop();
});

const query = (text) => `/search?q=${encodeURIComponent(text)}`;
const main = (on = page) => on.locator("main").innerText();

test("contexts: none, made, a name that is taken, a condition that is none, changed", async () => {
  await looker.look("contexts-empty", "/contexts");
  assert.match(await main(), /No search context yet/);
  await page.getByLabel("Name", { exact: true }).fill("@ada/channels");
  await page.getByLabel("Description", { exact: true }).fill("What carries frames");
  await page.getByLabel("Conditions", { exact: true }).fill("repo:^harbor$ lang:c");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("link", { name: "@ada/channels", exact: true }).waitFor();
  await looker.look("contexts", "/contexts");
  assert.match(await main(), /What carries frames/);

  await page.getByLabel("Name", { exact: true }).fill("@ada/channels");
  await page.getByLabel("Conditions", { exact: true }).fill("repo:anchor");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  await looker.judge("contexts-taken", page);
  const name = page.getByLabel("Name", { exact: true });
  assert.equal(await name.getAttribute("aria-invalid"), "true");
  assert.match(await page.locator("#context-name-fault").innerText(), /already/);
  assert.equal(await page.getByLabel("Conditions", { exact: true }).inputValue(), "repo:anchor", "what was typed is lost");

  await name.fill("@ada/other");
  await page.getByLabel("Conditions", { exact: true }).fill("repo:anchor )");
  await page.getByRole("button", { name: "Save" }).click();
  await page.locator("#context-query-fault").waitFor();
  await looker.judge("contexts-fault", page);

  await looker.look("contexts-edit", "/contexts?edit=@ada/channels");
  await page.getByLabel("Description", { exact: true }).fill("What carries frames and lanterns");
  await page.getByLabel("Repositories", { exact: true }).fill("tools/anchor@main");
  await page.getByLabel(/Public:/).check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("and lanterns").waitFor();
  assert.match(await main(), /everybody/);
});

test("the chooser puts a context into the query, with and without JavaScript", async () => {
  await page.goto(world.base + query("channel_open"));
  const chooser = page.getByRole("button", { name: /Search context/ });
  assert.match(await chooser.innerText(), /global/);
  await chooser.focus();
  await page.keyboard.press("Enter");
  const menu = page.getByRole("group", { name: "Search contexts" });
  await menu.waitFor();
  await looker.judge("chooser", page, "header");
  await page.keyboard.press("Escape");
  assert.equal(await menu.isVisible(), false);
  assert.equal(await chooser.evaluate((button) => button === document.activeElement), true);
  await page.keyboard.press("Enter");
  await menu.waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(/context/);
  assert.equal(await page.getByLabel("Search code").inputValue(), "context:@ada/channels channel_open");
  assert.match(await chooser.innerText(), /@ada\/channels/);
  await looker.look("chosen", query("context:@ada/channels channel_open"));
  const paths = await page.locator("article.hit h2").allInnerTexts();
  assert.ok(paths.some((path) => path.includes("channel.c")) && !paths.some((path) => path.includes("channel_test.py")), paths.join(", "));

  await page.goto(world.base);
  await page.locator("main").getByRole("button", { name: /Search context/ }).click();
  await page.getByRole("button", { name: "@ada/channels" }).click();
  assert.equal(await page.getByLabel("Search code").inputValue(), "context:@ada/channels ");

  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: state });
  const still = await plain.newPage();
  await still.goto(world.base + query("channel_open"));
  await still.getByLabel("Search code").fill("channel_open file:c");
  await still.getByRole("button", { name: /Search context/ }).click();
  await still.locator(".choices").waitFor();
  await shot(still, "chooser-plain");
  await still.locator(".choices").getByRole("link", { name: "@ada/channels" }).click();
  assert.equal(await still.getByLabel("Search code").inputValue(), "context:@ada/channels channel_open file:c");
  await still.getByRole("button", { name: /Search context/ }).click();
  await still.locator(".choices").getByRole("link", { name: "global" }).click();
  assert.equal(await still.getByLabel("Search code").inputValue(), "channel_open file:c");
  await plain.close();
});

test("a context is deleted after it was asked", async () => {
  await page.goto(`${world.base}/contexts?edit=@ada/channels`);
  await page.getByText("Delete this context").click();
  await looker.judge("contexts-delete", page);
  await page.getByRole("button", { name: "Delete @ada/channels" }).click();
  await page.getByText("No search context yet").waitFor();
  await page.goto(world.base + query("context:@ada/channels channel_open"));
  assert.match(await page.getByRole("alert").innerText(), /no search context/);
});

test("exports: none, asked for, done, downloaded, refused, deleted", async () => {
  await looker.look("exports-empty", "/exports");
  assert.match(await main(), /No export yet/);
  await page.getByLabel("Query").fill("channel_open");
  await page.getByLabel("Format").selectOption("csv");
  await page.getByRole("button", { name: "Export all" }).click();
  await page.getByRole("link", { name: "Download" }).waitFor({ timeout: 30_000 });
  await looker.look("exports", "/exports");
  assert.match(await main(), /channel_open/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download" }).click()]);
  assert.match(readFileSync(await download.path(), "utf8"), /channel\.c/);
  await page.getByLabel("Query").fill("(channel_open");
  await page.getByRole("button", { name: "Export all" }).click();
  await page.getByRole("alert").waitFor();
  await looker.judge("exports-fault", page);
  await page.getByRole("button", { name: /Delete this export/ }).click();
  await page.getByText("No export yet").waitFor();
});

test("counts: nothing asked, by language, by group, a query that is none", async () => {
  await looker.look("counts-empty", "/aggregate");
  await looker.look("counts", "/aggregate?q=channel_open&by=lang");
  assert.match(await main(), /Python/);
  await looker.look("counts-group", `/aggregate?q=${encodeURIComponent("/channel_(\\w+)/")}&by=capture_group`);
  assert.match(await main(), /open/);
  await looker.look("counts-nothing", "/aggregate?q=nowhere_to_be_found&by=repo");
  await looker.look("counts-contradiction", "/aggregate?q=lang:go+lang:rust&by=repo");
  await looker.look("counts-fault", "/aggregate?q=(channel_open&by=repo", { expect: 400 });
});

test("why: nothing asked, found, left out by a word, not in this revision, no such repository", async () => {
  await looker.look("why-empty", "/why");
  await looker.look("why-found", "/why?repo=harbor&path=src/channel.c&q=channel_open");
  assert.match(await main(), /Open it/);
  await looker.look("why-left-out", "/why?repo=harbor&path=src/channel.c&q=channel_open+lang:python");
  await looker.look("why-not-there", "/why?repo=harbor&path=src/lantern.rs");
  await looker.look("why-unknown", "/why?repo=nowhere&path=README.md");
});

test("commits, changes and the page of a commit", async () => {
  await looker.look("results-commit", query("type:commit book"));
  assert.match(await main(), /1 commit/);
  await looker.look("results-diff", query("type:diff harbor"));
  await page.goto(world.base + query("type:commit book"));
  await page.locator("article.hit a.open").first().click();
  await page.locator(".commit-page").waitFor();
  await looker.look("commit", new URL(page.url()).pathname);
  assert.match(await main(), /Nobody else may write in it/);
  await looker.look("history", "/r/harbor/-/commits");
  await looker.look("history-file", "/r/harbor/-/log/src/channel.c");
  // Code has the same colours wherever it stands: strings and fields, too.
  const colours = () => page.evaluate(() => ["s", "p", "k"].map((kind) => {
    const one = document.querySelector(`.code td.c .${kind}`);
    return one && `${kind} ${getComputedStyle(one).color}`;
  }));
  await page.goto(`${world.base}/r/harbor/-/blob/src/channel.c`);
  const inFile = await colours();
  assert.equal(new Set(inFile.map((one) => one.slice(2))).size, 3, inFile.join());
  await looker.look("blame", "/r/harbor/-/blame/src/channel.c");
  assert.deepEqual(await colours(), inFile);
  await looker.look("repository", "/r/harbor");
  await looker.look("document", "/r/harbor/-/blob/README.md?view=rendered");
  await looker.look("notebook", "/r/harbor/-/blob/docs/tides.ipynb?view=rendered");
  assert.equal(await page.locator(".cell img.out").evaluate((/** @type {HTMLImageElement} */ image) => image.decode().then(() => image.naturalWidth)), 32);
  await looker.look("outline", "/r/harbor/-/blob/src/channel.c?outline=1");
  await looker.look("branches", "/r/harbor/-/branches");
  await looker.look("tags", "/r/harbor/-/branches?kind=tags");
  await looker.look("contributors", "/r/harbor/-/contributors");
  await looker.look("contributors-path", "/r/harbor/-/contributors/src");
  await looker.look("contributors-nobody", "/r/harbor/-/contributors?since=2200-01-01");
  await looker.look("compare-empty", "/r/harbor/-/compare");
  const older = (await (await page.request.get(`${world.base}/api/v1/repos/harbor/-/commits`)).json()).commits.at(-1).commit;
  await looker.look("compare", `/r/harbor/-/compare/${older}...main`);
  await looker.look("compare-split", `/r/harbor/-/compare/${older}...main?view=split&w=1`);
  await looker.look("compare-same", "/r/harbor/-/compare/main...main");
  await looker.look("history-nothing", "/r/harbor/-/commits?author=nobody");
});

test("the definition that is being read stays in sight", async () => {
  await page.setViewportSize({ width: 1280, height: 320 });
  await page.goto(`${world.base}/r/harbor/-/blob/src/channel.c`);
  const outline = await (await page.request.get(`${world.base}/api/v1/repos/harbor/-/outline/src/channel.c`)).json();
  const long = outline.symbols.find((one) => one.end_line - one.line >= 4);
  assert.ok(long, "no definition of some lines");
  const moved = await page.evaluate(async (line) => {
    const row = document.getElementById(`L${line}`);
    const before = row.offsetTop;
    scrollTo(0, row.getBoundingClientRect().top + scrollY - document.querySelector("header.bar").offsetHeight + 2);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return row.offsetTop - before;
  }, long.line + 1);
  const link = page.getByRole("navigation", { name: "Enclosing definitions" }).getByRole("link").last();
  await link.waitFor();
  assert.equal(moved, 0, "the code makes room");
  assert.match(await link.innerText(), new RegExp(long.name));
  assert.equal(await link.getAttribute("href"), `#L${long.line}`);
  await looker.judge("scope", page, "nav.scope");
  await page.evaluate(() => scrollTo(0, 0));
  await link.waitFor({ state: "hidden" });
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("names in code: the card, its key, the page of references", async () => {
  await page.goto(`${world.base}/r/harbor/-/blob/src/channel.c`);
  const spot = await page.evaluate(() => {
    for (const cell of document.querySelectorAll("td.c")) {
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node instanceof Text; node = walker.nextNode()) {
        const at = node.data.indexOf("channel_open");
        if (at < 0 || node.parentElement?.closest(".m, .s")) continue;
        cell.scrollIntoView({ block: "center" });
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 12);
        const box = range.getBoundingClientRect();
        return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
      }
    }
    return null;
  });
  assert.ok(spot, "the file has the name");
  await page.mouse.move(spot.x, spot.y + 200);
  await page.mouse.move(spot.x, spot.y);
  const card = page.locator(".hover-card:not([hidden])");
  await card.waitFor();
  assert.match(await card.innerText(), /channel_open[\s\S]*src\/channel.c:\d+[\s\S]*in scope/);
  await page.keyboard.press("r");
  await page.waitForURL(/-\/references\//);
  assert.equal(await page.locator("h1").innerText(), "channel_open");
  const { pathname, search } = new URL(page.url());
  await looker.look("references", pathname + search);
  await looker.look("references-nothing", "/r/harbor/-/references/src/channel.c?line=1&column=999");
  const around = pathname.replace("/references/", "/graph/") + search;
  await looker.look("graph", around);
  const boxes = page.locator(".drawing svg a");
  assert.ok((await boxes.count()) > 1, "the picture has what calls it");
  assert.match(await main(), /Callers, 1 step away[\s\S]*calls channel_open in line \d+/);
  await boxes.last().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/-\/blob\/.*#L\d+/);
  await looker.look("precise-none", "/r/harbor/-/precise");
  assert.match(await main(), /No index yet[\s\S]*curl/);
  await looker.look("graph-no-chain", `${around}&to=nothing_of_that_name`);
  assert.match(await main(), /Nothing of that name/);
});

test("precise indexes: one that answers, one on its way, one that is refused; pages say precise", async () => {
  const commit = world.harbor.git("rev-parse", "HEAD");
  const before = world.harbor.git("rev-parse", "HEAD~1");
  const symbol = "cxx . . . channel_open(1).";
  const documents = { "src/channel.c": [[9, 11, 23, symbol, true], [20, 13, 25, symbol, false]] };
  const said = { [symbol]: ["```c\nstatic int channel_open(struct channel *channel, const char *name)\n```", "Opens a channel by its name."] };
  const create = ["token", "create", "--user", "ada", "--verbs", "read,write", "--quiet", "--data", `${world.folder}/data`];
  const token = execFileSync(process.env.TOUR_BINARY ?? "", create, { env: { ...process.env, HOME: world.folder } }).toString().trim();
  const send = async (method, target, body) =>
    (await fetch(world.base + target, { method, body, headers: { authorization: `token ${token}` } })).status;
  const native = "/api/v1/repos/harbor/-/precise?commit=";
  await page.goto(`${world.base}/r/harbor/-/precise`);
  assert.equal(await send("PUT", native + commit, index(documents, said)), 202);
  assert.equal(await send("PUT", `${native}${before}&root=docs`, Buffer.from("not an index at all")), 202);
  const parts = "/.api/scip/upload?repository=harbor&indexerName=scip-go&multiPart=true&numParts=3&commit=";
  assert.equal(await send("POST", parts + commit, ""), 202);
  const states = async () => (await page.reload(), await main());
  await waitFor(async () => /Ready[\s\S]*Failed|Failed[\s\S]*Ready/i.test(await states()), () => "the indexes are not taken in");
  await looker.look("precise", "/r/harbor/-/precise");
  for (const says of [/scip-clang 0\.4\.0/, /not a whole SCIP index/, /scip-go/]) assert.match(await main(), says);
  await looker.look("references-precise", "/r/harbor/-/references/src/channel.c?line=21&column=14");
  assert.match(await main(), /precise · scip-clang 0\.4\.0 · this commit[\s\S]*Opens a channel by its name/);
  await looker.look("graph-precise", "/r/harbor/-/graph/src/channel.c?line=10&column=12");
  assert.match(await main(), /calls channel_open in line 21[\s\S]*precise/);
});

test("definitions, repositories, directories, owners, code with holes", async () => {
  await looker.look("results-symbol", query("type:symbol Enter OR channel_open"));
  assert.match(await page.locator(".badge").first().innerText(), /function|method/);
  assert.match(await main(), /definitions/);
  await looker.look("results-repo", query("type:repo harbor"));
  await looker.look("results-directory", query("select:file.directory channel_open"));
  await looker.look("results-owners", query("select:file.owners channel_open"));
  assert.match(await main(), /@crew\/channels/);
  await looker.look("results-structural", query("patterntype:structural lang:go if $A { $$$ }"));
  assert.match(await main(), /errNameless/);
});

test("what is wrong with a query, and what it leaves out", async () => {
  for (const [name, text] of [
    ["fault-filter", "fiel:c channel_open"],
    ["fault-regex", "/(a+/ channel"],
    ["fault-language", "lang:pyton channel_open"],
    ["fault-kind", "select:symbol.klass Enter"],
    ["fault-hole", "patterntype:structural lang:c if ($A == :[x~[a-z]+]) { $$$ }"],
    ["fault-long", `repo:harbor (${"very_long_word_number_one ".repeat(12)}`],
  ]) {
    await looker.look(name, query(text), { expect: 400 });
    assert.ok((await page.getByRole("alert").innerText()).length > 20, text);
  }
  for (const [name, text] of [
    ["alert-languages", "lang:go lang:rust channel_open"],
    ["alert-repo-file", "type:repo file:channel harbor"],
    ["alert-dates", "type:commit after:2024-01-01 before:2023-01-01 book"],
    ["alert-revision", "rev:nowhere channel_open"],
    ["nothing", "nowhere_to_be_found case:yes"],
    ["limited", "count:1 channel_open"],
  ]) {
    await looker.look(name, query(text));
  }
  await looker.look("alert-languages", query("lang:go lang:c channel_open"));
  await page.getByRole("alert").getByRole("link").click();
  await page.locator("article.hit").first().waitFor();
  await looker.look("not-found", "/nowhere", { expect: 404 });
});

test("what was left out unfolds in place", async () => {
  await page.goto(world.base + query("count:1 channel_open"));
  await page.locator(".summary details.why summary").click();
  await accessible(page);
  await shot(page, "limited-open");
});


test("the finder: opened by the keyboard, a few letters, arrows, Enter", async () => {
  await looker.look("goto", "/goto?q=chan");
  assert.match(await main(), /src\/channel\.c/);
  await looker.look("goto-empty", "/goto?q=qqqqqqq");
  assert.match(await main(), /Nothing is called so/);
  await page.goto(world.base + "/r/harbor");
  await page.keyboard.press("Control+k");
  const box = page.getByRole("combobox", { name: "Go to" });
  await box.waitFor();
  await page.getByRole("option", { name: /Your account/ }).waitFor();
  await looker.judge("finder", page, "dialog.finder");
  await page.keyboard.type("chan.c");
  await page.getByRole("option", { name: /src\/channel\.c/ }).first().waitFor();
  assert.equal(await page.locator(".finder mark").first().isVisible(), true);
  await looker.judge("finder-found", page, "dialog.finder");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  assert.equal(await page.locator('.finder [aria-selected="true"]').count(), 1);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/r\/harbor\/-\/blob\/src\/channel\.c/);
  await page.keyboard.press("s");
  await box.waitFor();
  assert.equal(await box.inputValue(), "@");
  await page.keyboard.type("channel_open");
  await page.getByRole("option", { name: /channel_open/ }).first().waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await box.isVisible(), false);
});
