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
}

before(async () => {
  world = await start(process.env.TOUR_BINARY, "127.0.0.1", fleet);
  browser = await launch();
  const storageState = await signedIn(browser, world, 5);
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
