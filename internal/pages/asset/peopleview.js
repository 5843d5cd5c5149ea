// What is shown of somebody: a row of the list, and what there is to do about them.
import { grants } from "./grants.js";
import { text as common } from "./officemessages.js";
import { button, facts, label, mark, name, time } from "./parts.js";
import { text } from "./peoplemessages.js";
import { element } from "./view.js";
import { may, mine } from "./visit.js";

// shape of the badge: done, under way, needs somebody, or out.
const shapes = { invited: "syncable", sent: "syncable", opened: "syncable", attempted: "syncable", waiting: "syncable",
  expired: "bound", revoked: "bound", inactive: "off" };

// stateOf is how far somebody's registration is. Without a code there is none to expire: a
// service has begun to register them.
const stateOf = (p) => (p.state === "expired" && !p.code ? "waiting" : p.state);

export const stateWords = (p) => text.states[stateOf(p)] || p.state;

// cells are a person's cells in the order of the table's head.
export function cells(p) {
  const kind = common.kinds[p.kind] || p.kind;
  return [
    [name(p.username), element("span", p.userId === mine.user.id ? text.you(kind) : kind, { class: "hint" })],
    mark(stateWords(p), shapes[stateOf(p)]),
    String(p.passkeys),
    p.lastSeenAt ? time(p.lastSeenAt) : common.never,
    p.roles.length ? element("ul", p.roles.map((r) => element("li", label(r.permissionName))), { class: "plain" }) : common.none,
  ];
}

// panel is what there is to know and to do about somebody. change has a change signed.
export function panel(p, change, newCode) {
  const why = text.stateWhy[stateOf(p)];
  const live = p.code && !["expired", "revoked"].includes(p.code.state);
  const known = [
    [text.created, time(p.createdAt)],
    ...(p.registeredAt ? [[text.registered, time(p.registeredAt)]] : []),
    ...(live ? [[text.until, time(p.code.expiresAt)]] : []),
    [text.id, element("code", p.userId)],
  ];
  const doing = deeds(p, change, newCode, live);
  const history = element("a", text.history, { href: `/audit#${new URLSearchParams({ user: p.userId, name: p.username })}` });
  return [
    ...(why ? [element("p", why, { class: "hint" })] : []),
    element("dl", facts(known), { class: "details" }),
    ...grants({ id: p.userId, called: p.username, assigned: p.roles }, change),
    ...(doing.length ? [element("h4", text.doing), element("div", doing, { class: "row" })] : []),
    ...(may("Auth:Logs:Read") ? [element("p", history)] : []),
  ];
}

function deeds(p, change, newCode, live) {
  const all = [];
  const { userId: id, username } = p;
  const add = (operation, what, key, request, run = change) => {
    if (!may(operation)) return;
    const deed = { deed: text.deeds[what](username), warning: text.warnings[what] || "", ...request };
    all.push(button(text[what], () => run(deed), { key, kind: what === "archive" ? "small danger" : "small" }));
  };
  const self = id === mine.user.id ? { warning: text.warnings.self } : {};
  if (p.state === "inactive") add("Auth:Users:Activate", "activate", "active", { method: "PUT", path: `/auth/users/${id}/activate`, body: {} });
  else {
    if (!p.registeredAt) {
      add("Auth:Users:Create", "newCode", "code", { method: "POST", path: `/countersign/people/${id}/code`, body: {},
        ...(live ? {} : { warning: "" }) }, newCode);
    }
    if (live) add("Auth:Users:Create", "revokeCode", "revoke", { method: "DELETE", path: `/countersign/people/${id}/code` });
    add("Auth:Users:Deactivate", "deactivate", "active", { method: "PUT", path: `/auth/users/${id}/deactivate`, body: {}, ...self });
  }
  add("Auth:Users:Delete", "archive", "archive", { method: "DELETE", path: `/auth/users/${id}`, ...self });
  return all;
}
