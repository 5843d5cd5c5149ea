// Translation between the server's JSON and the browser's WebAuthn API. Extensions replace
// the API's objects with their own, so no member or prototype is taken for granted.
import { base64url, claimsOf, hex, unbase64url, utf8 } from "./format.js";

// obstacle names what makes a passkey impossible on this page before anything is tried:
// "insecure", "framed", "unsupported", or "" when nothing does. method is what the page will call, create or get. A device without a passkey provider of its own is no
// obstacle: phones and security keys still work.
export function obstacle(method) {
  if (!window.isSecureContext) return "insecure";
  if (window.top !== window) return "framed";
  const supported = attempt(() => typeof navigator.credentials[method] === "function" && Boolean(window.PublicKeyCredential));
  return supported ? "" : "unsupported";
}

// outside tells whether this page's host is outside an RP ID: the RP ID must be the host
// or a parent domain of it (WebAuthn L3 §5.1.3).
export function outside(rpId) {
  const host = location.hostname;
  return Boolean(rpId) && host !== rpId && !host.endsWith(`.${rpId}`);
}

// lacksOwnProvider tells whether the browser says that this device cannot keep a
// passkey itself. It is only worth a hint; where the browser does not say, it is false.
export async function lacksOwnProvider() {
  try {
    const can = await PublicKeyCredential.getClientCapabilities?.();
    return can?.passkeyPlatformAuthenticator === false && can?.userVerifyingPlatformAuthenticator === false;
  } catch {
    return false;
  }
}

const timeout = 10 * 60 * 1000; // people search for keys; WCAG asks for five minutes at least
const otherDevices = ["hybrid", "security-key"];

// creationOptions turns a challenge into the argument of navigator.credentials.create().
// elsewhere asks for a phone or a security key instead of this device.
export function creationOptions(challenge, organisation, elsewhere) {
  const publicKey = {
    challenge: unbase64url(challenge.challenge),
    rp: { name: challenge.rp?.name || organisation },
    user: {
      id: utf8(challenge.user.id),
      name: challenge.user.name,
      displayName: challenge.user.displayName,
    },
    pubKeyCredParams: challenge.pubKeyCredParams,
    excludeCredentials: challenge.excludeCredentials.map(({ type, id }) => ({ type, id: unbase64url(id) })),
    authenticatorSelection: { ...challenge.authenticatorSelection },
    attestation: challenge.attestation,
    timeout,
    extensions: { credProps: true },
  };
  if (challenge.rp?.id) publicKey.rp.id = challenge.rp.id;
  if (elsewhere) {
    publicKey.hints = otherDevices;
    // Browsers that do not know hints yet go by the attachment.
    publicKey.authenticatorSelection.authenticatorAttachment ||= "cross-platform";
  }
  return { publicKey };
}

// isFor tells whether a challenge is for one exact request: it is the digest of the label of an
// action and of a statement that names method, path and body. The server makes it so; whatever
// else comes must not be signed.
export async function isFor({ challenge, challengeIdentifier }, { method, path, body }) {
  try {
    const { statement } = claimsOf(challengeIdentifier);
    const said = JSON.parse(statement);
    return challenge === await sha256(`countersign action 2\n${statement}`) && said.countersign === 2 &&
      said.method === method && said.path === path && said.payloadSha256 === await sha256(body);
  } catch {
    return false;
  }
}

async function sha256(text) {
  return base64url(await crypto.subtle.digest("SHA-256", utf8(text)));
}

// requestOptions turns a challenge into the argument of navigator.credentials.get().
export function requestOptions(challenge, elsewhere) {
  const publicKey = {
    challenge: unbase64url(challenge.challenge),
    allowCredentials: challenge.allowCredentials.webauthn.map(({ type, id }) => ({ type, id: unbase64url(id) })),
    userVerification: challenge.userVerification,
    timeout,
  };
  if (challenge.rp?.id) publicKey.rpId = challenge.rp.id;
  if (elsewhere) publicKey.hints = otherDevices;
  return { publicKey };
}

// assertion is a passkey's answer as the completing call wants it.
export function assertion(credential) {
  return {
    kind: "Fido2",
    credentialAssertion: {
      credId: needed(credentialId(credential)),
      clientData: needed(part(credential, "clientDataJSON")),
      authenticatorData: needed(part(credential, "authenticatorData")),
      signature: needed(part(credential, "signature")),
      userHandle: part(credential, "userHandle"),
    },
  };
}

// prompt calls navigator.credentials.create or get with what options returns, at once: the
// browser must be asked in the very click. Whatever goes wrong, no credential included, rejects
// the promise. So does signal, even if the browser or an extension does not listen to it.
export async function prompt(method, options, signal) {
  const cancelled = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
  });
  const credential = await Promise.race([navigator.credentials[method]({ ...options(), signal }), cancelled]);
  if (!credential) throw new DOMException("", "NotAllowedError");
  return credential;
}

