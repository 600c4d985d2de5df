// The administration: people, groups, who sees what and why, path rules, code hosts, roles, tokens, reviews, audit log.
// Started by `cargo xtask browser`, beside the tour.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Looker, accessible, launch, signedIn } from "./kit.mjs";
import { repository, start, waitFor } from "./world.mjs";

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

const main = (on = page) => on.locator("main").innerText();
const go = (path) => page.goto(world.base + path);
const said = () => page.getByRole("status").first().innerText();

/** Invites somebody and sets their password; gives their browser. */
async function person(name) {
  await go("/admin/users");
  await page.getByLabel("User name").fill(name);
  await page.getByRole("button", { name: "Make a link" }).click();
  const path = new URL((await page.locator(".alert pre").innerText()).trim()).pathname;
  const theirs = await (await browser.newContext()).newPage();
  await theirs.goto(world.base + path);
  await theirs.getByLabel("Password", { exact: false }).first().fill("four unrelated lanterns here");
  await theirs.getByLabel("Password, again").fill("four unrelated lanterns here");
  await theirs.getByRole("button", { name: /Set password/ }).click();
  await theirs.waitForURL(`${world.base}/`);
  return theirs;
}

let bob;

test("people: invited, filtered, one of them", async () => {
  bob = await person("bob");
  await looker.look("people", "/admin/users");
  await page.getByLabel("Role").first().selectOption("administrator");
  await page.getByRole("button", { name: "Filter" }).click();
  assert.deepEqual(await page.locator("table .name").allInnerTexts(), ["ada"]);
  await looker.look("people-none", "/admin/users?factor=yes");
  assert.match(await main(), /Nobody is like that/);
  await looker.look("person", "/admin/users/bob");
  await page.getByLabel("Confirm an address").fill("bob@example.invalid");
  await page.getByRole("button", { name: "Confirm", exact: true }).click();
  await page.getByText("Confirmed address").waitFor();
});

test("groups: none, made, filled, granted, a name that is taken", async () => {
  await looker.look("groups-empty", "/admin/groups");
  await page.getByLabel("Name", { exact: true }).fill("crew");
  await page.getByLabel("What it is for").fill("Who works on the harbor");
  await page.getByRole("button", { name: "Make group" }).click();
  await page.getByLabel("Add somebody").fill("nobody");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  assert.match(await page.getByRole("alert").innerText(), /no account/);
  await page.getByLabel("Add somebody").fill("bob");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("link", { name: "bob" }).waitFor();
  await page.getByLabel("Grant a repository").fill("harbor");
  await page.getByRole("button", { name: "Grant", exact: true }).click();
  assert.match(await said(), /Granted/);
  await looker.look("group", "/admin/groups/crew");
  await looker.look("groups", "/admin/groups");
  await page.getByLabel("Name", { exact: true }).fill("crew");
  await page.getByRole("button", { name: "Make group" }).click();
  await page.getByRole("alert").waitFor();
  await looker.judgeAll("groups-taken", page);
  await bob.goto(`${world.base}/r/harbor`);
  assert.match(await bob.locator("main").innerText(), /README/);
});

