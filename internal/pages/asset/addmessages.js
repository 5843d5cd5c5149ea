// Everything that the page for a passkey of another device says once its script runs, under the names
// of messages.js.
import { noAnswer, tooManyTries, visitObstacles } from "./messages.js";
import { browserErrors as errors, refusals as changes } from "./accountmessages.js";

export { otherBrowserError } from "./accountmessages.js";

export const text = {
  title: "Add a passkey",
  done: "Your passkey is added",
  required: "Enter the code. It has nine letters and digits.",
};

export const browserErrors = {
  ...errors,
  InvalidStateError: {
    title: "There is a passkey already",
    text: "This device or password manager already has a passkey for this account, and needs no second one. Nothing was added. You can sign in with it.",
    actions: ["signin"],
  },
};

export const obstacles = {
  ...visitObstacles,
  unsupported: { ...visitObstacles.unsupported, title: "This browser cannot make passkeys" },
  outside: (host, rpId) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault. Your administrator needs to know: this page is on ${host}, but passkeys here are for ${rpId}.`,
  }),
  offline: noAnswer,
  unknown: {
    title: "Look at your other device",
    text: "An answer was lost on the way. If the account page there shows a new passkey, it is added and works. If it does not, make a new code there.",
    actions: ["form"],
  },
};

const again = "Nothing was added. Make a new code on your other device, and enter it here.";

// said is a refusal of a change, which has no button to sign again here.
const said = (code) => (details) => {
  const { title, text: sentence } = changes[code](details);
  return { title, text: sentence };
};

// field names the field where the mistake is.
export const refusals = {
  ...Object.fromEntries(Object.keys(changes).map((code) => [code, said(code)])),
  credential_code_invalid: () => ({
    title: "This code does not work",
    text: "It may be mistyped, used already, or older than a minute. Check it, or make a new one on your other device.",
    field: "code",
  }),
  member_too_long: () => refusals.credential_code_invalid(),
  credential_too_weak: () => ({
    title: "This passkey counts for more than yours",
    text: "It stays on one device, and the one that signed for the code is synced. Use a password manager that syncs, or ask an administrator for a new start. Nothing was added.",
  }),
  credential_inactive: () => ({
    title: "This code does not work any more",
    text: `The passkey that signed for it was deactivated or removed. ${again}`,
    actions: ["form"],
    final: true,
  }),
  user_inactive: () => ({
    title: "This account is deactivated",
    text: "An administrator has deactivated it, so no passkey can be added. Speak to your administrator.",
    final: true,
  }),
  challenge_invalid: () => ({ title: "That took too long", text: again, actions: ["form"], final: true }),
  too_many_tries: tooManyTries,
};
refusals.ceremony_expired = refusals.challenge_invalid;

export const otherRefusal = (sentence) => ({
  title: "The server did not accept that",
  text: `${sentence || "It gave no reason."} Nothing was added.`,
  actions: ["form"],
});

export const serverFailure = {
  title: "Something went wrong on our side",
  text: "Please try again; if it goes on, tell your administrator the reference below.",
  actions: ["retry"],
};
