// The SDK under Node, told by lines of JSON on standard input and answering with lines on
// standard output; see remote.mjs. It ends with its input. From the environment:
//
//   SDK            folder of the version, such as v0.8
//   KEYSIGNER      folder of the key signer's version, when it is another

import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import { newKey, registering } from './keysigner.mjs'
import { PasswordKeySigner } from './passwordkey.mjs'
import { remote } from './remote.mjs'

const { SDK, KEYSIGNER } = process.env
const from = (folder) => createRequire(new URL(`./${folder}/package.json`, import.meta.url))
const load = from(SDK)

/** present loads a module that not every version has. */
function present(name) {
  try {
    return load(name)
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error
    return {}
  }
}

const sdk = {
  ...load('@dfns/sdk'),
  simpleFetch: load('@dfns/sdk/utils/fetch').simpleFetch,
  // Until 0.4 it was in the same file.
  userActionFetch: (present('@dfns/sdk/utils/userActionFetch').userActionFetch ??
    load('@dfns/sdk/utils/fetch').userActionFetch),
}
const { AsymmetricKeySigner } = from(KEYSIGNER || SDK)('@dfns/sdk-keysigner')

const signers = {
  key: ({ type, ...options }) => new (registering(AsymmetricKeySigner))(newKey(type), options),

  // The published signer as it is, with a key that was made elsewhere.
  pem: (options) => new AsymmetricKeySigner(options),

  // The credential id of one user with the private key of another.
  forged: ({ credId, type }) => {
    const privateKey = newKey(type).privateKey.export({ type: 'pkcs8', format: 'pem' })
    return new AsymmetricKeySigner({ credId, privateKey })
  },

  password: ({ password }) => new PasswordKeySigner(password),
}

const answer = remote(sdk, (kind, options) => signers[kind](options), /^v0\.[123]$/.test(SDK))
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))))
}
