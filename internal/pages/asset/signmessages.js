// What is said while a change is signed, under the names of messages.js.
import { onceMore, prompting, unreadable, useObstacles } from "./messages.js";

export const text = {
  sign: "Sign with your passkey",
  ...prompting,
  sending: "Signed. Waiting for the server\u2026",
  second: "Your organisation asks for a second factor.",
  stale: onceMore,
  names: "Names",
  cancel: "Cancel",
  close: "Close",
  done: ([first, ...rest]) => [`Signed and done: ${first}`, ...rest],
};

// Whoever has only a key, or has deactivated all passkeys, has nothing that a browser could sign with.
export const noPasskey = {
  title: "Your account has no passkey",
  text: "Changes are signed with a passkey here, and you have none that is active. If you registered with a key, which a browser cannot use, make the change with the program that holds it. Nothing was changed.",
};

export const obstacles = {
  insecure: {
    title: "This page is not secure",
    text: "Passkeys work only over an encrypted connection. If the address begins with http:// instead of https://, tell whoever runs this server.",
  },
  ...useObstacles,
  outside: (host, rpId) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault. Whoever runs this server needs to know: this page is on ${host}, but passkeys here are for ${rpId}.`,
  }),
  offline: {
    title: "The server did not answer",
    text: "Nothing was changed. Check your connection and try again.",
    again: true,
  },
  another: {
    title: "The server asked for a signature of something else",
    text: "Nothing was signed, and nothing was changed. Close this, load the page again and try once more. If it happens again, tell whoever runs this server.",
  },
  unsigned: {
    title: "The server did not answer",
    text: "Your device signed, but the signature did not arrive, so nothing was changed. Check your connection and try again.",
    again: true,
  },
  unknown: {
    title: "It is not known whether that was done",
    text: "You signed and the request was sent, but no answer came. Close this and look at the list before you try again.",
  },
};

// What navigator.credentials.get() may fail with (WebAuthn L3 \u00a75.1.4).
export const browserErrors = {
  NotAllowedError: {
    title: "Nothing was signed",
    text: "You closed the prompt, its time ran out, or your passkey is not on this device. Nothing was changed. If your passkey is on a phone or a security key, use that one.",
  },
  InvalidStateError: {
    title: "This device cannot use that passkey",
    text: "It was reached, but it does not hold a passkey of yours. Nothing was changed. Use the device that you signed in with.",
  },
  NotSupportedError: {
    title: "This device cannot sign here",
    text: "It does not support what your organisation asks for. Nothing was changed. Use another device.",
  },
  ConstraintError: {
    title: "Your device cannot check that it is you",
    text: "A fingerprint, a face or a PIN is required here. Nothing was changed. Set up a screen lock or PIN, or use another device.",
  },
  SecurityError: {
    title: "This page is not set up for passkeys",
    text: "The browser does not allow passkeys for this organisation on this address. It is not your fault, and nothing was changed. Tell whoever runs this server.",
  },
  UnreadableError: unreadable("Nothing was changed."),
  OperationError: {
    title: "Another prompt is open",
    text: "The browser is still busy with an earlier question. Close it, or wait a moment, and try again. Nothing was changed.",
  },
};

export const otherBrowserError = (name) => ({
  title: "The browser reported a problem",
  text: `Nothing was changed. If it happens again, use another browser or device, and tell whoever runs this server this word: ${name}.`,
});

// What a refusal that names an operation wants: the name stands at the end of its sentence.
const wanted = (sentence) => /\(([A-Za-z:]+)\)$/u.exec(sentence)?.[1];

const beginAgain = () => ({
  title: "Please sign once more",
  text: "The server does not take this signature any more, because it took too long or was sent before. Nothing was changed by it now.",
  again: true,
});
export const changed = (title, text) => () => ({ title, text });
const gone = changed("It is not there any more", "Somebody else has archived or removed it meanwhile. The list will show what is there now.");

// What the server may refuse with, when it is asked for a challenge, given the signature, or
// sent the request. again says that another signature may do.
export const refusals = {
  ceremony_expired: beginAgain,
  challenge_invalid: beginAgain,
  challenge_used: beginAgain,
  user_action_invalid: beginAgain,
  user_action_used: changed("This signature has been used",
    "A signature counts once. Close this and look at the list: the change has probably been made."),
  signature_invalid: () => ({
    title: "This passkey does not count here",
    text: "It is not, or no longer, one of your account\u2019s. Nothing was changed. Use the passkey that you signed in with.",
    again: true,
  }),
  credential_inactive: () => ({
    title: "This passkey is deactivated",
    text: "It signs nothing until it is activated again. Nothing was changed. Use another passkey of yours.",
    again: true,
  }),
  user_not_verified: () => ({
    title: "Your device did not check that it is you",
    text: "A fingerprint, a face or a PIN is required here. Nothing was changed. Set one up, or use another device.",
    again: true,
  }),
  sign_count_refused: changed("This passkey needs to be looked at",
    "Its counter does not fit what was seen before, which can mean that it was copied. Nothing was changed. Keep the reference below."),
  backup_state_refused: changed("This passkey has changed",
    "It is synced differently from when it was registered, and your organisation does not accept that. Nothing was changed. Keep the reference below."),
  first_factor_required: () => ({
    title: "This is your second factor",
    text: "Begin with the passkey that you signed in with. This one is asked for in the next step. Nothing was changed.",
    again: true,
  }),
  second_factor_required: changed("A second credential is needed",
    "Your organisation asks for two credentials for each signature, and this page cannot use your second one. Nothing was changed."),
  origin_not_allowed: ({ host }) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault, and nothing was changed. Tell whoever runs this server that passkeys are refused on ${host}, with the reference below.`,
  }),
  payload_too_large: changed("That is too much at once", "Nothing was changed. Try with fewer names at a time."),
  too_many_tries: ({ wait }) => ({
    title: "Too many tries",
    text: wait ? `Nothing was changed. Try again in ${wait}.` : "Nothing was changed. Try again later.",
    again: true,
  }),

  permission_denied: ({ sentence }) => ({
    title: "You may not do this",
    text: wanted(sentence)
      ? `It takes the permission ${wanted(sentence)}, which none of your roles has. Nobody can give others more than they hold themselves. Nothing was changed.`
      : "None of your roles allows it. Nothing was changed.",
  }),
  last_administrator: changed("This is the last administrator",
    "Without them nobody could administer your organisation any more. Give somebody else the role to do everything first. Nothing was changed."),

  user_already_exists: ({ who }) => ({
    title: "Somebody of that name is here already",
    text: who ? `${who} was invited before, so nobody was invited now. Leave that name out and try again.`
      : "Nobody was invited now. Leave out who was invited before and try again.",
  }),
  username_twice: ({ who }) => ({
    title: "A name is there twice",
    text: `Nobody was invited. Names count as the same when only capitals differ${who ? `; look for ${who}` : ""}.`,
  }),
  username_confusable: ({ who, sentence }) => ({
    title: "A name looks like another",
    text: who ? `Nobody was invited, because of ${who}. ${sentence}` : `Nobody was invited. ${sentence}`,
  }),
  username_invalid: ({ who, sentence }) => ({
    title: "A name cannot be used",
    text: who ? `Nobody was invited, because of ${who}. ${sentence}` : `Nobody was invited. ${sentence}`,
  }),
  user_already_registered: changed("There is no code to make",
    "This person has registered meanwhile, or is deactivated. The list will show it."),
  user_not_registered: changed("There is nobody to give a new start",
    "They are deactivated, or have not registered since they got a code. Activate them first, or make a new code."),
  recovery_of_oneself: changed("You cannot give yourself a new start",
    "You are signed in: add a passkey on your account page instead, and remove the one that you lost. Nothing was changed."),
  registration_code_not_live: changed("There is no code to withdraw",
    "The code has been used, withdrawn or replaced meanwhile, or it has expired. The list will show it."),
  user_not_found: gone,
  service_account_not_found: gone,
  token_not_found: gone,
  assignment_not_found: gone,
  identity_not_found: gone,

  permission_name_taken: changed("There is a role of that name", "Choose another name. Nothing was changed."),
  permission_changed: () => ({
    title: "The role was changed at the same moment",
    text: "Look at it as it is now, and try again. Nothing was changed by you.",
  }),
  permission_already_assigned: changed("They have that role already", "Nothing was changed."),
  permission_archived: changed("The role is archived", "Bring it back before you give or change it. Nothing was changed."),
  permission_immutable: changed("This role cannot be changed", "It comes with the organisation; it can only be given and taken away."),
  operations_missing: changed("The role allows nothing", "Choose at least one thing that it allows."),

  service_account_name_taken: changed("There is a service account of that name, or of one that looks the same", "Choose another name. Nothing was changed."),
  token_name_taken: changed("You have an access token of that name, or of one that looks the same", "Choose another name. Nothing was changed."),
  name_invalid: changed("This name cannot be used", "A name has 1 to 100 visible characters, without a space at either end, and no word of it mixes Latin with letters that look alike."),
  public_key_invalid: changed("This is not a public key that can be used",
    "Paste all of the public key, from BEGIN PUBLIC KEY to END PUBLIC KEY: P-256, P-384, P-521, secp256k1, Ed25519, or RSA of 2048 bits and more."),
  lifetime_invalid: changed("That is not a lifetime", "An access token lasts 1 to 730 days."),
};
refusals.rp_id_mismatch = refusals.origin_not_allowed;
refusals.user_handle_mismatch = refusals.signature_invalid;
refusals.registration_code_not_found = refusals.registration_code_not_live;

export const otherRefusal = (sentence) => ({
  title: "The server did not accept that",
  text: `${sentence || "It gave no reason."} Nothing was changed.`,
});

export const serverFailure = {
  title: "Something went wrong on the server",
  text: "Close this and look at the list before you try again. If it goes on, tell whoever runs this server the reference below.",
};
