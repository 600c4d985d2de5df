// A small identity provider (OpenID Connect) for browsers: it asks who somebody is, remembers it in a cookie, holds the server
// to PKCE and to its secret, and forgets people who sign out.
import { createHash, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";

const CLIENT = "sourcekeep";
const SECRET = "secret-of-the-tour";

/** Whom the provider knows, by their identifiers. */
const PEOPLE = {
  "4711": { preferred_username: "bobby", email: "bob@elsewhere.invalid", email_verified: true },
  "4712": { preferred_username: "dora", email: "dora@corp.invalid", email_verified: true },
  "4713": { preferred_username: "mallory", email: "mallory@elsewhere.invalid", email_verified: true },
};

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const escaped = (text) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** Starts one; `config` of what it gives is what stands in a server's configuration. */
export async function provider() {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "tour", alg: "RS256", use: "sig" };
  const codes = new Map();
  const state = { isDown: false, asked: 0 };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, issuer);
    let body = "";
    for await (const chunk of request) body += chunk;
    const said = (status, type, text, headers = {}) => response.writeHead(status, { "content-type": type, ...headers }).end(text);
    const json = (status, value) => said(status, "application/json", JSON.stringify(value));
    const leave = (to, headers = {}) => response.writeHead(303, { location: to, ...headers }).end();
    if (state.isDown && url.pathname === "/token") return said(503, "text/html", "<title>Maintenance</title>");
    const known = request.headers.cookie?.match(/who=(\d+)/)?.[1];
    const form = new URLSearchParams(body);
    switch (`${request.method} ${url.pathname}`) {
      case "GET /.well-known/openid-configuration":
        return json(200, {
          issuer, authorization_endpoint: `${issuer}/authorize`, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/keys`,
          end_session_endpoint: `${issuer}/sign-out`, response_types_supported: ["code"], subject_types_supported: ["public"],
          id_token_signing_alg_values_supported: ["RS256"], code_challenge_methods_supported: ["S256"],
          token_endpoint_auth_methods_supported: ["client_secret_basic"], authorization_response_iss_parameter_supported: true,
        });
      case "GET /keys":
        return json(200, { keys: [jwk] });
      case "GET /authorize":
      case "POST /authorize": {
        const asked = url.searchParams;
        const back = new URL(asked.get("redirect_uri"));
        back.searchParams.set("state", asked.get("state"));
        back.searchParams.set("iss", issuer);
        if (form.get("who") === "nobody") {
          back.searchParams.set("error", "access_denied");
          return leave(back.href);
        }
        // Whoever is signed in here goes on without a question, unless it is to be asked anew.
        const who = form.get("who") ?? (asked.has("max_age") ? undefined : known);
        if (!who) {
          state.asked += 1;
          const buttons = Object.entries(PEOPLE).map(([id, one]) => `<button name="who" value="${id}">${one.preferred_username}</button>`);
          const page = `<!doctype html><html lang="en"><title>Corp</title><main><h1>Who are you?</h1><form method="post" action="/authorize?${escaped(asked.toString())}">
            ${buttons.join(" ")} <button name="who" value="nobody">Never mind</button></form></main>`;
          return said(200, "text/html; charset=utf-8", page);
        }
        const code = randomBytes(16).toString("hex");
        const at = Math.floor(Date.now() / 1000);
        const auth_time = form.has("who") ? at : at - 3600;
        codes.set(code, { who, auth_time, nonce: asked.get("nonce"), challenge: asked.get("code_challenge"), redirect: asked.get("redirect_uri") });
        back.searchParams.set("code", code);
        return leave(back.href, { "set-cookie": `who=${who}; HttpOnly; Path=/` });
      }
      case "POST /token": {
        const given = codes.get(form.get("code"));
        codes.delete(form.get("code"));
        const proof = `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString("base64")}`;
        const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
        if (request.headers.authorization !== proof) return json(401, { error: "invalid_client" });
        if (!given || challenge !== given.challenge || form.get("redirect_uri") !== given.redirect) return json(400, { error: "invalid_grant" });
        const now = Math.floor(Date.now() / 1000);
        const claims = { iss: issuer, sub: given.who, aud: CLIENT, nonce: given.nonce, iat: now, exp: now + 300, auth_time: given.auth_time, ...PEOPLE[given.who] };
        const signed = `${encoded({ alg: "RS256", typ: "JWT", kid: "tour" })}.${encoded(claims)}`;
        const token = `${signed}.${createSign("sha256").update(signed).sign(privateKey, "base64url")}`;
        return json(200, { access_token: "of-the-tour", token_type: "Bearer", id_token: token });
      }
      case "GET /sign-out":
        if (url.searchParams.get("client_id") !== CLIENT) return said(400, "text/plain", "who asks?");
        return leave(url.searchParams.get("post_logout_redirect_uri"), { "set-cookie": "who=; Max-Age=0; Path=/" });
      default:
        return said(404, "text/plain", "not here");
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Another site than the server's own address, as it is in life.
  const issuer = `http://localhost:${server.address().port}`;
  const config = `[sign_in.providers.corp]
name = "Corp"
issuer = "${issuer}"
client_id = "${CLIENT}"
client_secret = "env:TOUR_PROVIDER_SECRET"
networks = ["127.0.0.0/8", "::1/128"]
new_accounts = ["corp.invalid"]
`;
  process.env.TOUR_PROVIDER_SECRET = SECRET;
  return { issuer, config, state, stop: () => server.closeAllConnections() ?? server.close() };
}
