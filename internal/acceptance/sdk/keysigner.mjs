// A signer that can register. The published AsymmetricKeySigner signs but cannot
// create, and DfnsAuthenticator.register() asks its signer to create; so, as users of
// the SDK have to, create is added to it here.

import crypto from 'node:crypto'

const generators = {
  'P-256': () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  secp256k1: () => crypto.generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
  Ed25519: () => crypto.generateKeyPairSync('ed25519'),
  'RSA-2048': () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
  'RSA-3072': () => crypto.generateKeyPairSync('rsa', { modulusLength: 3072 }),
}

const base64url = (text) => Buffer.from(text).toString('base64url')

/** newKey makes a key pair of the named type. */
export function newKey(type) {
  const generate = generators[type]
  if (!generate) throw new Error(`no such key type: ${type}`)
  return generate()
}

/**
 * attest answers a registration challenge with a key.
 *
 * options.pkcs1: export an RSA key as "RSA PUBLIC KEY".
 * options.trim: send the PEM without its last line end.
 * options.algorithm: name the algorithm in the attestation.
 * options.origin: put an origin into the client data, as SDKs before 0.4 do.
 */
export function attest({ publicKey, privateKey }, challenge, options = {}) {
  let pem = publicKey.export({ type: options.pkcs1 ? 'pkcs1' : 'spki', format: 'pem' })
  if (options.trim) pem = pem.trimEnd()

  const clientData = JSON.stringify({
    type: 'key.create',
    challenge: challenge.challenge,
    ...(options.origin ? { origin: options.origin, crossOrigin: false } : {}),
  })
  const fingerprint = JSON.stringify({
    clientDataHash: crypto.createHash('sha256').update(clientData).digest('hex'),
    publicKey: pem,
  })
  const digest = privateKey.asymmetricKeyType === 'ed25519' ? undefined : 'sha256'
  const signature = crypto.sign(digest, Buffer.from(fingerprint), privateKey)

  return {
    credId: crypto.randomBytes(32).toString('base64url'),
    clientData: base64url(clientData),
    attestationData: base64url(
      JSON.stringify({
        publicKey: pem,
        signature: signature.toString('hex'),
        ...(options.algorithm ? { algorithm: options.algorithm } : {}),
      })
    ),
  }
}

/** registering returns the given AsymmetricKeySigner class with create added. */
export function registering(AsymmetricKeySigner) {
  return class extends AsymmetricKeySigner {
    constructor(key, options) {
      super({
        credId: '',
        privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
        appOrigin: options.origin,
      })
      this.key = key
      this.attestation = options
    }

    async create(challenge) {
      const credentialInfo = attest(this.key, challenge, this.attestation)
      this.options.credId = credentialInfo.credId
      return { credentialKind: 'Key', credentialInfo }
    }
  }
}
