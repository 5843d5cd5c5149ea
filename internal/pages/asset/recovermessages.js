// Everything the recovery page says once its script runs, under the names of messages.js.
import { noAnswer, passkeyRefusals, tooManyTries, visitObstacles } from "./messages.js";

export { browserErrors, otherBrowserError, otherRefusal } from "./messages.js";

export const text = {
  title: "Recover your account",
  joining: (organisation) => ["Recover your account at ", organisation], // the name is set apart as a name
  codes: "Enter both codes",
  // The same whoever asks: nobody learns here who has an account.
  sent: (username) => ["If ", username, " has a recovery code here, a mail with a code is on its way."],
  have: (username) => ["For the account ", username, "."],
  sending: "Asking for a code\u2026",
  resent: "Another mail is on its way if this account can be recovered. Earlier codes stay good until one is used.",
  opening: "Checking the codes\u2026",
  create: "Create a new passkey",
  finished: "You are back in",
  summary: "Your new passkey and your new recovery code are stored. Everything from before has stopped working.",

  waiting: "Your recovery has to wait",
  keepWaiting: "Your new passkey is made. This is the new recovery code that belongs to it; both work once the recovery is complete. Until then the former code does.",
  waitsFor: (unapproved) => `Nothing has changed yet. Your organisation has recoveries wait, so that nobody takes over an account unnoticed.${
    unapproved ? " An administrator must approve yours: ask one, best by phone or in person." : ""}`,
  comeBack: "You may close this page. Come back to it in this browser, and your recovery will be completed as soon as it can be.",
  stayHere: "Keep this page open until it is completed: your browser does not let it store anything.",
  approvals: { needed: "Still missing", given: "Given" },
  stillWaits: "It still waits.",

  required: {
    orgId: "Enter the organisation id. It starts with \u201cor-\u201d.",
    username: "Enter your user name, often your mail address.",
    verificationCode: "Enter the code from the mail.",
    recoveryCode: "Enter the recovery code that you kept.",
  },
  notFromTheMail: "This looks like the recovery code that you kept. The code from the mail goes here; it is shorter.",
  length: (is, has) => `A recovery code has ${is} letters and digits; this one has ${has}.`,
  wrong: "This recovery code does not open the recovery key of this account. Compare each character with what you kept.",
};

export const obstacles = {
  ...visitObstacles,
  outside: (host, rpId) => ({
    title: "This page is not set up for passkeys",
    text: `It is not your fault, and both codes still work. Your administrator needs to know: this page is on ${host}, but passkeys here are for ${rpId}.`,
  }),
  offline: noAnswer,
  notOffered: {
    title: "Ask your administrator",
    text: "Accounts cannot be recovered here, because this server sends no mail. An administrator of your organisation can give you a new start: a new invitation, with which you register again.",
    actions: ["signin"],
  },
  elsewhere: {
    title: "The recovery key of this account is kept elsewhere",
    text: "No recovery code of this page belongs to it. Recover with the program that made the key, or ask an administrator of your organisation for a new start.",
  },
};

const beginAgain = () => ({
  title: "This recovery cannot be completed",
  text: "Something has changed since it began: a code was used, or the recovery key was removed. Please begin again.",
  actions: ["begin"],
  final: true,
});

// field names the field where the mistake is.
export const refusals = {
  ...passkeyRefusals,
  recovery_code_invalid: () => ({
    title: "The code from the mail is not right",
    text: "It may be mistyped, used or too old. Check it, or have another one sent.",
    field: "verificationCode",
  }),
  organisation_id_malformed: () => ({
    title: "There is no such organisation",
    text: "An organisation id starts with \u201cor-\u201d and is written in your invitation; copy it from there.",
    field: "orgId",
  }),
  member_too_long: () => ({
    title: "That is too long",
    text: "Check what you have typed.",
  }),
  user_inactive: () => ({
    title: "This account is deactivated",
    text: "An administrator has deactivated it, so it cannot be recovered now. Speak to your administrator.",
    final: true,
  }),
  too_many_tries: (details) => ({ ...tooManyTries(details), final: false }),
  recovery_stopped: () => ({
    title: "This recovery was stopped",
    text: "The owner of the account or an administrator has stopped it, and nothing was changed. If the account is yours, speak to an administrator of your organisation: they can give you a new start.",
    actions: ["begin"],
    final: true,
  }),
  recovery_replaced: () => ({
    title: "Another recovery took its place",
    text: "Somebody has begun to recover this account anew. If that was not you, tell an administrator of your organisation at once: they can stop it.",
    actions: ["begin"],
    final: true,
  }),
  recovery_expired: () => ({
    title: "This recovery is too old",
    text: "It was not completed in time, and nothing was changed. Please begin again.",
    actions: ["begin"],
    final: true,
  }),
  recovery_lost: beginAgain,
  credential_not_recovery: beginAgain,
};

export const serverFailure = {
  title: "Something went wrong on our side",
  text: "Nothing was changed. Please try again; if it goes on, tell your administrator the reference below.",
  actions: ["retry"],
};
