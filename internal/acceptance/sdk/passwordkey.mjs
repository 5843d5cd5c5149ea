// A signer for a PasswordProtectedKey: its private key is kept by the server, encrypted
// under a password that the server never sees. The SDK has the kind on its wire but no
// signer for it; so, as users of the SDK have to, one is written here. It runs under Node
// and in a browser, and knows of nothing but its password: the key comes back in every
// challenge.

const text = new TextEncoder()
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' }
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const fromBase64url = (s) => Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, '0')).join('')

/** wrappingKey derives the key that the private key is encrypted under. */
async function wrappingKey(password, salt) {
  const secret = await crypto.subtle.importKey('raw', text.encode(password), 'PBKDF2', false, ['deriveKey'])
  const how = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 10_000 }
  return crypto.subtle.deriveKey(how, secret, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

/** sign returns the DER signature that the wire wants; WebCrypto makes r and s. */
async function sign(privateKey, message) {
  const raw = new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, message))
  const integer = (bytes) => {
    while (bytes.length > 1 && bytes[0] === 0) bytes = bytes.slice(1)
    return [2, bytes.length + (bytes[0] >> 7), ...(bytes[0] >> 7 ? [0] : []), ...bytes]
  }
  const both = [...integer(raw.slice(0, 32)), ...integer(raw.slice(32))]
  return new Uint8Array([0x30, both.length, ...both])
}

export class PasswordKeySigner {
  constructor(password) {
    this.password = password
  }

  async create({ challenge }) {
    const pair = await crypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
    const spki = btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey))))
    const publicKey = `-----BEGIN PUBLIC KEY-----\n${spki.match(/.{1,64}/g).join('\n')}\n-----END PUBLIC KEY-----\n`

    const clientData = JSON.stringify({ type: 'key.create', challenge })
    const clientDataHash = hex(await crypto.subtle.digest('SHA-256', text.encode(clientData)))
    const signature = hex(await sign(pair.privateKey, text.encode(JSON.stringify({ clientDataHash, publicKey }))))

    const salt = crypto.getRandomValues(new Uint8Array(16))
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const plain = await crypto.subtle.exportKey('pkcs8', pair.privateKey)
    const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await wrappingKey(this.password, salt), plain)
    return {
      credentialKind: 'PasswordProtectedKey',
      credentialInfo: {
        credId: base64url(crypto.getRandomValues(new Uint8Array(32))),
        clientData: base64url(text.encode(clientData)),
        attestationData: base64url(text.encode(JSON.stringify({ publicKey, signature }))),
      },
      encryptedPrivateKey: [salt, iv, sealed].map(base64url).join('.'),
    }
  }

  async sign({ challenge, allowCredentials }) {
    const mine = allowCredentials.passwordProtectedKey?.[0]
    if (!mine) throw new Error('the challenge brings no encrypted key')
    const [salt, iv, sealed] = mine.encryptedPrivateKey.split('.').map(fromBase64url)
    const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await wrappingKey(this.password, salt), sealed)
    const privateKey = await crypto.subtle.importKey('pkcs8', plain, ecdsa, false, ['sign'])
    const clientData = text.encode(JSON.stringify({ type: 'key.get', challenge }))
    return {
      kind: 'PasswordProtectedKey',
      credentialAssertion: {
        credId: mine.id,
        clientData: base64url(clientData),
        signature: base64url(await sign(privateKey, clientData)),
      },
    }
  }
}
