// Signing in at an identity provider, with a real browser at both: nobody, somebody new, linked, signed out there, too; proving
// anew; and what administrators see and change. Started by `cargo xtask browser`, beside the tour.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Looker, PASSWORD, launch, signedIn } from "./kit.mjs";
import { provider } from "./provider.mjs";
import { start } from "./world.mjs";

const BOB = "four unrelated lanterns here";
let corp, world, browser, looker, ada, bob;

before(async () => {
  corp = await provider();
  world = await start(process.env.TOUR_BINARY, "127.0.0.1", undefined, corp.config);
  browser = await launch();
  const state = await signedIn(browser, world);
  looker = await Looker.open(browser, world.base, state);
  ada = looker.pages.light;
});

after(async () => {
  await browser?.close();
  await world?.stop();
  corp?.stop();
});

const open = async (options = {}) => (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
const main = (on) => on.locator("main").innerText();
const isThere = (page) => page.getByRole("heading", { name: "Who are you?" }).waitFor();
const button = (page, name) => page.getByRole("button", { name, exact: true });

/** Presses the provider's button on the page of signing in. */
async function go(page) {
  await page.goto(`${world.base}/sign-in`);
  await page.getByRole("button", { name: /Corp/ }).click();
}

async function signOut(page, name) {
  await page.goto(world.base);
  await page.locator("details.menu summary", { hasText: name }).click();
  await button(page, "Sign out").click();
  await page.waitForURL(/sign-in/);
}

test("somebody without an account here is told so, and whoever says no comes back", async () => {
  const page = await open();
  await page.goto(`${world.base}/sign-in`);
  await looker.judgeAll("provider-button", page);
  await go(page);
  await isThere(page);
  await button(page, "Never mind").click();
  await page.getByRole("alert").waitFor();
  await looker.judgeAll("provider-declined", page);
  await go(page);
  await button(page, "mallory").click();
  await page.getByRole("alert").waitFor();
  assert.ok(page.url().startsWith(world.base), page.url());
  await looker.judgeAll("provider-nobody", page);
  await page.goto(`${world.base}/account`);
  assert.match(page.url(), /sign-in/);
  await page.context().close();
});

test("a password's account is linked, signs in there without a question, and without a script", async () => {
  await ada.goto(`${world.base}/admin/users`);
  await ada.getByLabel("User name").fill("bob");
  await button(ada, "Make a link").click();
  const path = new URL((await ada.locator(".alert pre").innerText()).trim()).pathname;
  bob = await open();
  await bob.goto(world.base + path);
  await looker.judgeAll("provider-invitation", bob);
  await bob.getByLabel("Password", { exact: false }).first().fill(BOB);
  await bob.getByLabel("Password, again").fill(BOB);
  await bob.getByRole("button", { name: /Set password/ }).click();
  await bob.waitForURL(`${world.base}/`);
  await bob.goto(`${world.base}/account`);
  await looker.judgeAll("account-not-linked", bob);
  await button(bob, "Link Corp").click();
  await isThere(bob);
  await button(bob, "bobby").click();
  await bob.getByText("Linked with bobby").waitFor();
  assert.match(bob.url(), /\/account\?done=linked/);
  await looker.judgeAll("account-linked", bob);
  const n_asked = corp.state.asked;
  await bob.context().clearCookies({ domain: "127.0.0.1" });
  await go(bob);
  await bob.waitForURL(`${world.base}/`);
  await bob.locator("details.menu summary", { hasText: "bob" }).waitFor();
  assert.equal(corp.state.asked, n_asked, "the provider knew them");
  const still = await open({ javaScriptEnabled: false });
  await go(still);
  await isThere(still);
  await button(still, "bobby").click();
  await still.waitForURL(`${world.base}/`);
  await still.context().close();
});

test("signing out here offers to sign out there, and then it asks again", async () => {
  await signOut(bob, "bob");
  const there = button(bob, "Sign out of Corp, too");
  await there.waitFor();
  await looker.judgeAll("signed-out-here", bob);
  await there.click();
  await bob.waitForURL(`${world.base}/sign-in`);
  assert.equal(await there.count(), 0);
  await go(bob);
  await isThere(bob);
  await button(bob, "bobby").click();
  await bob.waitForURL(`${world.base}/`);
});

test("a verified domain makes an account, which proves itself there for what is sensitive", async () => {
  const dora = await open();
  await go(dora);
  await button(dora, "dora").click();
  await dora.locator("details.menu summary", { hasText: "dora" }).waitFor();
  await dora.context().clearCookies({ domain: "127.0.0.1" });
  // The provider lets her in as of an hour ago: that is no proof that she sits there.
  await go(dora);
  await dora.waitForURL(`${world.base}/`);
  await dora.goto(`${world.base}/account/tokens`);
  await dora.getByLabel("What it is for").fill("the editor");
  await button(dora, "Make token").click();
  await dora.waitForURL(/step-up/);
  await looker.judgeAll("provider-step-up", dora);
  await dora.getByRole("button", { name: /Corp/ }).click();
  await isThere(dora);
  await button(dora, "dora").click();
  await dora.waitForURL(/account\/tokens/);
  await dora.getByLabel("What it is for").fill("the editor");
  await button(dora, "Make token").click();
  await dora.getByText(/sk_/).first().waitFor();
});

test("administrators see, unlink and link a person's accounts there", async () => {
  await looker.look("person-linked", "/admin/users/bob");
  const section = ada.getByRole("region", { name: "Identity providers" });
  assert.match(await section.innerText(), /bobby, 4711, linked/);
  await button(ada, "Unlink the account at Corp").click();
  await ada.getByRole("status").first().waitFor();
  assert.doesNotMatch(await section.innerText(), /4711/);
  await bob.goto(`${world.base}/account`);
  assert.match(bob.url(), /sign-in/, "the session that began there ended");
  await go(bob);
  await bob.getByRole("alert").waitFor();
  assert.match(await main(bob), /account/i);
  // Somebody else's is refused in words.
  await ada.getByLabel("Identifier there (sub)").fill("4712");
  await button(section, "Link").click();
  await ada.getByRole("alert").waitFor();
  assert.match(await main(ada), /belongs to another person/);
  await looker.judgeAll("person-link-refused", ada);
  await ada.goto(`${world.base}/admin/users/bob`);
  await ada.getByLabel("Identifier there (sub)").fill("4711");
  await button(section, "Link").click();
  await ada.getByRole("status").first().waitFor();
  await looker.judgeAll("person-linked-by-identifier", ada);
  await go(bob);
  await bob.waitForURL(`${world.base}/`);
  await ada.goto(`${world.base}/admin/audit?act=user.identity`);
  assert.match(await main(ada), /user\.identity\.link[\s\S]*bob/);
});

test("a provider that answers no more is told in words, and passwords go on", async () => {
  corp.state.isDown = true;
  const page = await open();
  await go(page);
  await button(page, "bobby").click();
  await page.getByRole("alert").waitFor();
  await looker.judgeAll("provider-down", page);
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password").fill(PASSWORD);
  await button(page, "Sign in").click();
  await page.waitForURL(`${world.base}/`);
  corp.state.isDown = false;
});
