// Accounts as people have them: the first one, invitations, resets, second factors, passkeys, lock-out, sessions.
// Started by `cargo xtask browser`, beside the tour.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { Looker, PASSWORD, accessible, launch, setUp, shot } from "./kit.mjs";
import { start } from "./world.mjs";

// Browsers make passkeys for `localhost`, not for an address.
let world, browser, looker, ada;
const BOB = "four unrelated lanterns here";
const NEW = "five unrelated anchors there";

before(async () => {
  world = await start(process.env.TOUR_BINARY, "localhost");
  browser = await launch();
  looker = await Looker.open(browser, world.base);
});

after(async () => {
  await browser?.close();
  await world?.stop();
});

const open = async () => (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
const main = (on) => on.locator("main").innerText();

/** The code of RFC 6238 for a key in base32, some steps of 30 s from now. */
function code(key, steps = 0) {
  const bits = [...key.replace(/[\s=]/g, "")].map((char) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(char).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const moment = Buffer.alloc(8);
  moment.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", bytes).update(moment).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function signIn(page, name, password) {
  await page.goto(`${world.base}/sign-in`);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

async function signOut(page, name) {
  await page.goto(world.base);
  await page.locator("details.menu summary", { hasText: name }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/sign-in/);
}

/** An address of a one-time link, as the page of the administration shows it. */
async function linkOn(page) {
  const url = (await page.locator(".alert pre").innerText()).trim();
  return new URL(url).pathname;
}

async function setPassword(page, path, password) {
  await page.goto(world.base + path);
  await page.getByLabel("Password", { exact: false }).first().fill(password);
  await page.getByLabel("Password, again").fill(password);
  await page.getByRole("button", { name: /Set password/ }).click();
}

test("the first account", async () => {
  await looker.look("setup", new URL(world.link).pathname);
  ada = await open();
  await ada.goto(world.link);
  await setUp(ada);
  await looker.look("sign-in", "/sign-in");
});

let bob, key, codes;

test("an invitation is handed over, and taken once", async () => {
  await ada.goto(`${world.base}/admin/users`);
  await ada.getByLabel("User name").fill("bob");
  await ada.getByRole("button", { name: "Make a link" }).click();
  await looker.judgeAll("invitation-made", ada);
  const path = await linkOn(ada);
  await looker.look("invitation", path);
  bob = await open();
  await setPassword(bob, path, "too short");
  await setPassword(bob, path, BOB);
  await bob.waitForURL(`${world.base}/`);
  const again = await open();
  assert.equal((await again.goto(world.base + path)).status(), 404);
});

test("an authenticator app is enrolled and asked for", async () => {
  await bob.goto(`${world.base}/account`);
  await bob.getByRole("button", { name: "Set up" }).click();
  await bob.locator("[data-key]").waitFor();
  await looker.judgeAll("totp-enrol", bob);
  key = await bob.locator("[data-key]").innerText();
  await bob.getByRole("textbox", { name: "Code" }).fill("000000");
  await bob.getByRole("button", { name: "Confirm" }).click();
  await bob.getByRole("alert").waitFor();
  await bob.getByRole("textbox", { name: "Code" }).fill(code(await bob.locator("[data-key]").innerText()));
  key = await bob.locator("[data-key]").innerText();
  await bob.getByRole("button", { name: "Confirm" }).click();
  await bob.locator(".codes").waitFor();
  await looker.judgeAll("recovery-codes", bob);
  codes = await bob.locator(".codes code").allInnerTexts();
  assert.ok(codes.length >= 8, codes.length);
  await bob.getByRole("link", { name: "I have kept them" }).click();
  await bob.goto(`${world.base}/account`);
  await looker.judgeAll("account-totp", bob);

  const other = await open();
  await signIn(other, "bob", BOB);
  await other.waitForURL(/second/);
  await looker.judgeAll("second-factor", other);
  await other.getByLabel("Code for bob").fill("000000");
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.getByRole("alert").waitFor();
  await accessible(other);
  await other.getByLabel("Code for bob").fill(code(key, 1));
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.waitForURL(`${world.base}/`);
  await other.context().close();
});

test("a reset link replaces the password, and not the second factor", async () => {
  await ada.goto(`${world.base}/admin/users/bob`);
  await looker.judgeAll("user", ada);
  await ada.getByRole("button", { name: "Make a reset link" }).click();
  const path = await linkOn(ada);
  await looker.look("reset", path);
  const page = await open();
  await setPassword(page, path, NEW);
  await page.waitForURL(/second/);
  await page.getByLabel("Code for bob").fill(codes[0]);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.waitForURL(`${world.base}/`);
  await bob.goto(`${world.base}/account`);
  assert.match(bob.url(), /sign-in/, "the other session ended");
  bob = page;
});

test("sessions are listed and ended", async () => {
  const other = await open();
  await signIn(other, "bob", NEW);
  await other.getByLabel("Code for bob").fill(codes[1]);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.waitForURL(`${world.base}/`);
  await bob.goto(`${world.base}/account/sessions`);
  await looker.judgeAll("sessions", bob);
  await bob.getByRole("button", { name: "End all others" }).click();
  await bob.getByRole("status").waitFor();
  await other.goto(`${world.base}/account`);
  assert.match(other.url(), /sign-in/);
});

test("guessing is slowed down, and says so", async () => {
  const guesser = await open();
  for (let n = 0; n < 30; n += 1) {
    const answered = guesser.waitForResponse((answer) => answer.request().method() === "POST");
    await signIn(guesser, "nobody", `guess number ${n} of many`);
    if ((await answered).status() === 429) break;
  }
  await guesser.getByText(/too many/i).first().waitFor();
  await looker.judgeAll("locked-out", guesser);
  // Whoever is guessed at is let in as before.
  await signOut(bob, "bob");
  await signIn(bob, "bob", NEW);
  await bob.waitForURL(/second/);
});

/** An authenticator within the browser of a page. */
async function authenticator(page, options = {}) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true, ...options,
    },
  });
  return { session, authenticatorId };
}

