// Everything the registration page says once its script runs, and what all pages share.
// A translation replaces this module and its like for the other pages, which export the
// same names. Where a sentence holds a name or a time, the entry is a function.

// What is said around every prompt for a passkey.
export const prompting = {
  preparing: "Getting ready\u2026",
  waiting: "Waiting for your device\u2026",
  prompted: "Your browser is asking now. Use your fingerprint, face, PIN or security key.",
  again: "Try again",
};

// What stops the use of a passkey on any page.
export const useObstacles = {
  framed: {
    title: "Open this page on its own",
    text: "This page is shown inside another one, where passkeys cannot be used. Open it directly in the browser.",
  },
  unsupported: {
    title: "This browser cannot use passkeys",
    text: "Open this page in a current version of Chrome, Edge, Firefox or Safari.",
  },
};

// The same for who cannot look after the server, as on the pages without a session.
export const visitObstacles = {
  insecure: {
    title: "This page is not secure",
    text: "Passkeys work only over an encrypted connection. If the address begins with http:// instead of https://, tell your administrator.",
  },
  ...useObstacles,
};

export const noAnswer = {
  title: "The server did not answer",
  text: "Check your connection and try again.",
  actions: ["retry"],
};

export const tooManyTries = ({ wait }) => ({
  title: "Too many tries",
  text: wait ? `Try again in ${wait}.` : "Try again later.",
  actions: ["retry"],
  final: true,
});

// What is said when a passkey's answer has not the form of one.
export const unreadable = (rest) => ({
  title: "The answer could not be read",
  text: `Your browser or password manager answered in a form that this page does not know. ${rest} Try again, or use another browser or device.`,
});

// What is said when a click came without a challenge.
export const onceMore = "Everything is ready now. Please press the button once more.";

export const text = {
  loading: "Checking your invitation\u2026",
  enter: "Enter your invitation",
  joining: (organisation) => ["Join ", organisation], // the name is set apart as a name
  ...prompting,
  create: "Create passkey",
  saving: "Saving your passkey\u2026",
  lost: "The connection was lost. Nothing is lost: trying again\u2026",
  stale: "This page was open for a while and has been made ready again. Please press the button once more.",
  noProvider: "This device does not seem to keep passkeys itself. A phone or a security key works just as well.",
  ending: (minutes, time) => minutes > 1
    ? `This invitation ends in ${minutes} minutes, at\u00a0${time}.`
    : `This invitation ends in less than a minute, at\u00a0${time}.`,
  resending: "Asking for a new code\u2026",
  resent: "If this account is still waiting to be registered, a new code is on its way to its mailbox. Any earlier code stops working.",
  resendFailed: "The request for a new code did not get through. Please try again in a moment.",
  thisKind: "this provider",
  reference: "Reference",
  contact: "Who can help",

  required: {
    orgId: "Enter the organisation id. It starts with \u201cor-\u201d.",
    username: "Enter your user name, often your mail address.",
    registrationCode: "Enter the registration code from your invitation.",
  },

  done: "Your passkey is ready",
  synced: "Synced",
  syncable: "Can be synced",
  bound: "On one device only",
  syncedWhy: "Your passkey provider keeps a copy, so it is there on your other devices too.",
  syncableWhy: "Your passkey provider can keep a copy. Turn on syncing there to have it on your other devices.",
  boundWhy: "This passkey cannot be copied: it stays on this one device.",
  securityKey: "Security key",
  passkey: "Passkey",
  on: (browser, system) => `${browser} on ${system}`,

  recoveryName: "Recovery key",
  recoveryUntil: (time) => `You can do this here until ${time}, and later on your account page.`,
  recoveryMaking: "Making your recovery key\u2026",
  recoveryTitle: "Keep this code safe",
  copied: "Copied.",
  copyFailed: "Your browser did not allow copying. Select the code and copy it by hand.",
  downloaded: "Saved to your downloads.",
  notTheEnd: "That is not how the code ends. Compare it with what you have saved.",
  typeTheEnd: "Type the last six characters of what you have saved.",
  file: ({ code, organisation, username, date, address }) => [
    "Countersign recovery code",
    "",
    `Organisation  ${organisation}`,
    `User name     ${username}`,
    `Made          ${date}`,
    `For the page  ${address}`,
    "",
    `    ${code}`,
    "",
    "With this code, and one that is sent to your mailbox, you make a new passkey on that",
    "page if yours are lost. So can whoever finds it and can read your mail. Keep it where",
    "you keep important papers. Nobody will ever ask you for it, except that page.",
    "",
  ].join("\r\n"),
  finished: "You are registered",
  withRecovery: "Passkey and recovery key are stored.",
  withoutRecovery: "Your passkey is stored.",
};

