// The machines page: service accounts with their access tokens, and one's own tokens.
import * as session from "./session.js";
import * as wire from "./wire.js";
import { grants, loadRoles } from "./grants.js";
import { text } from "./machinesmessages.js";
import { openMaking } from "./making.js";
import { text as common } from "./officemessages.js";
import { button, facts, label, name, time } from "./parts.js";
import { Rows } from "./rows.js";
import { sign } from "./sign.js";
import { active, renamer, state, tokenCard, tokenFacts } from "./tokens.js";
import { $, element, show } from "./view.js";
import { enter, may, showList, trouble, watchEnd } from "./visit.js";

const failed = (error) => trouble(error, start);
const machines = new Rows("machines", {
  id: (m) => m.userInfo.userId, name: (m) => m.userInfo.name, cells: machineCells, panel: machinePanel,
}, failed);
const tokens = new Rows("tokens", { id: (t) => t.tokenId, name: (t) => t.name, cells: tokenCells, panel: tokenPanel }, failed);

async function start() {
  if (!(await enter(text.title, ["Auth:ServiceAccounts:Read", "Auth:Pats:Create"], start))) return;
  $("machines-part").hidden = !may("Auth:ServiceAccounts:Read");
  $("new-machine").hidden = !may("Auth:ServiceAccounts:Create");
  $("new-token").hidden = !may("Auth:Pats:Create");
  $("machines-none").textContent = text.noMachines;
  $("tokens-none").textContent = text.noTokens;
  try {
    await Promise.all([
      loadRoles(),
      may("Auth:ServiceAccounts:Read") && machines.show(() => wire.get(session.token(), "/auth/service-accounts")),
      tokens.show(() => wire.get(session.token(), "/auth/pats")),
    ]);
  } catch (error) {
    show("ready", text.title);
    return failed(error);
  }
  showList(text.title);
  watchEnd(start);
}

async function back() {
  showList(text.title);
  await refresh();
}

async function refresh() {
  await Promise.all([machines.refresh(), tokens.refresh()]).catch(failed);
}

async function change(deed) {
  const answer = await sign(deed);
  await refresh();
  return answer;
}

// doing are the buttons for what can be done to a thing of that path. can says whether the
// caller may activate, deactivate and so on; warn is what else to say.
function doing({ path, called, isActive, can, warn }) {
  const all = [];
  const add = (what, key, request) => {
    if (can(what)) {
      all.push(button(text[what], () => change({ deed: text.deeds[what](called), warning: warn[what] || "", ...request }),
        { key, kind: what === "archive" ? "small danger" : "small" }));
    }
  };
  const turn = isActive ? "deactivate" : "activate";
  add(turn, "active", { method: "PUT", path: `${path}/${turn}`, body: {} });
  add("archive", "archive", { method: "DELETE", path });
  const rename = (to) => change({ deed: text.deeds.rename(called, to), method: "PUT", path, body: { name: to } });
  const parts = [...(can("rename") ? [renamer(called, rename)] : []), ...(all.length ? [element("div", all, { class: "row" })] : [])];
  return parts.length ? [element("h4", text.doing), ...parts] : [];
}

// ---- machines

function machineCells({ userInfo: u, accessTokens }) {
  const next = accessTokens.map((t) => t.dateExpires).sort()[0];
  const roles = u.permissionAssignments.map((a) => element("li", label(a.permissionName)));
  return [
    name(u.name),
    active(u.isActive),
    next ? time(next) : text.noToken,
    roles.length ? element("ul", roles, { class: "plain" }) : common.none,
  ];
}

const machineNeeds = { activate: "Activate", deactivate: "Deactivate", archive: "Delete", rename: "Update" };

function machinePanel({ userInfo: u, accessTokens }) {
  return [
    element("dl", facts([[text.id, element("code", u.userId)]]), { class: "details" }),
    element("h4", text.tokens),
    element("ul", accessTokens.map(tokenCard), { class: "things" }),
    ...grants({ id: u.userId, called: u.name, assigned: u.permissionAssignments }, change),
    ...doing({
      path: `/auth/service-accounts/${u.userId}`, called: u.name, isActive: u.isActive,
      can: (what) => may(`Auth:ServiceAccounts:${machineNeeds[what]}`),
      warn: { archive: text.warnings.archiveMachine, deactivate: text.warnings.deactivateMachine },
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
    ...doing({
      path: `/auth/pats/${t.tokenId}`, called: t.name, isActive: t.isActive, can: () => true,
      warn: { archive: text.warnings.archiveToken, deactivate: text.warnings.deactivateToken },
    }),
  ];
}

$("new-machine").addEventListener("click", () => openMaking("machine", back));
$("new-token").addEventListener("click", () => openMaking("token", back));

start();