test("who sees a repository and why, and changing it there", async () => {
  await looker.look("access", "/admin/access");
  await looker.look("access-none", "/admin/access?filter=nowhere");
  await go("/admin/access");
  await page.getByRole("link", { name: "harbor" }).click();
  await page.getByLabel("Grant it to", { exact: true }).fill("new@example.invalid");
  await page.getByRole("button", { name: "Grant", exact: true }).first().click();
  assert.match(await said(), /Nobody has this name/);
  await page.getByLabel("Grant it to", { exact: true }).fill("bob");
  await page.getByRole("button", { name: "Grant", exact: true }).first().click();
  assert.match(await said(), /Granted/);
  await looker.look("access-repo", "/admin/access?repo=harbor");
  const row = page.locator("tr", { hasText: "bob" });
  assert.match(await row.innerText(), /granted in person[\s\S]*member of crew/);
  await page.getByLabel("Grant it to", { exact: true }).fill("not a name@");
  await page.getByRole("button", { name: "Grant", exact: true }).first().click();
  await page.getByRole("alert").waitFor();
  await looker.judgeAll("access-fault", page);
  await go("/admin/access?repo=harbor");
  await page.getByRole("button", { name: "Revoke what bob was granted in person" }).click();
  assert.match(await said(), /Taken back/);
  assert.match(await row.innerText(), /member of crew/);
  await looker.look("access-user", "/admin/access/bob");
  assert.match(await main(), /harbor/);
  const anchor = "/admin/access?repo=tools%2Fanchor";
  await looker.look("access-repo-few", anchor);
  await page.getByRole("button", { name: "Open it to every account" }).click();
  assert.match(await said(), /Every account/);
  await bob.goto(`${world.base}/account/access`);
  assert.match(await bob.locator("main").innerText(), /open to every account/);
  await looker.judgeAll("own-access", bob);
  await page.getByRole("button", { name: "Close it" }).click();
  assert.match(await said(), /Taken back/);
  await bob.goto(`${world.base}/account/access`);
  assert.doesNotMatch(await bob.locator("main").innerText(), /anchor/);
});

test("path rules: written, mended, tried, seen as somebody, lifted", async () => {
  const here = "/admin/rules?repo=harbor";
  await looker.look("rules-empty", here);
  await page.getByLabel("For", { exact: true }).selectOption("account");
  await page.getByLabel("Name of the account or group").fill("bob");
  await page.getByLabel("Rules, one a line").fill("src/\n!README.md\n- docs/");
  await page.getByRole("button", { name: "Preview" }).click();
  const fault = page.getByRole("alert").first();
  assert.match(await fault.innerText(), /Line 2[\s\S]*Line 3/);
  await looker.judgeAll("rules-fault", page);
  await page.getByLabel("Rules, one a line").fill("**\n-src/\nsrc/channel.c");
  await page.getByLabel("Paths to try them on").fill("src/big.c\nsrc/channel.c\nREADME.md");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByRole("heading", { name: "Tried" }).waitFor();
  assert.match(await main(), /line 2: -src\//);
  assert.match(await main(), /are shown/);
  await looker.judgeAll("rules-preview", page);
  await page.getByRole("button", { name: "Save" }).click();
  assert.match(await said(), /Changed/);
  await looker.look("rules-as", `${here}&as=bob`);
  assert.match(await main(), /What bob sees/);
  await bob.goto(`${world.base}/r/harbor/-/blob/src/big.c`);
  assert.match(await bob.locator("main").innerText(), /Not found/);
  await looker.look("rules", `${here}&for=account&name=bob`);
  await looker.look("access-user-rules", "/admin/access/bob");
  await go(`${here}&for=account&name=bob`);
  await page.getByRole("button", { name: "Lift the list" }).click();
  assert.match(await main(), /reads all of it/);
});

test("without JavaScript a grant is made and taken back", async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: state });
  const still = await plain.newPage();
  await still.goto(`${world.base}/admin/access?repo=tools%2Fanchor`);
  await still.getByLabel("Grant it to a group").fill("crew");
  await still.getByRole("button", { name: "Grant", exact: true }).last().click();
  assert.match(await main(still), /member of crew/);
  await still.getByRole("button", { name: "Revoke it from the group crew" }).click();
  assert.doesNotMatch(await main(still), /member of crew/);
  await plain.close();
});

