// What the people page says of one person's passkeys and sessions, under the names of messages.js.
import { changed } from "./signmessages.js";

export const text = {
  open: "Passkeys and sessions",
  lead: (name) => ["What ", name, " signs in with, and where they are signed in now."],
  deactivate: "Deactivate",
  changes: {
    deactivate: (credential, name) => ["Deactivate ", credential, " of ", name],
    end: (name, where, since) => ["Sign ", name, " out of ", where, `, since ${since}`],
    endAll: (name) => ["Sign ", name, " out everywhere"],
  },
  warnings: {
    deactivate: "It signs nothing any more, and the sessions that were opened with it end. You cannot activate it again: its owner can with another passkey, and whoever runs this server can.",
    last: "They have no other to sign in with. They cannot come in any more until you give them a new start, or they recover with a recovery key. You cannot activate it again.",
    codes: "Its codes count for nothing any more, and if they have no other second factor, none is asked for until they add one. You cannot activate it again: its owner can, and whoever runs this server can.",
    recovery: "Its code opens nothing any more. You cannot activate it again: its owner can, and whoever runs this server can.",
    end: "What was signed there and not used yet is void.",
    endAll: "All their sessions end, and what was signed in them and not used yet is void. Their passkeys stay good: they can sign in again.",
  },
  needsNewStart: (name) => ({ mild: true, title: `${name} has nothing to sign in with now`,
    text: "Give them a new start, in the list, or they recover with a recovery key." }),
};

export const refusals = {
  last_administrator: changed("This is the last administrator who can sign in",
    "Without this passkey nobody could administer your organisation any more. Give somebody else the role to do everything first. Nothing was changed."),
  own_account: changed("This is your own account", "Change your passkeys on your account page. Nothing was changed."),
  credential_not_found: changed("It is not there any more", "It was removed meanwhile. The list will show what is there now."),
  session_not_found: changed("That session has ended already", "The list will show what is there now."),
  user_changed: () => ({
    title: "Something else was changed at the same moment",
    text: "Look at the list as it is now, and try again. Nothing was changed by you.",
  }),
};
