// Who has a role, by name as far as the caller may know it.
import * as session from "./session.js";
import * as wire from "./wire.js";
import { take } from "./grants.js";
import { button, name } from "./parts.js";
import { text } from "./rolesmessages.js";
import { element } from "./view.js";
import { may, trouble } from "./visit.js";

const known = new Map(); // promises of what is behind an id: { called, what }
let machines = null; // a promise of the names of all machines by id

// holders is a list that fills itself. change has a change signed.
export function holders(role, change) {
  if (!may("Permissions:Assignments:Read")) return element("p", text.holdersUnknown, { class: "hint" });
  const box = element("div", null, { class: "holders", "aria-busy": "true", "data-later": role.id });
  fill(box, role, change, "");
  return box;
}

async function fill(box, role, change, paginationToken) {
  let answer;
  try {
    answer = await wire.get(session.token(), `/permissions/${role.id}/assignments`, { limit: 50, paginationToken });
  } catch (error) {
    return trouble(error, () => location.reload());
  } finally {
    box.removeAttribute("aria-busy");
  }
  const list = box.querySelector("ul") || element("ul", null, { class: "grants", "aria-label": text.holders });
  list.append(...await Promise.all(answer.items.map((a) => holder(a, role, change))));
  const more = answer.nextPageToken && button(text.more, (pressed) => {
    pressed.remove();
    return fill(box, role, change, answer.nextPageToken);
  });
  box.replaceChildren(list.children.length ? list : element("p", text.noHolders, { class: "hint" }), ...(more ? [more] : []));
  return undefined;
}

async function holder(a, role, change) {
  const { called, what } = await nameOf(a.identityId);
  const held = { permissionName: role.name, permissionId: role.id, assignmentId: a.id };
  return element("li", [
    element("span", [name(called), ...(what ? [element("span", what, { class: "hint" })] : [])]),
    ...(may("Permissions:Revoke") ? [take(held, called, change)] : []),
  ]);
}

// nameOf finds out what an id is of. What cannot be found stays an id.
function nameOf(id) {
  if (!known.has(id)) known.set(id, find(id).catch(() => ({ called: id, what: "" })));
  return known.get(id);
}

async function find(id) {
  if (id.startsWith("to-")) return { called: id, what: text.token };
  if (id.startsWith("ap-")) return { called: id, what: text.application };
  if (may("Auth:ServiceAccounts:Read")) {
    machines ||= wire.get(session.token(), "/auth/service-accounts")
      .then(({ items }) => new Map(items.map(({ userInfo }) => [userInfo.userId, userInfo.name])));
    const machine = (await machines).get(id);
    if (machine) return { called: machine, what: text.machine };
  }
  if (!may("Auth:Users:Read")) return { called: id, what: "" };
  const user = await wire.get(session.token(), `/auth/users/${id}`);
  return { called: user.username, what: "" };
}
