// Remote control of one version of the SDK, in Node and in a page: it does what the test
// says, one call after another, and gives back what the SDK returned or threw. Nothing of
// the SDK is replaced; signers stay here, because their private keys never leave them.
//
// A request is { user, call, args, options, delegated }:
//
//   signer.make          a new signer for the user, of the kind and with the options in args
//   signer.create, .sign the signer itself, as a delegated client's end user calls it
//   authenticator.*      DfnsAuthenticator
//   auth.*               DfnsApiClient.auth, or DfnsDelegatedApiClient.auth if delegated
//   permissions.*        the same of .permissions
//   methods.*            the names of all methods of such a part of a client
//   base.*               the static BaseAuthApi
//   fetch.*              what the generated calls are made of, for paths they do not have
//
// options are those of the SDK's clients. A delegated client has no signer.

/** outcomeOf runs a call; it never rejects. */
export async function outcomeOf(call) {
  try {
    return { result: (await call()) ?? null }
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

/**
 * remote returns the function that answers requests. make(kind, options) makes signers;
 * split says that the SDK hands its signers challenge and credentials one by one, as it
 * did before 0.4.
 */
export function remote(sdk, make, split) {
  const signers = {}

  const client = ({ signer, ...options }, delegated) =>
    delegated ? new sdk.DfnsDelegatedApiClient(options) : new sdk.DfnsApiClient({ ...options, signer })

  const targets = {
    authenticator: (options) => new sdk.DfnsAuthenticator(options),
    auth: (options, delegated) => client(options, delegated).auth,
    permissions: (options, delegated) => client(options, delegated).permissions,
  }

  async function answer({ user, call, args = [], options = {}, delegated }) {
    const [target, method] = call.split('.')
    const all = { ...options, signer: signers[user] }
    switch (target) {
      case 'signer':
        if (method === 'make') {
          signers[user] = await make(...args)
          return true
        }
        if (split && method === 'sign') args = [args[0].challenge, args[0].allowCredentials]
        return signers[user][method](...args)
      case 'methods': {
        const names = Object.getOwnPropertyNames(Object.getPrototypeOf(targets[method](all, delegated)))
        return names.filter((name) => name !== 'constructor')
      }
      case 'base':
        return sdk.BaseAuthApi[method](...args, all)
      case 'fetch':
        return (await sdk[method](args[0], { ...args[1], apiOptions: all })).json()
      default:
        return targets[target](all, delegated)[method](...args)
    }
  }

  return (request) => outcomeOf(() => answer(request))
}
