// The cards of passkeys, keys and sessions, without what can be done to them.
import { nameAgent } from "./agent.js";
import { text } from "./cardmessages.js";
import { brief } from "./format.js";
import { kinds } from "./messages.js";
import { text as common } from "./pagemessages.js";
import { button, card, mark, name, time } from "./parts.js";
import { badge, keptAs } from "./passkey.js";
import { glyphOf, providers } from "./providers.js";
import { element } from "./view.js";

const titleOf = (c) => c.name || kinds[c.kind] || c.kind;

// called is the name that tells a credential from all.
export function called(c, all) {
  const alone = all.filter((other) => titleOf(other) === titleOf(c)).length === 1;
  return alone ? titleOf(c) : text.addedAt(titleOf(c), brief(new Date(c.createdAt)));
}

// keyCard is a passkey or key: its name, where it is kept, when and where it was used. more are further marks.
export function keyCard(c, more = []) {
  const label = kinds[c.kind] || c.kind;
  const kind = c.name && c.name !== label ? [label] : [];
  const provider = providers[c.aaguid];
  if (provider && provider !== c.name) kind.push(provider);
  if (c.factor === "second") kind.push(text.second);
  const passkey = c.kind === "Fido2";
  const marks = passkey ? [badge(mark(), keptAs(c))] : [];
  if (!c.isActive) marks.push(mark(text.inactive, "off"));
  return card(glyphOf(c), titleOf(c), kind.join(" \u00b7 "), [...marks, ...more], [
    [text.created, time(c.createdAt)],
    [text.lastUsed, c.lastUsedAt ? time(c.lastUsedAt) : common.never],
    ...(c.lastSession ? [[text.signedInFrom, signedInFrom(c.lastSession)]] : []),
    ...(passkey ? [[text.backedUp, text.backups[keptAs(c)](c.lastUsedAt)]] : []),
  ]);
}

// signedInFrom is where and when a session was opened: a browser or program, and its address.
const signedInFrom = (s) => element("span", [name([placeOf(s), s.address].filter(Boolean).join(", ")), " (", time(s.at), ")"]);

// placeOf is where a session was opened.
export const placeOf = (s) => nameAgent(s.userAgent) || program(s.userAgent);

// sessionCard is a session. end, if it is given, is called with it and its card by a button.
export function sessionCard(s, end) {
  const marks = s.current ? [mark(text.current)] : [];
  const e = card("screen", placeOf(s), [s.credentialName && text.with(s.credentialName), s.address].filter(Boolean).join(" \u00b7 "), marks, [
    [text.since, time(s.createdAt)],
    [text.until, time(s.expiresAt)],
  ]);
  if (end) {
    e.append(button(text.end, () => end(s, e), { key: `end:${s.id}`, named: text.endNamed(placeOf(s), s.credentialName, brief(new Date(s.createdAt))) }));
  }
  return e;
}

// program is what a client that is no browser calls itself.
function program(agent) {
  const [product] = agent.trim().split(/[\s/]/u);
  return product ? text.program(Array.from(product).slice(0, 40).join("")) : text.unknownProgram;
}
