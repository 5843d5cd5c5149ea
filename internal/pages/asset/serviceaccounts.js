// The service accounts page: service accounts with their access tokens, and one's own tokens.
import * as api from "./api.js";
import { assignments, loadRoles } from "./assignments.js";
import { openForm } from "./create.js";
import { ListPage } from "./listpage.js";
import { may } from "./page.js";
import { changeButton, facts, name, roleList, section, time } from "./parts.js";
import { text } from "./serviceaccountsmessages.js";
import { sign } from "./sign.js";
import { active, renameForm, state, tokenCard, tokenFacts } from "./tokens.js";
import { $, element } from "./view.js";

const page = new ListPage(text.title, ["Auth:ServiceAccounts:Read", "Auth:Pats:Create"], async () => {
  $("service-accounts-part").hidden = !may("Auth:ServiceAccounts:Read");
  $("new-service-account").hidden = !may("Auth:ServiceAccounts:Create");
  $("new-token").hidden = !may("Auth:Pats:Create");
  await Promise.all([
    loadRoles(),
    may("Auth:ServiceAccounts:Read") && accounts.show(() => api.get("/auth/service-accounts")),
    tokens.show(() => api.get("/auth/pats")),
  ]);
}, sign, (what) => openForm(what, page.back));
const accounts = page.table("service-accounts", {
  id: (a) => a.userInfo.userId, name: (a) => a.userInfo.name, cells: accountCells, panel: accountPanel,
  none: () => text.noServiceAccounts,
});
const tokens = page.table("tokens", {
  id: (t) => t.tokenId, name: (t) => t.name, cells: tokenCells, panel: tokenPanel, none: () => text.noTokens,
});

// changes are the forms and buttons that change what is at a path. can says whether the
// caller may activate, deactivate and so on; warnings are what else to say.
function changes({ path, called, isActive, can, warnings }) {
  const change = (what, key, request) => (can(what)
    ? [changeButton(text, what, called, { warning: warnings[what], ...request }, page.sign, key)] : []);
  const turn = isActive ? "deactivate" : "activate";
  const rename = (to) => page.sign({ summary: text.changes.rename(called, to), method: "PUT", path, body: { name: to } });
  const buttons = [
    ...change(turn, "active", { method: "PUT", path: `${path}/${turn}`, body: {} }),
    ...change("archive", "archive", { method: "DELETE", path }),
  ];
  return section(text.doing, buttons, ...(can("rename") ? [renameForm(called, rename)] : []));
}

// ---- service accounts

function accountCells({ userInfo: u, accessTokens }) {
  const next = accessTokens.map((t) => t.dateExpires).sort()[0];
  return [
    name(u.name),
    active(u.isActive),
    next ? time(next) : text.noToken,
    roleList(u.permissionAssignments),
  ];
}

const accountNeeds = { activate: "Activate", deactivate: "Deactivate", archive: "Delete", rename: "Update" };

function accountPanel({ userInfo: u, accessTokens }) {
  return [
    element("dl", facts([[text.id, element("code", u.userId)]]), { class: "details" }),
    element("h3", text.tokens),
    element("ul", accessTokens.map(tokenCard), { class: "things" }),
    ...assignments({ id: u.userId, name: u.name, assigned: u.permissionAssignments }, page.sign),
    ...changes({
      path: `/auth/service-accounts/${u.userId}`, called: u.name, isActive: u.isActive,
      can: (what) => may(`Auth:ServiceAccounts:${accountNeeds[what]}`),
      warnings: { archive: text.warnings.archiveServiceAccount, deactivate: text.warnings.deactivateServiceAccount },
    }),
  ];
}

// ---- one's own access tokens

function tokenCells(t) {
  return [name(t.name), state(t), time(t.dateExpires)];
}

function tokenPanel(t) {
  return [
    tokenFacts(t),
    ...changes({
      path: `/auth/pats/${t.tokenId}`, called: t.name, isActive: t.isActive, can: () => true,
      warnings: { archive: text.warnings.archiveToken, deactivate: text.warnings.deactivateToken },
    }),
  ];
}

$("new-service-account").addEventListener("click", () => openForm("serviceAccount", page.back));
$("new-token").addEventListener("click", () => openForm("token", page.back));

page.open();
