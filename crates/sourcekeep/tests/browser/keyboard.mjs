// Without the mouse: a call followed from a search result through three repositories to the commit that introduced it.
// Started by `cargo xtask browser`, beside the tour.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessible, launch, shot, signedIn } from "./kit.mjs";
import { repository, start } from "./world.mjs";

let world, browser, page;

/** Three repositories: the first calls the second, the second calls the third. */
function fleet(code) {
  repository(join(code, "fleet/captain"), {
    main: { "captain.py": "from anchor import drop_anchor\n\ndef arrive(ship):\n    return drop_anchor(ship)\n" },
  });
  repository(join(code, "fleet/anchor"), {
    main: { "anchor.py": "from winch import lower_chain\n\ndef drop_anchor(ship):\n    lower_chain(ship, 3)\n" },
  });
  const winch = repository(join(code, "fleet/winch"), {
    main: { "winch.py": "def lower(ship):\n    pass\n\ndef other():\n    pass\n" },
  });
  writeFileSync(join(code, "fleet/winch/winch.py"), "def other():\n    pass\n\ndef lower_chain(ship, n_links):\n    ship.chain -= n_links\n");
  winch.git("commit", "--quiet", "--all", "--message", "Lower the chain link by link");
  const ferry = repository(join(code, "fleet/ferry"), {
    main: {
      "ferry.py": "def board(n):\n    return n\n\ndef sail(n):\n    return board(n) + 1\n",
      "deck.pdf": Buffer.from("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>\nendobj\n", "latin1"),
      "sign.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="24"><script>document.documentElement.setAttribute("ran", "yes"); parent.document.title = "ran"</script><rect width="48" height="24" fill="#369" onload="parent.document.title = 'ran'"/></svg>\n`,
    },
  });
  writeFileSync(join(code, "fleet/ferry/ferry.py"), "def embark(n):\n    return n\n\ndef sail(n):\n    return embark(n) + 2\n");
  ferry.git("commit", "--quiet", "--all", "--message", "Embark rather than board");
  // Back and forth: a file that becomes another, and that one the first again.
  for (const [from, to] of [["ferry.py", "boat.py"], ["boat.py", "ferry.py"], ["ferry.py", "boat.py"]]) {
    ferry.git("mv", from, to);
    ferry.git("commit", "--quiet", "--all", "--message", `Call it ${to}`);
  }
}

before(async () => {
  world = await start(process.env.TOUR_BINARY, "127.0.0.1", fleet);
  browser = await launch();
  const storageState = await signedIn(browser, world, 6);
  page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, storageState })).newPage();
});

after(async () => {
  await browser?.close();
  await world?.stop();
});

const press = async (...keys) => {
  for (const key of keys) await page.keyboard.press(key);
};

/** Goes to the next name and waits until what is said of it is there. */
async function nextName(name) {
  await press(".");
  await page.waitForFunction((name) => {
    const card = document.getElementById("hover-card");
    return card && !card.hidden && card.textContent.includes(name);
  }, name);
}