// What to call things on more than one page.
export const kinds = {
  Fido2: "Passkey",
  Key: "Signing key",
  PasswordProtectedKey: "Signing key under a password",
  RecoveryKey: "Recovery key",
  Totp: "Codes from an app",
  Password: "Password",
};

// What stops a passkey before anything was tried. Each has a title and a text; actions
// name what the page then offers: retry, form, resend, send or signin.
export const obstacles = {
  insecure: {
    title: "This page is not secure",
    text: "Passkeys work only over an encrypted connection. Open the link exactly as it was sent to you; if it begins with http:// instead of https://, tell the person who invited you.",
  },
  framed: {
    title: "Open this page on its own",
    text: "This page is shown inside another one, where passkeys cannot be made. Open your invitation link directly in the browser.",
  },
  unsupported: {
    title: "This browser cannot make passkeys",
    text: "Open your invitation link in a current version of Chrome, Edge, Firefox or Safari. Your invitation has not been used up.",
  },
  outside: (host, rpId) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault, and your invitation has not been used up. Your administrator needs to know: this page is on ${host}, but passkeys here are for ${rpId}.`,
  }),
  offline: {
    title: "The server did not answer",
    text: "Check your connection and try again. Your invitation has not been used up.",
    actions: ["retry"],
  },
  unsaved: {
    title: "Your passkey is not saved yet",
    text: "Your device made the passkey, but the server did not answer. Keep this page open and send it again; nothing has to be repeated on your device.",
    actions: ["send"],
  },
};

// What navigator.credentials.create() may fail with, by the name of the exception
// (WebAuthn L3 §5.1.3). AbortError is not here: it is our own doing and stays quiet.
export const browserErrors = {
  NotAllowedError: {
    title: "No passkey was made",
    text: "You closed the prompt, or its time ran out. Nothing was saved and your code still works, so you can try again.",
  },
  InvalidStateError: {
    title: "There is a passkey already",
    text: "This device or password manager already has a passkey for this account. If you did not mean to make another, sign in with it. Otherwise use another device.",
    actions: ["signin"],
  },
  NotSupportedError: {
    title: "This device cannot make the passkey",
    text: "It does not support the kind of key that your organisation asks for. Use another device, or show this message to your administrator. Your code still works.",
  },
  ConstraintError: {
    title: "This device cannot make the passkey",
    text: "Your organisation asks for a passkey that is kept on the device and locked by PIN, fingerprint or face. Set up a screen lock or PIN, or use another device. Your code still works.",
  },
  SecurityError: {
    title: "This page is not set up for passkeys",
    text: "The browser does not allow passkeys for this organisation on this address. It is not your fault, and your code still works. Show this message to your administrator.",
  },
  UnreadableError: unreadable("Nothing was saved and your code still works."),
};

export const otherBrowserError = (name) => ({
  title: "The browser reported a problem",
  text: `No passkey was made and your code still works. If it happens again, use another browser or device, and tell your administrator this word: ${name}.`,
});

const askAgain = (mail) => mail
  ? "Ask for a new one; it takes one click."
  : "Ask the person who invited you for a new one.";

// What the server may refuse with, by its stable code. when is the time that the
// refusal names, as text; mail is whether the server can send a new code; host is this
// page's. First what is about a new passkey, on any page.
export const passkeyRefusals = {
  user_not_verified: () => ({
    title: "Your device did not check that it is you",
    text: "A fingerprint, a face or a PIN is required here. Set one up, or use another device. Your code still works.",
  }),
  authenticator_not_allowed: ({ provider }) => ({
    title: "This kind of passkey is not accepted",
    text: `Your organisation does not accept passkeys from ${provider}. Use another device or password manager. Your code still works.`,
  }),
  algorithm_not_offered: () => ({
    title: "This device cannot make the passkey",
    text: "It made a kind of key that is not accepted here. Use another device. Your code still works.",
  }),
  origin_not_allowed: ({ host }) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault, and your code still works. Tell your administrator that passkeys are refused on ${host}, with the reference below.`,
  }),
  credential_already_registered: () => browserErrors.InvalidStateError,
  ceremony_expired: () => ({
    title: "That took too long",
    text: "The prompt was open for longer than the server waits. Nothing was saved and your code still works. Please try again.",
  }),
};
passkeyRefusals.rp_id_mismatch = passkeyRefusals.origin_not_allowed;
for (const code of ["attestation_malformed", "attestation_format_unsupported", "attestation_invalid", "attestation_certificate_invalid"]) {
  passkeyRefusals[code] = passkeyRefusals.authenticator_not_allowed;
}

