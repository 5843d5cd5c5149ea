// What runs in the browser: the page asks the SDK to register and gives back what the
// SDK returned or threw, or it does what remote.mjs knows. The SDK and its signer are put
// in by bundle.mjs.

import { PasswordKeySigner } from './passwordkey.mjs'
import { outcomeOf, remote } from './remote.mjs'

const signers = {
  // 0.6 is told its relying party; 0.4 and 0.5 read it from the challenge.
  webauthn: (sdk, { relyingParty }) => new sdk.WebAuthnSigner({ relyingParty, timeout: 20_000 }),

  // Before 0.4 the passkey signer was a package of its own.
  'webauthn-0.2': (sdk, { relyingParty }) => new sdk.WebAuthn({ rpId: relyingParty.id, timeout: 20_000 }),

  async key(sdk) {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    return new sdk.BrowserKeySigner({ keyPair: await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) })
  },

  password: (_, { password }) => new PasswordKeySigner(password),
}

/** install makes register(task) and remote(request) known to the page. */
export function install(sdk, split) {
  globalThis.register = (task) =>
    outcomeOf(async () => {
      const signer = await signers[task.signer](sdk, task)
      return new sdk.DfnsAuthenticator({ ...task.options, signer }).register(task.invitation)
    })
  globalThis.remote = remote(sdk, (kind, options) => signers[kind](sdk, options), split)
}
