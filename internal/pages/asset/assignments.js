// The roles of a user or a service account, with the ways to assign and revoke them.
import * as api from "./api.js";
import { text } from "./assignmentmessages.js";
import { button, label } from "./parts.js";
import { $, element, say } from "./view.js";
import { account, may } from "./page.js";

let roles = []; // what can be assigned

// loadRoles asks which roles there are.
export async function loadRoles() {
  if (!may("Permissions:Read")) return;
  const all = [];
  let paginationToken = "";
  do {
    const answer = await api.get("/permissions", { limit: 1000, paginationToken });
    all.push(...answer.items);
    paginationToken = answer.nextPageToken;
  } while (paginationToken);
  roles = all.filter((r) => !r.isArchived && (!r.isImmutable || account.user.administrator));
}

// roleOptions are the options of a <select> of roles, after a first one without a value.
function roleOptions(first, without = []) {
  const assigned = new Set(without.map((a) => a.permissionId));
  const offered = roles.filter((r) => !assigned.has(r.id)).map((r) => element("option", r.name, { value: r.id }));
  return [element("option", first, { value: "" }), ...offered];
}

const mayAssign = () => may("Permissions:Assign") && may("Permissions:Read");

// offerRoles fills a form's <select> of roles, or hides it from who may not assign any.
export function offerRoles(id, first) {
  $(id).replaceChildren(...roleOptions(first));
  $(`${id}-field`).hidden = !mayAssign();
}

// withRole adds the role that a form's <select> has chosen, if any, to a change.
export function withRole(id, change) {
  const { value, selectedOptions } = $(id);
  if (!value) return change;
  const summary = text.withRole(change.summary, selectedOptions[0].textContent);
  return { ...change, summary, body: { ...change.body, permissionId: value } };
}

// assignments are the roles of an identity. sign has a change signed and then shows what
// there is.
export function assignments({ id, name, assigned }, sign) {
  const list = element("ul", assigned.map((a) => element("li", [
    label(a.permissionName),
    ...(may("Permissions:Revoke") ? [revokeButton(a, name, sign)] : []),
  ])), { class: "assignments", "aria-label": text.roles });
  return [
    element("h3", text.roles),
    assigned.length ? list : element("p", text.none, { class: "hint" }),
    ...(mayAssign() ? [assignForm(id, name, assigned, sign)] : []),
  ];
}

// revokeButton revokes an assignment.
export function revokeButton(a, name, sign) {
  return button(text.revoke, () => sign({
    summary: text.revoking(a.permissionName, name),
    method: "DELETE", path: `/permissions/${a.permissionId}/assignments/${a.assignmentId}`,
  }), { named: text.revokeNamed(a.permissionName, name), key: `revoke-${a.assignmentId}` });
}

function assignForm(id, name, assigned, sign) {
  const choice = element("select", roleOptions(text.choose, assigned), { "aria-label": text.role(name), "data-key": "role" });
  const assign = button(text.assign, () => {
    if (!choice.value) {
      say(text.first);
      return choice.focus();
    }
    return sign({
      summary: text.assigning(choice.selectedOptions[0].textContent, name),
      method: "POST", path: `/permissions/${choice.value}/assignments`, body: { identityId: id },
    });
  }, { key: "assign", named: `${text.assign}: ${name}` });
  return element("div", [choice, assign], { class: "inline-form" });
}
