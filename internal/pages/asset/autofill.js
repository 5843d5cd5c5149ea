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

// listen waits for somebody to choose a suggested passkey and hands it to use. That it
// came to nothing stays quiet: nobody was asked anything.
export function listen(challenge, use) {
  const controller = new AbortController();
  const mine = { controller };
  pending = mine;
  mine.done = ask(challenge, controller.signal).then((credential) => {
    free(mine);
    if (credential && !controller.signal.aborted) use(credential);
  }, () => free(mine));
}

// stop ends the waiting. It returns a promise of the browser being free for another
// request, or null when it is free already.
export function stop() {
  if (!pending) return null;
  pending.controller.abort();
  // An extension that never lets go must not lock the button.
  return Promise.race([pending.done, new Promise((resolve) => setTimeout(resolve, 1000))]);
}

function free(mine) {
  if (pending === mine) pending = null;
}

async function ask(challenge, signal) {
  return navigator.credentials.get({ ...requestOptions(challenge, false), mediation: "conditional", signal });
}