// part is a member of an authenticator's response in base64url, "" without it. Extensions may
// give it as text, or only as JSON.
function part(credential, name) {
  return attempt(() => encoded(credential.response[name])) || attempt(() => encoded(credential.toJSON().response[name])) || "";
}

function credentialId(credential) {
  return attempt(() => encoded(credential.rawId)) || attempt(() => encoded(credential.id))
    || attempt(() => encoded(credential.toJSON().id)) || "";
}

function encoded(value) {
  if (typeof value === "string") return base64url(unbase64url(value));
  if (!value) return "";
  return base64url(value.byteLength === undefined ? Uint8Array.from(Object.values(value)) : value);
}

// needed is a value without which there is nothing to send.
function needed(value) {
  if (value) return value;
  const error = new Error("the authenticator's answer cannot be read");
  error.name = "UnreadableError";
  throw error;
}

// fromHere tells whether a passkey's user handle looks like this server's. Other servers
// may share the RP ID, localhost above all.
export function fromHere(credential) {
  return attempt(() => new TextDecoder().decode(unbase64url(part(credential, "userHandle"))).startsWith("us-")) === true;
}

// firstFactor is a new passkey as the completing call wants it.
export function firstFactor(credential, name) {
  const factor = {
    credentialKind: "Fido2",
    credentialInfo: {
      credId: needed(credentialId(credential)),
      clientData: needed(part(credential, "clientDataJSON")),
      attestationData: needed(part(credential, "attestationObject")),
    },
    credentialName: name,
  };
  const transports = transportsOf(credential);
  if (transports) factor.transports = transports;
  // No other output is sent, because one may be a secret, such as that of PRF.
  const rk = attempt(() => credential.getClientExtensionResults().credProps.rk);
  if (typeof rk === "boolean") factor.clientExtensionResults = { credProps: { rk } };
  return factor;
}

const mostTransports = 8;

// transportsOf returns how the authenticator can be reached, or null when the browser
// does not say. What is no transport's name is left out: the server would refuse it.
export function transportsOf(credential) {
  const said = attempt(() => Array.from(credential.response.getTransports()));
  if (!said) return null;
  const named = said.filter((t) => typeof t === "string" && /^[a-z][a-z0-9-]{0,30}$/u.test(t));
  return [...new Set(named)].slice(0, mostTransports);
}

// traits reads from the authenticator data what is worth telling people: the AAGUID and
// whether the passkey is synced (WebAuthn L3 §6.1). It returns null without the data.
export function traits(credential) {
  const data = attempt(() => authenticatorData(credential));
  if (!data || data.length < 37) return null;
  const flags = data[32];
  const hasCredential = (flags & 0x40) !== 0 && data.length >= 53;
  return {
    backupEligible: (flags & 0x08) !== 0,
    backedUp: (flags & 0x10) !== 0,
    aaguid: hasCredential ? uuid(data.subarray(37, 53)) : "",
  };
}

// forget tells the passkey provider that the server does not know this credential, so
// that no useless passkey is left behind. Few browsers support it.
export async function forget(challenge, credential) {
  await tellUnknown(challenge.rp?.id || location.hostname, credentialId(credential));
}

export async function tellUnknown(rpId, id) {
  await attempt(() => PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId: id })?.catch(() => {}));
}

// tellAccepted tells the passkey provider which of this user's passkeys the server knows,
// so that it offers no others.
export async function tellAccepted(rpId, userId, allAcceptedCredentialIds) {
  await attempt(() => PublicKeyCredential.signalAllAcceptedCredentials?.({
    rpId,
    userId: base64url(utf8(userId)),
    allAcceptedCredentialIds,
  })?.catch(() => {}));
}

// tellDetails tells the passkey provider what the user is called, which it shows with their passkeys.
export async function tellDetails(rpId, userId, name) {
  await attempt(() => PublicKeyCredential.signalCurrentUserDetails?.({
    rpId,
    userId: base64url(utf8(userId)),
    name,
    displayName: name,
  })?.catch(() => {}));
}

function authenticatorData(credential) {
  const direct = attempt(() => new Uint8Array(credential.response.getAuthenticatorData()));
  if (direct?.length) return direct;
  // Older browsers and some extensions have no such method. In the attestation object
  // the data is a CBOR byte string that follows the text "authData".
  const object = unbase64url(part(credential, "attestationObject"));
  const label = [0x68, ...utf8("authData")];
  for (let at = 0; at + label.length + 2 < object.length; at++) {
    if (!label.every((b, i) => object[at + i] === b)) continue;
    const head = at + label.length;
    if (object[head] === 0x58) return object.subarray(head + 2, head + 2 + object[head + 1]);
    if (object[head] === 0x59) return object.subarray(head + 3, head + 3 + object[head + 1] * 256 + object[head + 2]);
  }
  return null;
}

function uuid(bytes) {
  return hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}

// attempt returns what f returns, undefined if it fails.
export function attempt(f) {
  try {
    return f();
  } catch {
    return undefined;
  }
}
