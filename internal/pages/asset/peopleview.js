// What is shown of a user: the row of the list, and the panel of details and changes.
import { text as words } from "./accessmessages.js";
import { assignments } from "./assignments.js";
import { text as common } from "./pagemessages.js";
import { button, changeButton, facts, mark, name, roleList, section, time } from "./parts.js";
import { marked, recoveryOf } from "./pendingrecovery.js";
import { text } from "./peoplemessages.js";
import { element } from "./view.js";
import { account, may } from "./page.js";

// shapes of the badges: under way, needs an action, or inactive.
const shapes = { invited: "syncable", sent: "syncable", opened: "syncable", attempted: "syncable", waiting: "syncable",
  expired: "bound", revoked: "bound", inactive: "off" };

// stateOf is the state of a user's registration. Without a code there is none to expire: a
// service account has begun the registration.
const stateOf = (p) => (p.state === "expired" && !p.code ? "waiting" : p.state);

export const stateWords = (p) => text.states[stateOf(p)] || p.state;

// cells are a person's cells in the order of the table's head.
export function cells(p) {
  const kind = common.kinds[p.kind] || p.kind;
  return [
    [name(p.username), element("span", p.userId === account.user.id ? text.you(kind) : kind, { class: "hint" })],
    marked(p, mark(stateWords(p), shapes[stateOf(p)])),
    String(p.passkeys),
    p.lastSeenAt ? time(p.lastSeenAt) : common.never,
    roleList(p.roles),
  ];
}

// panel has a user's details and what can be changed. sign has a change signed; newCode
// does the same for a new code and then shows it, under a title of its own if it has one. access
// shows their passkeys and sessions.
export function panel(p, sign, newCode, access) {
  const why = text.stateWhy[stateOf(p)];
  const live = p.code && !["expired", "revoked"].includes(p.code.state);
  const known = [
    [text.created, time(p.createdAt)],
    ...(p.registeredAt ? [[text.registered, time(p.registeredAt)]] : []),
    ...(live ? [[text.until, time(p.code.expiresAt)]] : []),
    [text.id, element("code", p.userId)],
  ];
  const history = element("a", text.history, {
    href: `/audit#${new URLSearchParams({ user: p.userId, name: p.username })}`, "aria-label": `${text.history}: ${p.username}`,
  });
  return [
    ...(why ? [element("p", why, { class: "hint" })] : []),
    element("dl", facts(known), { class: "details" }),
    ...(p.registeredAt ? [element("div", button(words.open, access, { key: "access", named: `${words.open}: ${p.username}` }), { class: "row" })] : []),
    ...recoveryOf(p, sign),
    ...assignments({ id: p.userId, name: p.username, assigned: p.roles }, sign),
    ...section(text.doing, changeButtons(p, sign, newCode, live)),
    ...(may("Auth:Logs:Read") ? [element("p", history)] : []),
  ];
}

function changeButtons(p, sign, newCode, live) {
  const all = [];
  const { userId: id, username } = p;
  const add = (operation, what, key, request, run = sign) => {
    if (may(operation)) all.push(changeButton(text, what, username, request, run, key));
  };
  const self = id === account.user.id ? { warning: text.warnings.self } : {};
  if (p.state === "inactive") add("Auth:Users:Activate", "activate", "active", { method: "PUT", path: `/auth/users/${id}/activate`, body: {} });
  else {
    if (!p.registeredAt) {
      add("Auth:Users:Create", "newCode", "code", { method: "POST", path: `/countersign/people/${id}/code`, body: {},
        ...(live ? {} : { warning: "" }) }, newCode);
    }
    if (live) add("Auth:Users:Create", "revokeCode", "revoke", { method: "DELETE", path: `/countersign/people/${id}/code` });
    if (p.registeredAt && id !== account.user.id) {
      add("Auth:Users:Recover", "restart", "restart", { method: "POST", path: `/countersign/people/${id}/recover`, body: {} },
        (change) => newCode(change, text.restarted));
    }
    add("Auth:Users:Deactivate", "deactivate", "active", { method: "PUT", path: `/auth/users/${id}/deactivate`, body: {}, ...self });
  }
  add("Auth:Users:Delete", "archive", "archive", { method: "DELETE", path: `/auth/users/${id}`, ...self });
  return all;
}
