// What the pages for people who are signed in say about a recovery that waits.
import { changed } from "./signmessages.js";

export const text = {
  title: "Somebody is recovering this account",
  lead: "They have its recovery key, and the mail of this account or the help of a service. If it is not you, stop it now: otherwise all your passkeys stop working.",
  since: "Asked for",
  address: "From",
  until: "Not before",
  approval: "Approval",
  approvals: { needed: "Still missing", given: "Given" },
  stop: "Stop it",
  stopping: "Stopping the recovery\u2026",
  stopped: "The recovery is stopped, and nothing was changed. If it was not yours, somebody has your recovery key: remove that key here.",
  over: "That recovery does not wait any more.",

  // of somebody else, on the people page
  section: "Recovery",
  badge: "Recovering",
  ofAnother: "Somebody recovers this account with its recovery key. Speak to its owner before you approve it, by phone or in person.",
  approveRecovery: "Approve",
  stopRecovery: "Stop",
  changes: {
    approveRecovery: (name) => ["Approve the recovery of ", name],
    stopRecovery: (name) => ["Stop the recovery of ", name],
  },
  warnings: {
    approveRecovery: "Whoever began it gets the account, and all its present passkeys, keys and sessions end. Be sure that it was its owner.",
    stopRecovery: "Nothing is changed in the account. Whoever began it can begin again, while they have the recovery key.",
  },
};

const gone = changed("That recovery does not wait any more", "It is complete or stopped, or another has taken its place. Nothing was changed.");

export const refusals = {
  recovery_not_pending: gone,
  recovery_approval_not_needed: changed("It waits for no approval", "It is approved already, or needs no approval. Nothing was changed."),
};
