// An account's parts, as elements.
import { nameAgent } from "./agent.js";
import { brief } from "./format.js";
import { text } from "./accountmessages.js";
import { kinds } from "./messages.js";
import { text as common } from "./pagemessages.js";
import { button, card, facts, mark, name, time } from "./parts.js";
import { badge, keptAs } from "./passkey.js";
import { providers } from "./providers.js";

// identity is the user and organisation, as rows of a description list.
export function identity({ organisation, user }) {
  return facts([
    [text.username, name(user.username)],
    [text.organisation, name(organisation.name)],
    [text.role, user.administrator ? text.administrator : common.kinds[user.kind] || user.kind],
    [text.registered, time(user.registeredAt)],
  ]);
}

// credentialCard is a passkey or key: its name, where it is kept, when it was used.
export function credentialCard(c) {
  const label = kinds[c.kind] || c.kind;
  const kind = c.name && c.name !== label ? [label] : [];
  const provider = providers[c.aaguid];
  if (provider && provider !== c.name) kind.push(provider);
  if (c.factor === "second") kind.push(text.second);
  const marks = c.kind === "Fido2" ? [badge(mark(), keptAs(c))] : [];
  if (!c.isActive) marks.push(mark(text.inactive, "off"));
  return card("key", c.name || label, kind.join(" \u00b7 "), marks, [
    [text.created, time(c.createdAt)],
    [text.lastUsed, c.lastUsedAt ? time(c.lastUsedAt) : common.never],
  ]);
}

// sessionCard is a session, with a button that calls end unless it is the current one.
export function sessionCard(s, end) {
  const what = nameAgent(s.userAgent) || program(s.userAgent);
  const marks = s.current ? [mark(text.current)] : [];
  const e = card("screen", what, [s.credentialName && text.with(s.credentialName), s.address].filter(Boolean).join(" \u00b7 "), marks, [
    [text.since, time(s.createdAt)],
    [text.until, time(s.expiresAt)],
  ]);
  if (!s.current) {
    e.append(button(text.end, () => end(s, e), { named: text.endNamed(what, brief(new Date(s.createdAt))) }));
  }
  return e;
}

// program is what a client that is no browser calls itself.
function program(agent) {
  const [product] = agent.trim().split(/[\s/]/u);
  return product ? text.program(Array.from(product).slice(0, 40).join("")) : text.unknownProgram;
}
