// A recovery that waits, as the recovery page tells of it and completes it: by the same request, sent again.
//
// The request is kept in this browser until then. It holds no private key: whoever finds it can give the
// account to the passkey that was made, and to nothing else.
import * as api from "./api.js";
import * as session from "./session.js";
import { tellUnknown } from "./ceremony.js";
import { moment } from "./format.js";
import { text } from "./recovermessages.js";
import { $, clearAlert, say, schedule, setWorking, show, stopTimers } from "./view.js";

let page = null; // what serve was given
let held = null; // the recovery
let stored = true; // whether the browser keeps it
let busy = false;

// serve tells the step what the page does in its own way:
//   completed(held) goes on once the recovery is complete
//   ended(error) says why it never will be
//   unanswered(error) says that it is not known
export function serve(functions) {
  page = functions;
}

// waits returns what a recovery waits for, if an error says that it does, else null.
export const waits = (error) => (error instanceof api.Refusal && error.code === "recovery_pending" ? error.details : null);

// keep keeps a recovery that waits: {token, request} complete it, {orgId, organisation, username, passkey,
// rpId} tell whose it is, and details what it waits for.
export function keep(recovery) {
  held = recovery;
  stored = session.keepRecovery(held);
}

// resume goes on with the recovery that was kept, unless a link names another account. It returns whether
// it does.
export function resume(orgId, username) {
  const kept = session.keptRecovery();
  const differs = (named, is) => named && named.toLowerCase() !== is.toLowerCase();
  if (!kept || differs(orgId, kept.orgId) || differs(username, kept.username)) return false;
  held = kept;
  open();
  check();
  return true;
}

export function open() {
  show("waiting", text.waiting);
  fill();
}

// fill says what it waits for, and looks again when that may have changed.
function fill() {
  const { organisation, username, details } = held;
  const until = new Date(details.until);
  const early = until.getTime() > api.serverNow();
  const unapproved = details.approval === "needed";
  say(text.waitsFor(unapproved), $("waiting-lead"));
  say(stored ? text.comeBack : text.stayHere, $("waiting-where"));
  $("waiting-organisation").textContent = organisation;
  $("waiting-account").textContent = username;
  $("waiting-since").textContent = moment(new Date(details.since));
  $("waiting-until").textContent = moment(until);
  $("waiting-approval").textContent = text.approvals[details.approval] || details.approval;
  $("waiting-until").parentNode.hidden = details.until === details.since;
  $("waiting-approval").parentNode.hidden = details.approval === "none";
  const left = early ? until.getTime() - api.serverNow() + 1000 : 0;
  schedule("look", Math.max(Math.min(left || Infinity, unapproved ? 15_000 : 60_000), 1000), () => check());
}

// check sends the request again. by is the button that was pressed, if one was.
async function check(by) {
  if (busy || document.body.dataset.state !== "waiting") return;
  if (document.hidden) return schedule("look", 60_000, () => check());
  busy = true;
  if (by) clearAlert();
  setWorking(true, "check", []);
  try {
    await api.completeRecovery(held.token, held.request).send();
    const done = drop();
    page.completed(done);
  } catch (error) {
    const details = waits(error);
    if (details) {
      keep({ ...held, details });
      fill();
      if (by) say(text.stillWaits);
    } else if (error.code && error.status < 500 && error.status !== 429) { // a proxy's refusals have no code
      discard();
      page.ended(error);
    } else {
      page.unanswered(error);
      fill();
    }
  } finally {
    busy = false;
    setWorking(false, "check", []);
  }
}

// drop keeps the recovery no longer, and returns it.
function drop() {
  const was = held;
  held = null;
  stopTimers();
  session.dropRecovery();
  return was;
}

// discard drops the recovery, and with it the passkey that it was for.
function discard() {
  const { rpId, request } = drop();
  return tellUnknown(rpId, request.newCredentials.firstFactorCredential.credentialInfo.credId);
}

$("check").addEventListener("click", () => check(true));
$("abandon").addEventListener("click", () => discard().then(() => location.reload()));
document.addEventListener("visibilitychange", () => { if (!document.hidden) check(); });
