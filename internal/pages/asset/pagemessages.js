// What the pages for people who are signed in say in common, under the names of messages.js.
import { noAnswer, tooManyTries } from "./messages.js";

export const text = {
  kinds: { CustomerEmployee: "Member", EndUser: "End user" },
  unknown: "Unknown",
  never: "Never",
  none: "None",
  again: "Try again",
  zone: (offset) => `Times are by this device\u2019s clock (${offset}).`,
  ending: (time) => ({ mild: true, title: `Your session ends at\u00a0${time}`, text: "After that you are asked to sign in again." }),
  manage: "Manage",
  manageNamed: (name) => `Manage ${name}`,
  copy: "Copy",
  copyNamed: (what, name) => `Copy ${what} of ${name}`,
  changed: (name, state) => ["", name, `: ${state}`],
  noPasskey: {
    mild: true,
    title: "You cannot sign changes here",
    text: "Changes are signed with a passkey, and your account has none that is active. You can look around. If you registered with a key, which a browser cannot use, make changes with the program that holds it.",
  },
  typedKept: "What you had typed is here again. Nothing of it was sent.",
  stale: "The server does not answer, so this may be out of date.",
};

// Who opens a page without the permission for it.
export const denied = {
  title: "This page is not for your account",
  text: (operations) => `It takes the permission ${operations.join(" or ")}, and none of your roles has it. An administrator of your organisation can give you one that has.`,
};

export const obstacles = {
  offline: noAnswer,
  undone: {
    title: "The server did not answer",
    text: "It is not known whether that was done. Check your connection and try again.",
  },
};

export const refusals = {
  too_many_tries: tooManyTries,
  pagination_token_invalid: () => ({
    title: "The list has to begin anew",
    text: "The server has forgotten where it stopped. Load the list again.",
    actions: ["retry"],
  }),
};

export const otherRefusal = (sentence) => ({
  title: "The server did not accept that",
  text: sentence || "It gave no reason.",
  actions: ["retry"],
});

export const serverFailure = {
  title: "Something went wrong on our side",
  text: "Please try again; if it goes on, tell your administrator the reference below.",
  actions: ["retry"],
};
