// Access tokens, of machines and of one's own programs, as elements.
import { serverNow } from "./wire.js";
import { text } from "./machinesmessages.js";
import { button, card, facts, label, mark, time } from "./parts.js";
import { element } from "./view.js";

// state is the badge of an access token: whether it still opens anything.
export function state(t) {
  if (Date.parse(t.dateExpires) <= serverNow()) return mark(text.expired, "bound");
  return active(t.isActive);
}

export const active = (is) => (is ? mark(text.active) : mark(text.inactive, "off"));

// tokenCard is a machine's access token.
export function tokenCard(t) {
  return card("key", t.name, t.publicKey, [state(t)], known(t));
}

// tokenFacts is one's own access token in full.
export function tokenFacts(t) {
  const roles = t.permissionAssignments.map((a) => element("li", label(a.permissionName)));
  return element("dl", facts([
    ...known(t),
    [text.key, element("code", t.publicKey)],
    [text.roles, roles.length ? element("ul", roles, { class: "plain" }) : text.own],
  ]), { class: "details" });
}

const known = (t) => [
  [text.created, time(t.dateCreated)],
  [text.expires, time(t.dateExpires)],
  [text.id, element("code", t.tokenId)],
  [text.credential, element("code", t.credId)],
];

// renamer is a field for another name. rename gets it.
export function renamer(called, rename) {
  const field = element("input", null, { "aria-label": text.newName(called), "data-key": "name", autocomplete: "off", spellcheck: "false", dir: "auto" });
  field.value = called;
  const form = element("form", [field, element("button", text.rename, { class: "small", "data-key": "rename" })], { class: "giver" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (name && name !== called) rename(name);
    else field.focus();
  });
  return form;
}
