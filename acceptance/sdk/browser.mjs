// What runs in the browser: the page asks the SDK to register and gives back what the
// SDK returned or threw. The SDK and its signer are put in by bundle.mjs.

/** outcomeOf runs a registration; it never rejects. */
async function outcomeOf(register) {
  try {
    return { result: await register() }
  } catch (error) {
    return {
      error: {
        name: error.constructor.name,
        message: error.message,
        httpStatus: error.httpStatus,
        body: error.context?.body,
      },
    }
  }
}

const signers = {
  // 0.6 is told its relying party; 0.4 and 0.5 read it from the challenge.
  webauthn: (sdk, relyingParty) => new sdk.WebAuthnSigner({ relyingParty, timeout: 20_000 }),

  // Before 0.4 the passkey signer was a package of its own.
  'webauthn-0.2': (sdk, relyingParty) => new sdk.WebAuthn({ rpId: relyingParty.id, timeout: 20_000 }),

  async key(sdk) {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    return new sdk.BrowserKeySigner({ keyPair: await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) })
  },
}

/** install makes register(task) known to the page. */
export function install(sdk) {
  globalThis.register = (task) =>
    outcomeOf(async () => {
      const signer = await signers[task.signer](sdk, task.relyingParty)
      return new sdk.DfnsAuthenticator({ ...task.options, signer }).register(task.invitation)
    })
}
