// Once the passkey is stored: what it is, the way to the login, and the offer of a recovery key
// where the server has a use for one.
import { addRecoveryKey, Refusal } from "./api.js";
import { makeRecoveryKey } from "./recovery.js";
import { clock } from "./format.js";
import { describeEnd, showCode, showEnd } from "./kept.js";
import { badge } from "./passkey.js";
import { loginLink } from "./session.js";
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
  history.replaceState({ registered }, "", location.pathname);
  showRegistered(registered);
  // The page that a recovery code is for sends a mail first.
  if (document.body.dataset.recovery !== "offered" || !registered.username.includes("@")) return;
  $("recovery-until").textContent = text.recoveryUntil(clock(new Date(done.endsAt)));
  $("recovery-offer").hidden = false;
  $("done-next").hidden = true;
}

// showRegistered shows what was registered, also after a reload.
export function showRegistered(registered) {
  const { orgId, organisation, username, passkey, kept } = registered;
  $("passkey-name").textContent = passkey;
  badge($("passkey-kept"), kept);
  $("passkey-why").textContent = { synced: text.syncedWhy, syncable: text.syncableWhy, bound: text.boundWhy }[kept] || "";
  $("done-organisation").textContent = organisation;
  $("done-account").textContent = username;
  $("done-sign-in").href = loginLink({ org: orgId, username });
  describeEnd(registered);
  show("done", text.done);
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

$("make-recovery").addEventListener("click", make);
$("skip").addEventListener("click", () => {
  if ($("skip").getAttribute("aria-disabled") !== "true") showEnd(text.finished, text.withoutRecovery);
});
