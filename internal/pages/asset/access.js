// One person's passkeys and sessions, in the people page: an administrator sees them, and stops what is stolen.
import { refusals, text } from "./accessmessages.js";
import * as api from "./api.js";
import { called, keyCard, placeOf, sessionCard } from "./cards.js";
import { brief } from "./format.js";
import { account, may } from "./page.js";
import { changeButton } from "./parts.js";
import { $, alarm, element, phrase, show } from "./view.js";

let person = null; // as the server last told
let page = null;

// openAccess shows what somebody has. of is the page, whose sign has a change signed.
export async function openAccess({ userId }, of) {
  page = of;
  if (!(await ask(userId))) return;
  fill();
  $("access-zone").textContent = $("zone").textContent;
  $("access-lead").replaceChildren(...phrase(text.lead(person.username)));
  show("access", text.open);
}

// ask asks for a person as they are now, and tells whether it was answered.
async function ask(userId) {
  try {
    person = await api.get(`/countersign/people/${encodeURIComponent(userId)}`);
    return true;
  } catch (error) {
    page.failed(error);
    return false;
  }
}

function fill() {
  const { credentials, sessions, userId } = person;
  const self = userId === account.user.id;
  const change = may("Auth:Users:Deactivate") && !self;
  $("access-own").hidden = !self;
  $("access-credentials").replaceChildren(...credentials.map((c) => {
    const e = keyCard(c);
    if (change && c.isActive) e.append(element("div", deactivateButton(c), { class: "row" }));
    return e;
  }));
  $("access-no-credentials").hidden = credentials.length > 0;
  $("access-sessions").replaceChildren(...sessions.map((s) => sessionCard(s, change ? end : null)));
  $("access-no-sessions").hidden = sessions.length > 0;
  $("access-end").hidden = !change || sessions.length === 0;
}

const first = (c) => c.isActive && c.factor === "first";

function deactivateButton(c) {
  const last = first(c) && person.credentials.every((other) => other === c || !first(other));
  const warning = text.warnings[c.factor === "recovery" ? "recovery" : c.kind === "Totp" ? "codes" : last ? "last" : "deactivate"];
  const its = called(c, person.credentials);
  return changeButton({ ...text, changes: { deactivate: (name) => text.changes.deactivate(name, person.username) } }, "deactivate", its,
    { method: "POST", path: `/countersign/people/${person.userId}/credentials/${encodeURIComponent(c.uuid)}/deactivate`, body: {}, warning },
    deactivate, `deactivate:${c.uuid}`);
}

async function deactivate(wanted) {
  const answer = await change(wanted, "access-credentials-title");
  if (answer?.needsNewStart) alarm(text.needsNewStart(person.username), {});
}

const endPath = () => `/countersign/people/${person.userId}/sessions/end`;

function end(s) {
  return change({ summary: text.changes.end(person.username, placeOf(s), brief(new Date(s.createdAt))), warning: text.warnings.end,
    method: "POST", path: endPath(), body: { sessionId: s.id } }, "access-sessions-title");
}

function endAll() {
  return change({ summary: text.changes.endAll(person.username), warning: text.warnings.endAll,
    method: "POST", path: endPath(), body: {} }, "access-sessions-title");
}

// change has a change signed and shows what there is then, with the focus on the heading of what was changed
// if what had it is gone. It returns the server's answer, or null.
async function change(wanted, heading) {
  const answer = await page.sign({ ...wanted, refusals });
  const before = document.activeElement;
  if (!(await ask(person.userId))) return null;
  fill();
  if (!before.isConnected || !before.checkVisibility() || [document.body, $("title")].includes(before)) $(heading).focus();
  return answer;
}

async function back() {
  const { userId } = person;
  await page.back();
  document.querySelector(`#people tbody[data-id="${CSS.escape(userId)}"] [data-key=access]`)?.focus();
}

$("access-end").addEventListener("click", endAll);
$("access-back").addEventListener("click", back);
