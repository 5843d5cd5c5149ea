// Access tokens, of service accounts and of one's own, as elements.
import { serverNow } from "./api.js";
import { text } from "./serviceaccountsmessages.js";
import { button, card, facts, mark, roleList, time } from "./parts.js";
import { element } from "./view.js";

// state is the badge of an access token: whether it can still be used.
export function state(t) {
  if (Date.parse(t.dateExpires) <= serverNow()) return mark(text.expired, "bound");
  return active(t.isActive);
}

export const active = (is) => (is ? mark(text.active) : mark(text.inactive, "off"));

// tokenCard is a service account's access token.
export function tokenCard(t) {
  return card("key", t.name, t.publicKey, [state(t)], details(t), 4);
}

// tokenFacts is one's own access token in full.
export function tokenFacts(t) {
  return element("dl", facts([
    ...details(t),
    [text.key, element("code", t.publicKey)],
    [text.roles, roleList(t.permissionAssignments)],
  ]), { class: "details" });
}

const details = (t) => [
  [text.created, time(t.dateCreated)],
  [text.expires, time(t.dateExpires)],
  [text.id, element("code", t.tokenId)],
  [text.credential, element("code", t.credId)],
];

// renameForm asks for another name and passes it to rename.
export function renameForm(called, rename) {
  const field = element("input", null, { "aria-label": text.newName(called), "data-key": "name", autocomplete: "off", spellcheck: "false", dir: "auto" });
  field.value = called;
  const form = element("form", [field, element("button", text.rename, { class: "small", "data-key": "rename", "aria-label": `${text.rename}: ${called}` })], { class: "inline-form" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = field.value.trim();
    if (name && name !== called) rename(name);
    else field.focus();
  });
  return form;
}
