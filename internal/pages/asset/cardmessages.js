// What the cards of passkeys and sessions say, on every page that has them.
export const text = {
  second: "second factor",
  inactive: "Deactivated",
  created: "Created",
  lastUsed: "Last used",
  signedInFrom: "Last sign-in from",
  backedUp: "Backed up",
  backups: {
    synced: (used) => (used ? "Yes, when it was last used" : "Yes, when it was made"),
    syncable: (used) => (used ? "Not when it was last used" : "Not when it was made"),
    bound: () => "No: it stays on its one device",
  },
  current: "This one",
  with: (credential) => `With ${credential}`,
  since: "Since",
  until: "Until",
  end: "End",
  endNamed: (what, credential, since) => `End the session of ${what}${credential && ` with ${credential}`} since ${since}`,
  program: (product) => `A program (${product})`,
  unknownProgram: "A program without a name",
  addedAt: (name, time) => `${name} (${time})`,
};
