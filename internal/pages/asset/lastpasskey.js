// The last passkey can be deactivated or removed only if there is a recovery key, and only by who has
// said twice that they want it: here, and with the signature.
import { ask } from "./ask.js";
import { text } from "./accountmessages.js";
import { account, keepsIn } from "./page.js";

// sureOfLast returns a change as it is to be signed, or null if somebody thinks better of it.
export async function sureOfLast(change) {
  const { credential, method, path } = change;
  const ends = method === "DELETE" || path === "/auth/credentials/deactivate";
  const all = account.credentials;
  if (!ends || !credential || !keepsIn(credential) || all.filter(keepsIn).length > 1) return change;
  if (!all.some((c) => c.isActive && c.factor === "recovery")) return change; // the server says why it cannot be
  const what = method === "DELETE" ? "remove" : "deactivate";
  if (await ask({ ...text.last[what](credential.name), danger: true }) === null) return null;
  return { ...change, path: `${path}?force=true`, warning: text.lastWarning };
}
