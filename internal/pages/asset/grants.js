// The roles of somebody, or of a machine, with the ways to give and take them.
import * as session from "./session.js";
import * as wire from "./wire.js";
import { text } from "./grantmessages.js";
import { button, label } from "./parts.js";
import { element, say } from "./view.js";
import { may, mine } from "./visit.js";

let roles = []; // what can be given

// loadRoles learns which roles there are.
export async function loadRoles() {
  if (!may("Permissions:Read")) return;
  const all = [];
  let paginationToken = "";
  do {
    const answer = await wire.get(session.token(), "/permissions", { limit: 1000, paginationToken });
    all.push(...answer.items);
    paginationToken = answer.nextPageToken;
  } while (paginationToken);
  roles = all.filter((r) => !r.isArchived && (!r.isImmutable || mine.user.administrator));
}

// roleOptions are the roles as what a <select> offers, under a first option of no value.
export function roleOptions(first, without = []) {
  const held = new Set(without.map((a) => a.permissionId));
  const offered = roles.filter((r) => !held.has(r.id)).map((r) => element("option", r.name, { value: r.id }));
  return [element("option", first, { value: "" }), ...offered];
}

export const mayGive = () => may("Permissions:Assign") && may("Permissions:Read");

// grants are the roles of an identity. change has a change signed and then shows what is.
export function grants({ id, called, assigned }, change) {
  const list = element("ul", assigned.map((a) => element("li", [
    label(a.permissionName),
    ...(may("Permissions:Revoke") ? [take(a, called, change)] : []),
  ])), { class: "grants", "aria-label": text.roles });
  return [
    element("h4", text.roles),
    assigned.length ? list : element("p", text.none, { class: "hint" }),
    ...(mayGive() ? [giver(id, called, assigned, change)] : []),
  ];
}

// take is the button that takes a role away.
export function take(a, called, change) {
  return button(text.take, () => change({
    deed: text.taking(a.permissionName, called),
    method: "DELETE", path: `/permissions/${a.permissionId}/assignments/${a.assignmentId}`,
  }), { named: text.takeNamed(a.permissionName, called), key: `take-${a.assignmentId}` });
}

function giver(id, called, assigned, change) {
  const choice = element("select", roleOptions(text.choose, assigned), { "aria-label": text.role(called), "data-key": "role" });
  const give = button(text.give, () => {
    if (!choice.value) {
      say(text.first);
      return choice.focus();
    }
    return change({
      deed: text.giving(choice.selectedOptions[0].textContent, called),
      method: "POST", path: `/permissions/${choice.value}/assignments`, body: { identityId: id },
    });
  }, { key: "give" });
  return element("div", [choice, give], { class: "giver" });
}
