// An account's parts, as elements.
import { nameAgent } from "./agent.js";
import { brief } from "./format.js";
import { text } from "./accountmessages.js";
import { kinds } from "./messages.js";
import { text as common } from "./pagemessages.js";
import { button, card, changeButton, facts, mark, name, time } from "./parts.js";
import { element } from "./view.js";
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

const titleOf = (c) => c.name || kinds[c.kind] || c.kind;

// credentialCard is a passkey or key: its name, where it is kept, when it was used, and, with change,
// buttons that have a change of it signed. all are the credentials among which its name must tell it.
export function credentialCard(c, all, change) {
  const label = kinds[c.kind] || c.kind;
  const kind = c.name && c.name !== label ? [label] : [];
  const provider = providers[c.aaguid];
  if (provider && provider !== c.name) kind.push(provider);
  if (c.factor === "second") kind.push(text.second);
  const marks = c.kind === "Fido2" ? [badge(mark(), keptAs(c))] : [];
  if (!c.isActive) marks.push(mark(text.inactive, "off"));
  const e = card("key", titleOf(c), kind.join(" \u00b7 "), marks, [
    [text.created, time(c.createdAt)],
    [text.lastUsed, c.lastUsedAt ? time(c.lastUsedAt) : common.never],
  ]);
  if (change) e.append(element("div", changeButtons(c, all, change), { class: "row" }));
  return e;
}

function changeButtons(c, all, change) {
  const alone = all.filter((other) => titleOf(other) === titleOf(c)).length === 1;
  const called = alone ? titleOf(c) : text.addedAt(titleOf(c), brief(new Date(c.createdAt)));
  const words = c.factor === "recovery" ? { ...text, warnings: text.recoveryWarnings } : text;
  const flip = c.isActive ? "deactivate" : "activate";
  return [
    changeButton(words, flip, called, { method: "PUT", path: `/auth/credentials/${flip}`, body: { credentialUuid: c.uuid } }, change, `active:${c.uuid}`),
    changeButton(words, "remove", called, { method: "DELETE", path: `/auth/credentials/${encodeURIComponent(c.uuid)}` }, change, `remove:${c.uuid}`),
  ];
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