test("code hosts: none, a form, a directory, one that is not there", async () => {
  await looker.look("hosts-empty", "/admin/hosts");
  await looker.look("host-new", "/admin/hosts/new");
  const more = join(world.folder, "more");
  repository(join(more, "lighthouse"), { main: { "beam.py": "def beam():\n    return 'bright'\n" } });
  const connect = async (name, url) => {
    await go("/admin/hosts/new");
    await page.getByLabel("Kind").selectOption("directory");
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("Address", { exact: true }).fill(url);
    await page.getByRole("button", { name: "Connect" }).click();
  };
  await connect("the shelf", more);
  await page.getByRole("heading", { name: "the shelf" }).waitFor();
  await waitFor(async () => {
    await page.reload();
    return /1 repository/.test(await main());
  }, () => `the directory was not compared:\n${world.told.text}`);
  const host = new URL(page.url()).pathname;
  await looker.look("host", host);
  await page.getByRole("button", { name: "Test the connection" }).click();
  await page.getByRole("status").first().waitFor();
  await looker.judgeAll("host-tested", page);
  await connect("nowhere", join(world.folder, "is-not-there"));
  if (await page.getByRole("heading", { name: "nowhere" }).count()) {
    await waitFor(async () => {
      await page.reload();
      return /The last comparing failed/.test(await main());
    }, () => `nothing failed:\n${world.told.text}`);
    await looker.look("host-error", new URL(page.url()).pathname);
    await looker.look("hosts", "/admin/hosts");
  } else {
    await page.getByRole("alert").waitFor();
    await looker.judgeAll("host-error", page);
    await looker.look("hosts", "/admin/hosts");
  }
  await go(host);
  await page.getByText("Remove this code host").click();
  await page.getByLabel(/to confirm/).fill("the shelf");
  await accessible(page, ".danger");
});

test("roles are made and given, service accounts and tokens made and revoked", async () => {
  await looker.look("roles", "/admin/roles");
  await page.getByLabel("Name", { exact: true }).fill("sharing");
  await page.getByLabel("grant, revoke, groups and path rules").check();
  await page.getByRole("button", { name: "Save role" }).click();
  await page.getByRole("textbox", { name: "Account" }).fill("bob");
  await page.getByLabel("Role", { exact: true }).selectOption("sharing");
  await page.getByRole("button", { name: "Give role" }).click();
  await page.getByRole("button", { name: "Make a member: bob" }).waitFor();
  await looker.look("roles-given", "/admin/roles");
  await page.getByRole("button", { name: "Make a member: bob" }).click();

  await looker.look("service-empty", "/admin/service-accounts");
  await page.getByLabel("Name", { exact: true }).fill("build-server");
  await page.getByRole("button", { name: "Make account" }).click();
  await page.getByRole("heading", { name: "build-server" }).waitFor();
  await looker.judgeAll("service", page);

  await looker.look("tokens-empty", "/account/tokens");
  await page.getByLabel("What it is for").fill("the editor");
  await page.getByRole("button", { name: "Make token" }).click();
  await page.getByText(/sk_/).first().waitFor();
  await looker.judgeAll("token-made", page);
  await go("/account/tokens");
  await page.getByRole("button", { name: "Revoke the token the editor" }).click();
  assert.match(await said(), /refused from now on/);
  await looker.look("tokens", "/account/tokens");
});

test("emergency access is taken, shown to everybody who looks after the server, and ended", async () => {
  await looker.look("emergency-empty", "/admin/break-glass");
  await page.getByLabel("Repository").fill("harbor");
  await page.getByLabel("Reason").fill("The pager rang twice tonight");
  await page.getByRole("button", { name: "Take access" }).click();
  await page.getByRole("button", { name: /End the access/ }).waitFor();
  await looker.look("emergency", "/admin/break-glass");
  await page.getByRole("button", { name: /End the access/ }).click();
  await page.getByText("Nobody has emergency access").waitFor();
});

test("a review: begun, certified, revoked, closed, its report", async () => {
  await looker.look("reviews-empty", "/admin/reviews");
  await page.getByLabel("Title").fill("Spring");
  await page.getByLabel("Only this account or group").fill("crew");
  await page.getByRole("button", { name: "Begin" }).click();
  await page.getByRole("heading", { name: "Spring" }).waitFor();
  const review = new URL(page.url()).pathname;
  await looker.look("review", review);
  await page.getByRole("button", { name: "Revoke: crew reads harbor" }).click();
  await page.getByText("Every grant is decided").waitFor();
  await looker.judgeAll("review-decided", page);
  await bob.goto(`${world.base}/r/harbor`);
  assert.match(await bob.locator("main").innerText(), /Not found|Sign in/);
  await page.getByRole("button", { name: "Close the review" }).click();
  await looker.look("review-closed", review);
  const [report] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  assert.match(readFileSync(await report.path(), "utf8"), /harbor,group,crew,.*revoked/);
  await looker.look("reviews", "/admin/reviews");
});