test("a call is followed through three repositories to the commit that introduced it", async () => {
  await page.goto(`${world.base}/repos`);
  await press("/");
  await page.keyboard.type("drop_anchor repo:captain");
  await press("Enter");
  await page.locator(".hit").first().waitFor();
  // The import and the call: the second match.
  await press("n", "n");
  await shot(page, "keyboard-match");
  await press("Enter");
  await page.waitForURL(/fleet\/captain(@main)?\/-\/blob\/captain\.py#L4$/);
  await nextName("drop_anchor");
  await accessible(page);
  await shot(page, "keyboard-name");
  await press("d");
  await page.waitForURL(/fleet\/anchor(@main)?\/-\/blob\/anchor\.py#L3$/);
  await nextName("drop_anchor");
  await nextName("ship");
  await nextName("lower_chain");
  await press("d");
  await page.waitForURL(/fleet\/winch(@main)?\/-\/blob\/winch\.py#L4$/);
  await press("b");
  await page.waitForURL(/fleet\/winch(@main)?\/-\/blame\/winch\.py#L4$/);
  await press("j");
  await shot(page, "keyboard-blame");
  await press("Enter");
  await page.waitForURL(/-\/commit\//);
  assert.equal(await page.locator("h1").innerText(), "Lower the chain link by link");
  // And on in the difference: its changes, its names, on the side that was asked for.
  await press("j");
  assert.equal(await page.evaluate(() => document.activeElement?.closest("tr")?.className), "hunk");
  await nextName("lower");
  await shot(page, "keyboard-difference");
  await press("r");
  await page.waitForURL(/-\/references\/winch\.py\?/);
});

test("references and histories are stepped through; keys are left alone where one types", async () => {
  await page.goto(`${world.base}/r/fleet/winch/-/references/winch.py?name=lower_chain`);
  assert.equal(await page.locator("h1").innerText(), "lower_chain");
  await press("j", "j", "Enter");
  await page.waitForURL(/winch\.py#L4$/);
  await page.goto(`${world.base}/r/fleet/winch/-/commits`);
  await press("j", "j", "k", "Enter");
  await page.waitForURL(/-\/commit\//);
  assert.equal(await page.locator("h1").innerText(), "Lower the chain link by link");
  await page.goto(`${world.base}/repos`);
  await press("/");
  await page.keyboard.type("j.n,p");
  assert.equal(await page.getByLabel("Search code").inputValue(), "j.n,p");
});

test("differences: the words that changed, and names on both sides", async () => {
  const log = await (await page.request.get(`${world.base}/api/v1/repos/fleet/ferry/-/commits`)).json();
  const [before, after] = ["the state of main", "Embark rather than board"].map((subject) => log.commits.find((one) => one.subject === subject).commit);
  for (const view of ["unified", "split"]) {
    await page.goto(`${world.base}/r/fleet/ferry/-/compare/${before}...${after}?view=${view}`);
    const file = page.locator('details.diff[data-path="ferry.py"]');
    const marked = (side) => file.locator(`td.code[data-side="${side}"] b`).allInnerTexts();
    assert.deepEqual([await marked("old"), await marked("new")], [["board", "board", "1"], ["embark", "embark", "2"]], view);
    await accessible(page);
    await shot(page, `compare-words-${view}`);
    for (const [side, name, commit] of [["old", "board", before], ["new", "embark", after]]) {
      await page.goto(`${world.base}/r/fleet/ferry/-/compare/${before}...${after}?view=${view}`);
      // Where it is used, not where it is defined.
      const spot = await file.locator(`td.code[data-side="${side}"][data-line="5"] b`).first().boundingBox();
      await page.mouse.move(spot.x + spot.width / 2, spot.y + 200);
      await page.mouse.move(spot.x + spot.width / 2, spot.y + spot.height / 2);
      const card = page.locator(".hover-card:not([hidden])");
      await card.waitFor();
      assert.match(await card.innerText(), new RegExp(`${name}[^]*ferry\\.py:1`), `${view} ${side}`);
      await press("d");
      await page.waitForURL(/-\/blob\/ferry\.py#L1/);
      assert.ok(page.url().includes(commit.slice(0, 12)), `${page.url()} is of ${commit}`);
    }
  }
});

test("documents and drawings of strangers: told, shown without what they would do, offered", async () => {
  await page.goto(`${world.base}/r/fleet/ferry/-/blob/deck.pdf`);
  assert.match(await page.locator("main").innerText(), /PDF document/);
  assert.equal(await page.locator("embed, object, iframe").count(), 0, "nothing of it runs here");
  const pdf = await page.request.get(new URL(await page.getByRole("link", { name: /Download/ }).first().getAttribute("href"), world.base).href);
  assert.match(pdf.headers()["content-security-policy"], /sandbox/);
  assert.match(pdf.headers()["content-disposition"], /^attachment/);
  await accessible(page);
  await shot(page, "pdf");
  // A drawing is text first, and a picture where that is asked for.
  await page.goto(`${world.base}/r/fleet/ferry/-/blob/sign.svg`);
  await page.getByRole("navigation", { name: "Ways to look at this file" }).getByRole("link", { name: /Picture|Rendered/ }).click();
  const drawing = page.locator(".picture img");
  const width = () => drawing.evaluate((/** @type {HTMLImageElement} */ image) => image.decode().then(() => image.naturalWidth));
  assert.equal(await width(), 48);
  assert.doesNotMatch(await page.title(), /^ran/);
  await accessible(page);
  await shot(page, "svg");
  // By itself it is kept, not opened, and could run nothing.
  const alone = await page.request.get(new URL(await drawing.getAttribute("src"), world.base).href);
  assert.match(alone.headers()["content-disposition"], /^attachment/);
  assert.match(alone.headers()["content-security-policy"], /default-src 'none'[^]*sandbox$/);
});

test("a file that was renamed back and forth has one history, and says under which names", async () => {
  await page.goto(`${world.base}/r/fleet/ferry/-/log/boat.py`);
  const text = await page.locator("main").innerText();
  const told = [...text.matchAll(/Call it \w+\.py|Embark rather than board|the state of main/g)].map(([subject]) => subject);
  assert.deepEqual(told, ["Call it boat.py", "Call it ferry.py", "Call it boat.py", "Embark rather than board", "the state of main"], text);
  assert.match(text, /ferry\.py/);
  await accessible(page);
  await shot(page, "history-renamed");
});
