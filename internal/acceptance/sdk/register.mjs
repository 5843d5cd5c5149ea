// Registers one invited user with one version of the SDK, and prints what the SDK
// returned or threw as JSON. Everything is told by the environment:
//
//   SDK            folder of the version, such as v0.8
//   KEYSIGNER      folder of the key signer's version, when it is another
//   CALL           authenticator, generated, aliases, base, extras, protected or resend
//   KEY            type of the key, see keysigner.mjs
//   KEY_OPTIONS    JSON options of attest, see keysigner.mjs
//   SCOPED         1: construct the client for the organisation (SDK 0.7 and later)
//   URL, ORG_ID, USERNAME, REGISTRATION_CODE

import { createRequire } from 'node:module'
import { attest, newKey, registering } from './keysigner.mjs'

const env = process.env
const from = (folder) => createRequire(new URL(`./${folder}/package.json`, import.meta.url))

const { BaseAuthApi, DfnsApiClient, DfnsAuthenticator } = from(env.SDK)('@dfns/sdk')
const { AsymmetricKeySigner } = from(env.KEYSIGNER || env.SDK)('@dfns/sdk-keysigner')

const invitation = {
  orgId: env.ORG_ID,
  username: env.USERNAME,
  registrationCode: env.REGISTRATION_CODE,
}
const keyOptions = JSON.parse(env.KEY_OPTIONS || '{}')
const key = newKey(env.KEY || 'P-256')
const signer = new (registering(AsymmetricKeySigner))(key, keyOptions)
const options = {
  baseUrl: env.URL,
  appId: 'ap-01234-56789-abcdefghijklmnop',
  signer,
  ...(env.SCOPED ? { orgId: env.ORG_ID } : {}),
}
const client = (more = {}) => new DfnsApiClient({ ...options, ...more })

/** begin and complete are the two generated calls, around whatever credentials. */
const begin = () => client().auth.createRegistrationChallenge({ body: invitation })
const complete = (challenge, body) =>
  client({ authToken: challenge.temporaryAuthenticationToken }).auth.register({ body })

const calls = {
  authenticator: () => new DfnsAuthenticator(options).register(invitation),

  async generated() {
    const challenge = await begin()
    return complete(challenge, { firstFactorCredential: await signer.create(challenge) })
  },

  // The names that calls had before, and a call with the static base API.
  async aliases() {
    const challenge = await BaseAuthApi.createUserRegistrationChallenge(invitation, options)
    const firstFactorCredential = await signer.create(challenge)
    return client({ authToken: challenge.temporaryAuthenticationToken }).auth.createUserRegistration({
      body: { firstFactorCredential },
    })
  },

  async base() {
    const challenge = await BaseAuthApi.createUserRegistrationChallenge(invitation, options)
    const firstFactorCredential = await signer.create(challenge)
    return BaseAuthApi.createUserRegistration(
      { firstFactorCredential },
      { ...options, authToken: challenge.temporaryAuthenticationToken }
    )
  },

  // Everything the generated call can carry: names, a second factor, a recovery key.
  async extras() {
    const challenge = await begin()
    return complete(challenge, {
      firstFactorCredential: { ...(await signer.create(challenge)), credentialName: 'First key' },
      secondFactorCredential: {
        credentialKind: 'Key',
        credentialInfo: attest(newKey('Ed25519'), challenge),
        credentialName: 'Second key',
      },
      recoveryCredential: {
        credentialKind: 'RecoveryKey',
        credentialInfo: attest(newKey('P-256'), challenge),
        encryptedPrivateKey: 'sealed recovery key',
        credentialName: 'Recovery key',
      },
    })
  },

  async protected() {
    const challenge = await begin()
    return complete(challenge, {
      firstFactorCredential: {
        credentialKind: 'PasswordProtectedKey',
        credentialInfo: attest(key, challenge, keyOptions),
        encryptedPrivateKey: 'sealed private key',
      },
    })
  },

  resend: () =>
    client().auth.resendRegistrationCode({
      body: { orgId: invitation.orgId, username: invitation.username },
    }),
}

async function outcome() {
  const call = calls[env.CALL || 'authenticator']
  if (!call) throw new Error(`no such call: ${env.CALL}`)
  try {
    const result = await call()
    return { result, credentialId: signer.options.credId }
  } catch (error) {
    return {
      error: {
        name: error.constructor.name,
        message: error.message,
        httpStatus: error.httpStatus,
        body: error.context?.body ?? error.context,
      },
    }
  }
}

console.log(JSON.stringify(await outcome()))
