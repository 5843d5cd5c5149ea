// Everything the account page says once its script runs, under the names of messages.js.
import { onceMore, prompting, unreadable, useObstacles } from "./messages.js";
import { changed, obstacles as signing } from "./signmessages.js";

const last = (name, title, go) => ({
  title,
  text: ["", name, " is the only one that signs you in. Without it you are signed out, and only your recovery key, together with a code that is sent to your mailbox, lets you in again. Be sure that you have its code at hand."],
  go,
});

export const text = {
  ...prompting,
  title: "Your account",
  username: "User name",
  organisation: "Organisation",
  role: "Role",
  administrator: "Administrator",
  registered: "Registered",
  signedInWith: "You signed in with it",
  usedHere: "Used in this browser",
  add: "Add a passkey",
  ready: onceMore,
  syncedAlone: "Your passkeys are synced, and so must be those that you add. One that stays on one device, such as most security keys, counts as stronger than yours and cannot be added. To change to such a one, ask an administrator for a new start, which replaces all that you have.",
  secondProposed: "Add a second passkey here, on your phone or on another security key.",
  rename: "Rename",
  name: "Name",
  renaming: (called) => ({ title: ["Rename ", called], text: "The name is only for you, to tell your passkeys and keys apart.", go: "Continue" }),
  naming: { title: "Name your new passkey", text: "Your device has made it. The name is only for you, to tell your passkeys apart.", go: "Continue" },
  nameMissing: "Enter a name.",
  nameTooLong: "A name has at most 100 characters.",
  activate: "Activate",
  deactivate: "Deactivate",
  remove: "Remove",
  changes: {
    add: (name) => ["Add the passkey ", name],
    activate: (name) => ["Activate ", name],
    deactivate: (name) => ["Deactivate ", name],
    remove: (name) => ["Remove ", name],
    rename: (from, to) => ["Rename ", from, " to ", to],
    code: ["Make a code with which another device adds a passkey"],
    recovery: ["Add a recovery key"],
    formerRecovery: (time) => [`Remove the former recovery key, made on ${time}`],
  },
  warnings: {
    add: "Your device has made it; now sign with a passkey that you had before. Whoever holds the new one can sign in as you and sign for you.",
    deactivate: "It signs nothing until you activate it again. The sessions that were opened with it end, this one too if it is the one that you signed in with.",
    remove: "This is for good. The sessions that were opened with it end, this one too if it is the one that you signed in with.",
    code: "The code works once, and for a minute. Whoever types it can add a passkey, sign in as you and sign for you.",
    recovery: "Its code is shown once, after this. With it, and a code that is sent to your mailbox, all your passkeys can be replaced.",
    formerRecovery: "Its code opens nothing any more after this. The new one works already.",
  },
  last: {
    remove: (name) => last(name, "Remove your last passkey?", "I have the code: remove it"),
    deactivate: (name) => last(name, "Deactivate your last passkey?", "I have the code: deactivate it"),
  },
  lastWarning: "This is your last passkey. You are signed out, and you need your recovery key to sign in again.",

  recovery: {
    none: "If you lost all your passkeys, a recovery key would let you make a new one, together with a code that is sent to your mailbox. Make one, and keep its code where you keep important papers.",
    one: (time) => `You have a recovery key, made on ${time}. If you no longer have its code, replace it.`,
    several: (count) => `You have ${count} recovery keys. Remove those whose codes you no longer have.`,
    useless: "This server sends you no mail, and a recovery begins with one. So only an administrator can let you in again if you lose all your passkeys.",
    make: "Make a recovery key",
    replace: "Replace it by a new one",
  },

  handover: {
    picture: "QR code of the address with the code. Both are written next to it.",
    left: (seconds) => (seconds === 1 ? "1 second" : `${seconds} seconds`),
    waiting: "This page notices when the other device has added its passkey.",
    ended: "The code has ended. If the other device shows your name already, you can finish there. Otherwise make a new code.",
    added: (name) => ["", name, " was added by the other device. Here you can give it another name."],
  },
  recoveryWarnings: {
    deactivate: "Its code opens nothing until you activate it again.",
    remove: "This is for good: its code opens nothing any more.",
  },
  codeWarnings: {
    deactivate: "Its codes count for nothing until you activate it again.",
    remove: "This is for good: its codes count for nothing any more.",
  },

  endingSession: "Ending the session\u2026",
  sessionEnded: "That session has ended.",
  leaving: "Signing you out\u2026",
};

