// Everything the account page says once its script runs, under the names of messages.js.

export const text = {
  title: "Your account",
  username: "User name",
  organisation: "Organisation",
  role: "Role",
  administrator: "Administrator",
  roles: { CustomerEmployee: "Member", EndUser: "End user" },
  registered: "Registered",
  second: "second factor",
  inactive: "Switched off",
  created: "Created",
  lastUsed: "Last used",
  never: "Never",
  unknown: "Unknown",
  current: "This one",
  with: (credential) => `With ${credential}`,
  since: "Since",
  until: "Until",
  end: "End",
  endNamed: (what, since) => `End the session of ${what} since ${since}`,
  program: (product) => `A program (${product})`,
  unknownProgram: "A program without a name",
  endingSession: "Ending the session\u2026",
  sessionEnded: "That session has ended.",
  leaving: "Signing you out\u2026",
  zone: (offset) => `Times are by this device\u2019s clock (${offset}).`,
  ending: (time) => ({ mild: true, title: `Your session ends at\u00a0${time}`, text: "After that you are asked to sign in again." }),
};

export const obstacles = {
  offline: {
    title: "The server did not answer",
    text: "Check your connection and try again.",
    actions: ["retry"],
  },
  undone: {
    title: "The server did not answer",
    text: "It is not known whether that was done. Check your connection and try again.",
  },
};

export const refusals = {
  too_many_tries: ({ wait }) => ({
    title: "Too many tries",
    text: wait ? `Try again in ${wait}.` : "Try again later.",
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
