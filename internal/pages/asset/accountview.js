// An account's parts, as elements.
import { called, keyCard } from "./cards.js";
import { text } from "./accountmessages.js";
import { text as common } from "./pagemessages.js";
import { changeButton, facts, name, time } from "./parts.js";
import { element } from "./view.js";

// identity is the user and organisation, as rows of a description list.
export function identity({ organisation, user }) {
  return facts([
    [text.username, name(user.username)],
    [text.organisation, name(organisation.name)],
    [text.role, user.administrator ? text.administrator : common.kinds[user.kind] || user.kind],
    [text.registered, time(user.registeredAt)],
  ]);
}

// credentialCard is the card of a passkey or key with, if there is change, buttons that have a change of it
// signed. all are the credentials among which its name must tell it. more are further marks and buttons.
export function credentialCard(c, all, change, more = {}) {
  const e = keyCard(c, more.marks);
  if (change) e.append(element("div", [...(more.buttons || []), ...changeButtons(c, called(c, all), change)], { class: "row" }));
  return e;
}

function changeButtons(c, its, change) {
  const warnings = c.factor === "recovery" ? text.recoveryWarnings : c.kind === "Totp" ? text.codeWarnings : text.warnings;
  const words = { ...text, warnings };
  const flip = c.isActive ? "deactivate" : "activate";
  return [
    changeButton(words, flip, its, { credential: c, method: "PUT", path: `/auth/credentials/${flip}`, body: { credentialUuid: c.uuid } }, change, `active:${c.uuid}`),
    changeButton(words, "remove", its, { credential: c, method: "DELETE", path: `/auth/credentials/${encodeURIComponent(c.uuid)}` }, change, `remove:${c.uuid}`),
  ];
}