// ---- a new passkey, and changes of those that are there

export const obstacles = {
  ...signing,
  unsupported: { ...useObstacles.unsupported, title: "This browser cannot make passkeys" },
};

// What navigator.credentials.create() may fail with.
export const browserErrors = {
  NotAllowedError: {
    title: "No passkey was made",
    text: "You closed the prompt, or its time ran out. Nothing was added, and you can try again.",
  },
  InvalidStateError: {
    title: "It has a passkey of yours already",
    text: "This device or password manager needs no second one. Use another one. Nothing was added.",
  },
  NotSupportedError: {
    title: "This device cannot make the passkey",
    text: "It does not support the kind of key that your organisation asks for. Use another device. Nothing was added.",
  },
  ConstraintError: {
    title: "This device cannot make the passkey",
    text: "A passkey is kept on the device and locked by PIN, fingerprint or face. Set up a screen lock or PIN, or use another device. Nothing was added.",
  },
  SecurityError: {
    title: "This page is not set up for passkeys",
    text: "The browser does not allow passkeys for this organisation on this address. It is not your fault, and nothing was added. Tell whoever runs this server.",
  },
  UnreadableError: unreadable("Nothing was added."),
};

export const otherBrowserError = (name) => ({
  title: "The browser reported a problem",
  text: `No passkey was added. If it happens again, use another browser or device, and tell whoever runs this server this word: ${name}.`,
});

// Which credential a refusal asks for.
const wanted = (sentence) => /signed with (a .+?)(?: or a stronger credential)?, and was/u.exec(sentence)?.[1];

const tooLate = changed("That took too long", "Nothing was added. Close this and add the passkey once more.");
const notAccepted = ({ provider }) => ({
  title: "This kind of passkey is not accepted",
  text: `Your organisation does not accept passkeys from ${provider}. Use another device or password manager. Nothing was added.`,
});

// What the server may refuse a signed change of credentials with.
export const refusals = {
  credential_last: changed("This is your last one",
    "Without it you could not sign in any more. Add another passkey first. Nothing was changed."),
  credential_too_weak: ({ sentence }) => ({
    title: "This passkey does not count for that",
    text: `Sign with ${wanted(sentence) || "a stronger one"}. If you have none that works, an administrator can give you a new start. Nothing was changed.`,
    again: true,
  }),
  credential_name_invalid: changed("This name cannot be used", "A name has 1 to 100 visible characters. Nothing was changed."),
  expiration_invalid: changed("That took too long", "Close this and make a new code. If it happens at once, this device\u2019s clock is wrong."),
  too_many_credentials: changed("You have as many as there can be", "Remove one that you do not use any more. Nothing was changed."),
  credential_not_found: changed("It is not there any more", "It was removed meanwhile. The list will show what is there now."),
  credential_already_registered: changed("There is a passkey already", "This one is in use here. Nothing was changed."),
  user_not_verified: changed("Your device did not check that it is you",
    "A fingerprint, a face or a PIN is required for the new passkey. Set one up, or use another device. Nothing was added."),
  algorithm_not_offered: changed("This device cannot make the passkey", "It made a kind of key that is not accepted here. Use another device. Nothing was added."),
  authenticator_not_allowed: notAccepted,
  attestation_malformed: notAccepted,
  attestation_format_unsupported: notAccepted,
  attestation_invalid: notAccepted,
  attestation_certificate_invalid: notAccepted,
  ceremony_expired: tooLate,
  challenge_invalid: tooLate,
};
