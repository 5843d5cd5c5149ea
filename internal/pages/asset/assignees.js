// Who has a role: their names, as far as the caller may know them.
import * as api from "./api.js";
import { revokeButton } from "./assignments.js";
import { button, name } from "./parts.js";
import { text } from "./rolesmessages.js";
import { element } from "./view.js";
import { may, showError } from "./page.js";

const known = new Map(); // promises of what an id stands for: { called, what }
let serviceAccounts = null; // a promise of the names of all service accounts by id

// assignees is a list that fills itself. sign has a change signed.
export function assignees(role, sign) {
  if (!may("Permissions:Assignments:Read")) return element("p", text.assigneesUnknown, { class: "hint" });
  const box = element("div", null, { class: "assignees", "aria-busy": "true", "data-later": role.id });
  fill(box, role, sign, "");
  return box;
}

async function fill(box, role, sign, paginationToken) {
  let answer;
  try {
    answer = await api.get(`/permissions/${role.id}/assignments`, { limit: 50, paginationToken });
  } catch (error) {
    return showError(error, () => location.reload());
  } finally {
    box.removeAttribute("aria-busy");
  }
  const list = box.querySelector("ul") || element("ul", null, { class: "assignments", "aria-label": text.assignees });
  list.append(...await Promise.all(answer.items.map((a) => assignee(a, role, sign))));
  const more = answer.nextPageToken && button(text.more, (pressed) => {
    pressed.remove();
    return fill(box, role, sign, answer.nextPageToken);
  });
  box.replaceChildren(list.children.length ? list : element("p", text.noAssignees, { class: "hint" }), ...(more ? [more] : []));
  return undefined;
}

async function assignee(a, role, sign) {
  const { called, what } = await nameOf(a.identityId);
  const assignment = { permissionName: role.name, permissionId: role.id, assignmentId: a.id };
  return element("li", [
    element("span", [name(called), ...(what ? [element("span", what, { class: "hint" })] : [])]),
    ...(may("Permissions:Revoke") ? [revokeButton(assignment, called, sign)] : []),
  ]);
}

// nameOf finds out what an id stands for. What cannot be found is shown as its id.
function nameOf(id) {
  if (!known.has(id)) known.set(id, find(id).catch(() => ({ called: id, what: "" })));
  return known.get(id);
}

async function find(id) {
  if (id.startsWith("to-")) return { called: id, what: text.token };
  if (id.startsWith("ap-")) return { called: id, what: text.application };
  if (may("Auth:ServiceAccounts:Read")) {
    serviceAccounts ||= api.get("/auth/service-accounts")
      .then(({ items }) => new Map(items.map(({ userInfo }) => [userInfo.userId, userInfo.name])));
    const called = (await serviceAccounts).get(id);
    if (called) return { called, what: text.serviceAccount };
  }
  if (!may("Auth:Users:Read")) return { called: id, what: "" };
  const user = await api.get(`/auth/users/${id}`);
  return { called: user.username, what: "" };
}