test("what is counted: the register with its code, the numbers, the outbox, and leaving", async () => {
  await looker.look("data-collection", "/data-collection");
  assert.match(await main(), /searches_empty[^]*people[^]*pub\(crate\) fn answered/);
  await page.getByRole("link", { name: "answered", exact: true }).first().click();
  assert.match(page.url(), /#code-answered$/);
  await go("/search?q=zebrafish_nobody_has");
  await waitFor(async () => {
    await go("/admin/usage?days=1");
    return (await page.getByRole("link", { name: "/search", exact: true }).count()) > 0;
  }, () => "nothing was counted");
  await looker.look("usage", "/admin/usage?days=1");
  assert.doesNotMatch(await main(), /zebrafish/);
  await page.getByRole("link", { name: "/search", exact: true }).click();
  assert.match(await main(), /Only \/search/);
  await looker.look("outbox-none", "/admin/outbox");
  assert.match(await main(), /No ping yet/);
  await go("/account");
  await page.getByRole("button", { name: "Do not count me" }).click();
  assert.match(await main(), /You are not counted/);
  await page.getByRole("button", { name: "Count me again" }).click();
  assert.match(await main(), /You are counted/);
});

test("what leaves: nothing yet, then each connection, and how to prove it", async () => {
  await looker.look("egress-none", "/admin/egress");
  assert.match(await main(), /Nothing left[^]*Prove it/);
  await page.getByRole("link", { name: "7 days" }).click();
  assert.equal(await page.locator(".spans [aria-current]").innerText(), "7 days");
  // A code host that is asked, and answers nothing of use.
  const heads = [];
  const stub = createServer((request, response) => {
    heads.push(request.url);
    response.writeHead(404).end("nothing here");
  });
  await new Promise((listening) => stub.listen(0, "127.0.0.1", listening));
  const { port } = stub.address();
  await go("/admin/hosts/new");
  await page.getByLabel("Kind").selectOption("gitea");
  await page.getByLabel("Name", { exact: true }).fill("the ferry");
  await page.getByLabel("Address", { exact: true }).fill(`http://127.0.0.1:${port}`);
  await page.getByLabel("Token", { exact: true }).fill("0123456789abcdef");
  await page.getByLabel("Networks that are not public").fill("127.0.0.0/8");
  await page.getByRole("button", { name: "Connect" }).click();
  await page.getByRole("heading", { name: "the ferry" }).waitFor();
  await waitFor(async () => {
    await go("/admin/egress");
    return (await page.locator("table.egress tbody tr").count()) > 0;
  }, () => `nothing was written down; asked for: ${heads.join(" ")}`);
  await looker.look("egress", "/admin/egress");
  assert.ok(heads.length > 0, "the other end was asked");
  const row = await page.locator("table.egress tbody tr").last().innerText();
  assert.match(row, new RegExp(`127\\.0\\.0\\.1:${port}`));
  assert.match(row, /code host[^]*gitea interface[^]*crates\/hosts\/src\/open\.rs:\d+/);
  await page.locator("table.egress-sums a").first().click();
  assert.equal(await page.getByLabel("Host", { exact: true }).inputValue(), "127.0.0.1");
  assert.match(await page.locator("pre.checkpoint").innerText(), /^sourcekeep-[0-9a-f]{16}\/egress\n\d+\n/);
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  assert.match(readFileSync(await file.path(), "utf8"), new RegExp(`code host,127\\.0\\.0\\.1,${port}`));
  stub.close();
  stub.closeAllConnections();
});

test("the audit log: filtered, exported, nothing that fits", async () => {
  await looker.look("audit", "/admin/audit");
  await page.getByLabel("Act", { exact: true }).fill("grant");
  await page.getByRole("button", { name: "Filter" }).click();
  const acts = await page.locator("td.mono:nth-child(3)").allInnerTexts();
  assert.ok(acts.length > 0 && acts.every((act) => act.startsWith("grant")), acts.join(", "));
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  assert.match(readFileSync(await file.path(), "utf8"), /grant/);
  await looker.look("audit-none", "/admin/audit?actor=nobody-of-this-name");
  await looker.look("sign-in-policy", "/admin/sign-in");
});