test("a passkey is registered, signs in alone and beside the password, and no other does", async () => {
  const { session, authenticatorId } = await authenticator(ada);
  await ada.goto(`${world.base}/account`);
  await ada.getByLabel("Name of the new passkey").fill("the laptop");
  await ada.getByRole("button", { name: "Register" }).click();
  await ada.getByText(/Passkey: the laptop|Recovery codes/).first().waitFor();
  await ada.goto(`${world.base}/account`);
  await ada.getByText("Passkey: the laptop").waitFor();
  await looker.judgeAll("account-passkey", ada);
  const { credentials } = await session.send("WebAuthn.getCredentials", { authenticatorId });
  assert.equal(credentials.length, 1);

  // Alone, without the password.
  await signOut(ada, "ada");
  await looker.judgeAll("sign-in-passkey", ada);
  await ada.getByRole("button", { name: "Sign in with a passkey" }).click();
  await ada.waitForURL(`${world.base}/`);

  // Beside the password.
  await signOut(ada, "ada");
  await signIn(ada, "ada", PASSWORD);
  await ada.waitForURL(/second/);
  await ada.getByRole("button", { name: "Use a passkey" }).click();
  await ada.waitForURL(`${world.base}/`);

  // Another one does not.
  const thief = await open();
  await authenticator(thief);
  await signIn(thief, "ada", PASSWORD);
  await thief.waitForURL(/second/);
  await thief.getByRole("button", { name: "Use a passkey" }).click();
  await thief.getByText(/passkey/i).first().waitFor();
  await thief.waitForTimeout(300);
  assert.match(thief.url(), /second/);
  await shot(thief, "passkey-refused");
  await thief.goto(`${world.base}/sign-in`);
  // What is in a stolen authenticator is of no use without the finger.
  await session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
  await signOut(ada, "ada");
  await ada.getByRole("button", { name: "Sign in with a passkey" }).click();
  await ada.waitForTimeout(300);
  assert.match(ada.url(), /sign-in/);
});
