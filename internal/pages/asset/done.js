// Once the passkey is stored: what it is, the way to the login, and the offer of a recovery key
// where the server has a use for one.
import { addRecoveryKey, Refusal } from "./api.js";
import { makeRecoveryKey } from "./recovery.js";
import { clock } from "./format.js";
import { describeEnd, showCode, showEnd } from "./kept.js";
import { showMade } from "./passkey.js";
import { loginLink, secondPasskey } from "./session.js";
import { recoveryFailed, recoveryTooLate, text } from "./messages.js";
import { $, alarm, say, setWorking, show } from "./view.js";

let registration = null;
let pending = null; // a recovery key that the server has not confirmed yet

// showDone shows the new passkey. It takes the registration: the server's result, the passkey's
// name and how far it is synced, the invitation and what the server told about it, the challenge
// and when its token expires. The invitation is used: neither history nor a shared screen needs to
// keep it. What was registered stays in the entry of the history, for a reload.
export function showDone(done) {
  registration = done;
  const { kept, name } = done.passkey;
  const registered = {
    orgId: done.invitation.orgId, organisation: done.opened.organisation.name, username: done.result.user.username,
    passkey: done.result.credential.name || name, kept,
  };
  showRegistered(registered);
}

// showRegistered shows what was registered, also after a reload.
export function showRegistered(registered) {
  history.replaceState({ registered }, "", location.pathname);
  const { orgId, organisation, username, passkey, kept } = registered;
  showMade({ name: passkey, kept });
  $("done-organisation").textContent = organisation;
  $("done-account").textContent = username;
  $("done-sign-in").href = loginLink({ org: orgId, username });
  $("add-second").href = loginLink({ org: orgId, username, next: secondPasskey });
  describeEnd(registered);
  offer(kept === "bound" && !registered.declined ? "second-offer" : canRecover(username) ? "recovery-offer" : "done-next");
  show("done", text.done);
}

// offer shows one of the ways to go on.
function offer(part) {
  for (const id of ["second-offer", "recovery-offer", "done-next"]) $(id).hidden = id !== part;
  if (part === "recovery-offer") $("recovery-until").textContent = text.recoveryUntil(clock(new Date(registration.endsAt)));
}

// canRecover tells whether a recovery key can be made here. The page that it is for sends a mail first.
const canRecover = (username) => registration !== null && document.body.dataset.recovery === "offered" && username.includes("@");

function notNow() {
  showRegistered({ ...history.state.registered, declined: true });
}

async function make() {
  if ($("make-recovery").getAttribute("aria-disabled") === "true") return;
  working(true);
  try {
    pending ||= await prepare();
    await pending.call.run(() => say(text.lost));
  } catch (error) {
    working(false);
    say("");
    const late = error instanceof Refusal && (Date.now() > registration.endsAt || error.status === 401);
    if (error instanceof Refusal && !pending?.call.uncertain) pending = null;
    alarm(late ? recoveryTooLate : recoveryFailed, { reference: error.id, actions: {} });
    $("make-recovery").focus();
    return;
  }
  const { code } = pending;
  pending = null;
  const { opened, result } = registration;
  showCode({ code, organisation: opened.organisation.name, username: result.user.username }, () => showEnd(text.finished, text.withRecovery));
}

async function prepare() {
  const { challenge } = registration;
  const key = await makeRecoveryKey(challenge.challenge, text.recoveryName);
  return { code: key.code, call: addRecoveryKey(challenge.temporaryAuthenticationToken, key.credential) };
}

function working(on) {
  setWorking(on, "make-recovery", ["skip"]);
  if (on) say(text.recoveryMaking);
}

$("not-now").addEventListener("click", notNow);
$("make-recovery").addEventListener("click", make);
$("skip").addEventListener("click", () => {
  if ($("skip").getAttribute("aria-disabled") !== "true") showEnd(text.finished, text.withoutRecovery);
});
