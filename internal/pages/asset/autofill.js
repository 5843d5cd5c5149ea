// Passkeys among the browser's suggestions in the user name field (WebAuthn L3 §5.1.4,
// conditional mediation). A browser holds one request at a time, so this one must have
// ended before a button may ask.
import { requestOptions } from "./ceremony.js";

let pending = null;

// available tells whether the browser offers passkeys in fields at all.
export async function available() {
  try {
    return Boolean(await PublicKeyCredential.isConditionalMediationAvailable?.());
  } catch {
    return false;
  }
}

export const listening = () => pending !== null;

// listen waits for somebody to choose a suggested passkey and passes it to use. A failure
// is not reported: nobody was asked anything.
export function listen(challenge, use) {
  const controller = new AbortController();
  const request = { controller };
  pending = request;
  request.done = ask(challenge, controller.signal).then((credential) => {
    free(request);
    if (credential && !controller.signal.aborted) use(credential);
  }, () => free(request));
}

// stop ends the waiting. It returns a promise that resolves once the browser is free for
// another request, or null when it is free already.
export function stop() {
  if (!pending) return null;
  pending.controller.abort();
  // An extension that never ends its request must not block the button.
  return Promise.race([pending.done, new Promise((resolve) => setTimeout(resolve, 1000))]);
}

function free(request) {
  if (pending === request) pending = null;
}

async function ask(challenge, signal) {
  return navigator.credentials.get({ ...requestOptions(challenge, false), mediation: "conditional", signal });
}
