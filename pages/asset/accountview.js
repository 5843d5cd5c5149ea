// What an account is made of, as elements. Whatever comes from the server is set as text.
import { nameAgent } from "./agent.js";
import { brief } from "./format.js";
import { text } from "./accountmessages.js";
import { kinds } from "./messages.js";
import { badge, keptAs } from "./passkey.js";
import { providers } from "./providers.js";
import { element } from "./view.js";

// facts are who somebody is here, as rows of a description list.
export function facts({ organisation, user }) {
  return rows([
    [text.username, name(user.username)],
    [text.organisation, name(organisation.name)],
    [text.role, user.administrator ? text.administrator : text.roles[user.kind] || user.kind],
    [text.registered, time(user.registeredAt)],
  ]);
}

// credentialCard is a passkey or key: what it is called, where it lives, when it served.
export function credentialCard(c) {
  const passkey = c.kind === "Fido2";
  const label = kinds[c.kind] || c.kind;
  const kind = c.name && c.name !== label ? [label] : [];
  const provider = providers[c.aaguid];
  if (provider && provider !== c.name) kind.push(provider);
  if (c.factor === "second") kind.push(text.second);
  const marks = [];
  if (passkey) {
    const mark = element("span", null, { class: "badge" });
    badge(mark, keptAs({ backedUp: c.backedUp, backupEligible: c.backupEligible }));
    marks.push(mark);
  }
  if (!c.isActive) marks.push(element("span", text.inactive, { class: "badge", "data-kept": "off" }));
  return card("key", c.name || label, kind.join(" \u00b7 "), marks, [
    [text.created, time(c.createdAt)],
    [text.lastUsed, c.lastUsedAt ? time(c.lastUsedAt) : text.never],
  ]);
}

// sessionCard is a session with a button that calls end, unless it is the one at hand.
export function sessionCard(s, end) {
  const what = nameAgent(s.userAgent) || program(s.userAgent);
  const marks = s.current ? [element("span", text.current, { class: "badge" })] : [];
  const made = card("screen", what, [s.credentialName && text.with(s.credentialName), s.address].filter(Boolean).join(" \u00b7 "), marks, [
    [text.since, time(s.createdAt)],
    [text.until, time(s.expiresAt)],
  ]);
  if (!s.current) {
    const button = element("button", text.end, { type: "button", class: "small", "aria-label": text.endNamed(what, brief(new Date(s.createdAt))) });
    button.addEventListener("click", () => end(s, made));
    made.append(button);
  }
  return made;
}

// program is what a client that is no browser calls itself.
function program(agent) {
  const [product] = agent.trim().split(/[\s/]/u);
  return product ? text.program(Array.from(product).slice(0, 40).join("")) : text.unknownProgram;
}

function card(glyph, title, subtitle, marks, details) {
  return element("li", [
    element("span", null, { class: `glyph ${glyph}`, "aria-hidden": "true" }),
    element("div", [
      element("h3", name(title), { class: "name" }),
      ...(subtitle ? [element("p", subtitle, { class: "hint", dir: "auto" })] : []),
    ]),
    ...(marks.length ? [element("p", marks, { class: "badges" })] : []),
    element("dl", rows(details), { class: "details" }),
  ], { class: "passkey" });
}

function rows(pairs) {
  return pairs.map(([term, value]) => element("div", [element("dt", term), element("dd", value)]));
}

// name keeps a name in any script to itself.
function name(value) {
  return element("bdi", value);
}

function time(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? text.unknown : element("time", brief(date), { datetime: date.toISOString() });
}
