// A recovery key: a key pair made in this page, whose private half leaves it only
// encrypted under a code that is shown once and never sent.
//
// The envelope, kept by the server as the credential's encryptedPrivateKey, is
//
//     csr1.<salt>.<nonce>.<ciphertext>
//
// with each part in unpadded base64url.
//   code        26 characters of Crockford base32, 130 random bits; as keying material,
//               their ASCII in upper case without separators
//   salt        16 random bytes
//   key         HKDF-SHA-256 (RFC 5869) of the code, with that salt and the info
//               "countersign recovery key v1"; 32 bytes
//   nonce       12 random bytes
//   ciphertext  AES-256-GCM of the private key (PKCS #8, P-256) and its 16-byte tag; the
//               additional data is the ASCII of "csr1." and the credential's credId
// The code has enough entropy that a slow password hash would add nothing.
import { base64url, groups, hex, unbase64url, utf8 } from "./format.js";

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford: no I, L, O, U
export const codeLength = 26;
const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

// makeRecoveryKey returns a credential that answers the challenge, for the server, and
// the code, for the person.
export async function makeRecoveryKey(challenge, name) {
  const pair = await crypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const code = randomCode();
  const credId = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const privateKey = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const encryptedPrivateKey = await seal(privateKey, code, credId);
  privateKey.fill(0);

  const clientData = utf8(JSON.stringify({ type: "key.create", challenge, origin: location.origin, crossOrigin: false }));
  const publicKey = pem(await crypto.subtle.exportKey("spki", pair.publicKey));
  const clientDataHash = hex(await crypto.subtle.digest("SHA-256", clientData));
  const signature = await sign(pair.privateKey, utf8(JSON.stringify({ clientDataHash, publicKey })));

  return {
    code: groups(code),
    credential: {
      credentialKind: "RecoveryKey",
      credentialInfo: {
        credId,
        clientData: base64url(clientData),
        attestationData: base64url(utf8(JSON.stringify({ publicKey, signature: hex(signature) }))),
      },
      credentialName: name,
      encryptedPrivateKey,
    },
  };
}

// readCode is a typed code without separators, and with the characters of the alphabet in place of
// those that look like them. It checks nothing.
export function readCode(typed) {
  return typed.normalize("NFKC").toUpperCase().replace(/[^0-9A-Z]/gu, "").replaceAll(/[IL]/gu, "1").replaceAll("O", "0");
}

// openRecoveryKey returns the private key in an envelope, which the page can use and not read, or null
// if the code does not open it.
export async function openRecoveryKey(envelope, code, credId) {
  const [version, ...parts] = envelope.split(".");
  if (version !== "csr1" || parts.length !== 3) return null;
  let pkcs8;
  try {
    const [salt, iv, sealed] = parts.map(unbase64url);
    const key = await envelopeKey(code, salt, "decrypt");
    pkcs8 = new Uint8Array(await crypto.subtle.decrypt(sealing(iv, credId), key, sealed));
    return await crypto.subtle.importKey("pkcs8", pkcs8, ecdsa, false, ["sign"]);
  } catch {
    return null;
  } finally {
    pkcs8?.fill(0);
  }
}

// signRecovery returns a recovery key's signature of new credentials, as the completing call wants it.
export async function signRecovery(key, credId, newCredentials) {
  const challenge = base64url(utf8(JSON.stringify(newCredentials)));
  const clientData = utf8(JSON.stringify({ type: "key.get", challenge, origin: location.origin, crossOrigin: false }));
  return {
    kind: "RecoveryKey",
    credentialAssertion: { credId, clientData: base64url(clientData), signature: base64url(await sign(key, clientData)) },
  };
}

function randomCode() {
  // 256 is a multiple of 32, so the remainder is uniform.
  return Array.from(crypto.getRandomValues(new Uint8Array(codeLength)), (b) => alphabet[b % 32]).join("");
}

async function seal(privateKey, code, credId) {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await envelopeKey(code, salt, "encrypt");
  const sealed = await crypto.subtle.encrypt(sealing(iv, credId), key, privateKey);
  return ["csr1", base64url(salt), base64url(iv), base64url(sealed)].join(".");
}

async function envelopeKey(code, salt, use) {
  const material = await crypto.subtle.importKey("raw", utf8(code), "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt, info: utf8("countersign recovery key v1") },
    material, { name: "AES-GCM", length: 256 }, false, [use]);
}

const sealing = (iv, credId) => ({ name: "AES-GCM", iv, additionalData: utf8(`csr1.${credId}`) });

// sign returns a signature in the form that the API wants.
async function sign(privateKey, data) {
  return der(new Uint8Array(await crypto.subtle.sign(ecdsa, privateKey, data)));
}

function pem(spki) {
  const base64 = btoa(String.fromCharCode(...new Uint8Array(spki)));
  return `-----BEGIN PUBLIC KEY-----\n${base64.match(/.{1,64}/gu).join("\n")}\n-----END PUBLIC KEY-----\n`;
}

// der turns WebCrypto's r‖s into the ASN.1 SEQUENCE that the API wants.
function der(raw) {
  const half = raw.length / 2;
  const body = [...integer(raw.subarray(0, half)), ...integer(raw.subarray(half))];
  return Uint8Array.from([0x30, body.length, ...body]);
}

function integer(bytes) {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = Array.from(bytes.subarray(start));
  if (digits[0] & 0x80) digits.unshift(0); // positive numbers have no leading one bit
  return [0x02, digits.length, ...digits];
}
