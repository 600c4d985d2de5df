// A hub's pages in a real browser: nothing yet, then a feed, pings of five servers, and a server that made itself known. Started by
// `cargo xtask browser`, beside the tour.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Looker, launch } from "./kit.mjs";
import { freePort, waitFor } from "./world.mjs";

const binary = process.env.TOUR_BINARY;
let folder, hub, told, base, key, token, browser, looker;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sourcekeep-hub-"));
  const port = await freePort();
  hub = spawn(binary, ["hub", "serve", "--data", join(folder, "hub"), "--listen", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HOME: folder },
  });
  told = "";
  for (const stream of [hub.stdout, hub.stderr]) stream.on("data", (bytes) => (told += bytes));
  token = await waitFor(() => told.match(/skh_[0-9a-f]+/)?.[0], () => `no token was printed:\n${told}`);
  key = told.match(/sourcekeep-[0-9a-f]+\/hub\+\S+/)[0];
  base = `http://127.0.0.1:${port}`;
  browser = await launch();
  looker = await Looker.open(browser, base);
});

after(async () => {
  await browser?.close();
  const gone = new Promise((resolve) => hub.once("exit", resolve));
  hub.kill("SIGTERM");
  await gone;
  rmSync(folder, { recursive: true, force: true });
});

const main = () => looker.pages.light.locator("main").innerText();
const sourcekeep = (...words) => execFileSync(binary, words, { env: { ...process.env, HOME: folder }, stdio: "pipe" }).toString();

test("a hub says what it is, and what it publishes", async () => {
  await looker.look("hub-empty", "/");
  assert.match(await main(), /A hub[^]*Nothing yet/);
  assert.ok((await main()).includes(key));
  const affected = [{ package: { ecosystem: "crates.io", name: "lantern" } }];
  const advisories = [{ id: "EX-1", modified: "2026-01-02T03:04:05Z", summary: "The lantern burns", affected }];
  writeFileSync(join(folder, "advisories.json"), JSON.stringify({ advisories }));
  sourcekeep("hub", "publish", "--data", join(folder, "hub"), "advisories", join(folder, "advisories.json"));
  const page = await looker.look("hub", "/");
  assert.match(await main(), /advisories signature[^]*all of it in one file/);
  const file = await page.request.get(base + (await page.getByRole("link", { name: "advisories" }).getAttribute("href")));
  assert.equal((await file.json()).advisories[0].id, "EX-1");
});

test("pings are shown together, and none alone", async () => {
  await looker.look("hub-no-pings", "/aggregates");
  assert.match(await main(), /Nothing to show/);
  const monday = new Date(Date.now() - ((new Date().getUTCDay() + 6) % 7) * 86_400_000);
  const thursday = new Date(monday.getTime() + 3 * 86_400_000);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = `${thursday.getUTCFullYear()}-W${String(1 + Math.floor((thursday - first) / 604_800_000)).padStart(2, "0")}`;
  const send = (fields) =>
    fetch(`${base}/hub/v1/ping`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ fields, schema: 1, week }) });
  for (let n = 0; n < 5; n += 1) assert.equal((await send({ people: 4 })).status, 202);
  assert.equal((await send({ lantern: 4 })).status, 400);
  await looker.look("hub-pings", "/aggregates");
  assert.match(await main(), new RegExp(`${week}[^]*people\\s+5\\s+20\\s+4\\.0[^]*4–7: 5`));
  assert.doesNotMatch(await main(), /lantern/);
});

test("the list of servers is for whoever has the token", async () => {
  assert.equal((await fetch(`${base}/servers`)).status, 401);
  const data = join(folder, "server");
  mkdirSync(data);
  writeFileSync(join(data, "config.toml"), `[hub]\nurl = "${base}"\nkey = "${key}"\nnetworks = ["127.0.0.0/8"]\n`);
  const keeper = new Looker(base.replace("//", `//hub:${token}@`), looker.pages);
  await keeper.look("hub-no-servers", "/servers");
  const name = ["--name", "The Harbor (main)", "--contact", "master@harbor.invalid"];
  const { sha256 } = JSON.parse(sourcekeep("registration", "preview", "--data", data, "--json", ...name));
  sourcekeep("registration", "send", "--data", data, "--approve", sha256);
  await keeper.look("hub-servers", "/servers");
  assert.match(await main(), /The Harbor \(main\)[^]*master@harbor\.invalid/);
});
