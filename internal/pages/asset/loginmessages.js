// Everything the login page says once its script runs, under the names of messages.js.
import { noAnswer, onceMore, prompting, tooManyTries, unreadable, visitObstacles } from "./messages.js";

export const text = {
  title: "Sign in",
  joining: (organisation) => ["Sign in to ", organisation], // the name is set apart as a name
  signIn: "Sign in with a passkey",
  ...prompting,
  checking: "Signing you in\u2026",
  stale: onceMore,
  signedIn: (username) => ({
    mild: true,
    title: "You are signed in already",
    text: `This tab is signed in as ${username}. You can continue, or sign in as somebody else.`,
    actions: ["go"],
  }),
  required: {
    orgId: "Enter the organisation id, which starts with \u201cor-\u201d, or clear the user name to use any passkey.",
  },
};

// Why somebody was sent here.
export const notices = {
  ended: {
    mild: true,
    title: "Your session has ended",
    text: "It ran out, or it was ended elsewhere. Sign in to go on.",
  },
  out: { mild: true, title: "You are signed out" },
  everywhere: { mild: true, title: "You are signed out everywhere", text: "All your sessions have been ended." },
};

export const obstacles = {
  ...visitObstacles,
  outside: (host, rpId) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault. Your administrator needs to know: this page is on ${host}, but passkeys here are for ${rpId}.`,
    actions: ["another"],
  }),
  offline: noAnswer,
  lost: {
    title: "The server did not answer",
    text: "Your device did its part, but no answer came, so you are not signed in. Check your connection and try again.",
  },
  storage: {
    title: "This browser keeps nothing for this page",
    text: "Your passkey was accepted, but the browser does not allow this page to keep your session. Allow storage for this site, or leave private mode, and try again.",
    actions: ["retry"],
  },
};

const noPasskey = {
  title: "No passkey was used",
  text: "You closed the prompt, its time ran out, or there is no passkey for this account on this device. If yours is on a phone or a security key, use that one instead.",
};

// What navigator.credentials.get() may fail with (WebAuthn L3 §5.1.4).
export const browserErrors = {
  NotAllowedError: noPasskey,
  InvalidStateError: {
    title: "This device cannot use that passkey",
    text: "It was reached, but it does not hold a passkey that fits. Use another device, or the one you registered with.",
  },
  NotSupportedError: {
    title: "This device cannot sign in here",
    text: "It does not support what your organisation asks for. Use another device, or show this message to your administrator.",
  },
  ConstraintError: {
    title: "Your device cannot check that it is you",
    text: "A fingerprint, a face or a PIN is required here. Set up a screen lock or PIN, or use another device.",
  },
  SecurityError: {
    title: "This page is not set up for passkeys",
    text: "The browser does not allow passkeys for this organisation on this address. It is not your fault. Show this message to your administrator.",
  },
  UnreadableError: unreadable("You are not signed in."),
  OperationError: {
    title: "Another prompt is open",
    text: "The browser is still busy with an earlier question. Close it, or wait a moment, and try again.",
  },
};

export const otherBrowserError = (name) => ({
  title: "The browser reported a problem",
  text: `You are not signed in. If it happens again, use another browser or device, and tell your administrator this word: ${name}.`,
});

const tooLong = {
  title: "That took too long",
  text: "The prompt was open for longer than the server waits. Please try again.",
};

export const refusals = {
  signature_invalid: () => ({
    title: "This passkey is not accepted here",
    text: "It may have been removed, or belong to another account or organisation. Try another passkey; if you have none, ask your administrator for a new start.",
  }),
  ceremony_expired: () => tooLong,
  challenge_invalid: () => ({
    title: "Please begin again",
    text: "The server does not know this attempt to sign in any more. Nothing was changed; please try again.",
  }),
  challenge_used: () => ({
    title: "That was sent already",
    text: "An answer of your passkey counts once, and this one has been used. Please try again.",
  }),
  user_handle_missing: () => ({
    title: "Your user name is needed",
    text: "This passkey does not say whose it is. Type your user name and try again.",
  }),
  user_inactive: () => ({
    title: "This account is deactivated",
    text: "Your passkey is right, but an administrator has deactivated the account. Speak to your administrator.",
  }),
  too_many_tries: tooManyTries,
  credential_inactive: () => ({
    title: "This passkey no longer works",
    text: "Somebody has deactivated it or removed it, or another has taken its place. Use another passkey, or speak to your administrator.",
  }),
  user_not_verified: () => ({
    title: "Your device did not check that it is you",
    text: "A fingerprint, a face or a PIN is required here. Set one up, or use another device.",
  }),
  sign_count_refused: () => ({
    title: "This passkey needs to be looked at",
    text: "Its counter does not fit what was seen before, which can mean that it was copied. Your organisation therefore does not accept it. Use another passkey, and give your administrator the reference below.",
  }),
  backup_state_refused: () => ({
    title: "This passkey has changed",
    text: "It is synced differently from when it was registered, and your organisation does not accept that. Use another passkey, and give your administrator the reference below.",
  }),
  first_factor_required: () => ({
    title: "This is your second factor",
    text: "Begin with the passkey that you registered with. This one is asked for in the next step.",
  }),
  second_factor_required: () => ({
    title: "A second credential is needed",
    text: "Your organisation asks for two credentials to sign in, and this page cannot use your second one. Sign in with the program that your organisation gave you, or ask your administrator.",
  }),
  organisation_id_malformed: () => ({
    title: "There is no such organisation",
    text: "An organisation id starts with \u201cor-\u201d and is written in your invitation; copy it from there.",
    actions: ["another"],
    final: true,
  }),
  origin_not_allowed: ({ host }) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault. Tell your administrator that passkeys are refused on ${host}, with the reference below.`,
  }),
};
refusals.user_handle_mismatch = refusals.signature_invalid;
refusals.rp_id_mismatch = refusals.origin_not_allowed;

export const otherRefusal = (sentence) => ({
  title: "The server did not accept that",
  text: `${sentence || "It gave no reason."} You are not signed in.`,
});

export const serverFailure = {
  title: "Something went wrong on our side",
  text: "You are not signed in. Please try again; if it goes on, tell your administrator the reference below.",
  actions: ["retry"],
};