export const refusals = {
  ...passkeyRefusals,
  registration_code_expired: ({ when, mail }) => ({
    title: "This invitation has expired",
    text: `Its code ${when ? `was good until ${when}` : "is too old"}. ${askAgain(mail)}`,
    actions: mail ? ["resend"] : [],
    final: true,
  }),
  registration_code_revoked: ({ when, replaced, mail }) => replaced ? {
    title: "There is a newer invitation",
    text: `A new code${when ? `, made on ${when},` : ""} has replaced this one. Look for the latest message, or enter its code by hand.`,
    actions: mail ? ["form", "resend"] : ["form"],
    final: true,
  } : {
    title: "This invitation was withdrawn",
    text: `An administrator withdrew this code${when ? ` on ${when}` : ""}. If you think that was a mistake, speak to the person who invited you.`,
    actions: mail ? ["resend"] : [],
    final: true,
  },
  user_already_exists: ({ when, mail }) => ({
    title: "This invitation has been used",
    text: `The registration was completed ${when ? `on ${when}` : "already"}. If that was you, sign in with your passkey. If it was not, tell your administrator at once.`,
    actions: mail ? ["signin", "resend"] : ["signin"],
    final: true,
  }),
  user_inactive: () => ({
    title: "This account is deactivated",
    text: "An administrator has deactivated it, so it cannot be registered now. Speak to the person who invited you.",
    final: true,
  }),
  registration_refused: () => ({
    title: "That did not match",
    text: "Organisation, user name and code do not belong together. Check each of them, or open the link from your invitation again.",
    actions: ["form"],
    final: true,
  }),
  organisation_id_malformed: () => ({
    title: "That did not match",
    text: "This is not an organisation id. It starts with \u201cor-\u201d and is written in your invitation; copy it from there.",
    actions: ["form"],
    final: true,
  }),
  too_many_tries: ({ wait }) => ({
    title: "Too many tries",
    text: wait
      ? `Several wrong codes were entered. Try again in ${wait}. Your invitation has not been used up.`
      : "Several wrong codes were entered. Try again later. Your invitation has not been used up.",
    actions: ["retry"],
    final: true,
  }),
  registration_lost: ({ mail }) => refusals.user_already_exists({ mail }),
};
refusals.member_too_long = refusals.registration_refused;

// Any other refusal: the server's own sentence is written for people.
export const otherRefusal = (sentence) => ({
  title: "The server did not accept that",
  text: `${sentence || "It gave no reason."} Your code still works unless it says otherwise.`,
});

// A failure inside the server, or a proxy in its place.
export const serverFailure = {
  title: "Something went wrong on our side",
  text: "Your invitation has not been used up. Please try again; if it goes on, tell your administrator the reference below.",
  actions: ["retry"],
};

export const recoveryFailed = {
  title: "The recovery key was not stored",
  text: "Your passkey is safe and you are registered. You can try once more, or do it later on your account page.",
};

export const recoveryTooLate = {
  title: "It is too late to do this here",
  text: "Your passkey is safe and you are registered. Sign in and make a recovery key on your account page.",
};

// waitText is a number of seconds as people say it.
export function waitText(seconds) {
  if (seconds < 90) return `${Math.max(seconds, 1)} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 90 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`;
}
