// Passkeys: forms whose answer the browser's authenticator gives.

import { toast } from "./small.js";

/** @param {string} text */
function bytes(text) {
  const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

/** @param {ArrayBuffer | null | undefined} buffer */
function text(buffer) {
  if (!buffer) return undefined;
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** What the server wrote in base64url, in bytes. @param {any} options */
function decoded(options) {
  const key = { ...options.publicKey, challenge: bytes(options.publicKey.challenge) };
  if (key.user) key.user = { ...key.user, id: bytes(key.user.id) };
  for (const list of ["excludeCredentials", "allowCredentials"]) {
    if (key[list]) key[list] = key[list].map((/** @type {any} */ one) => ({ ...one, id: bytes(one.id) }));
  }
  return { publicKey: key };
}

/** The authenticator's answer as the server reads it. @param {any} made */
function encoded(made) {
  const { response } = made;
  return JSON.stringify({
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    extensions: made.getClientExtensionResults(),
    response: {
      clientDataJSON: text(response.clientDataJSON),
      attestationObject: text(response.attestationObject),
      transports: response.getTransports?.(),
      authenticatorData: text(response.authenticatorData),
      signature: text(response.signature),
      userHandle: text(response.userHandle),
    },
  });
}

/** @param {HTMLFormElement} form */
async function ask(form) {
  const begun = await fetch(form.dataset.begin ?? "", { method: "POST", headers: { accept: "application/json" } });
  if (!begun.ok) {
    // A fresh proof is needed first, or the sign-in took too long.
    const here = encodeURIComponent(location.pathname);
    const proof = form.dataset.again ?? `/step-up?return_to=${here}`;
    location.assign(form.dataset.passkey === "create" ? proof : location.href);
    return;
  }
  const { ceremony, options } = await begun.json();
  const wanted = decoded(options);
  const made = form.dataset.passkey === "create" ? await navigator.credentials.create(wanted) : await navigator.credentials.get(wanted);
  for (const [name, value] of [["ceremony", ceremony], ["answer", encoded(made)]]) {
    const input = form.elements.namedItem(name);
    if (input instanceof HTMLInputElement) input.value = value;
  }
  form.submit();
}

/** Forms that a passkey answers. */
export function passkeys() {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form).catch(() => toast("The passkey was not used"));
    });
  }
}
