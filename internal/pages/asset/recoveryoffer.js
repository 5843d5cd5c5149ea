// Once the passkey is stored: what it is, and the offer of a recovery key.
import { addRecoveryKey, Refusal } from "./api.js";
import { makeRecoveryKey } from "./recovery.js";
import { clock, moment } from "./format.js";
import { askBeforeLeaving, copy, save } from "./onetime.js";
import { badge } from "./passkey.js";
import { loginLink } from "./session.js";
import { recoveryFailed, recoveryTooLate, text } from "./messages.js";
import { $, alarm, element, say, setWorking, show } from "./view.js";

let registration = null;
let code = "";
let pending = null; // a recovery key that the server has not confirmed yet

// offerRecovery shows the new passkey and offers a recovery key. It takes the registration:
// the server's result, the passkey's name and how far it is synced, the invitation and what
// the server told about it, the challenge and when its token expires.
export function offerRecovery(done) {
  registration = done;
  const { kept, name } = done.passkey;
  $("passkey-name").textContent = done.result.credential.name || name;
  badge($("passkey-kept"), kept);
  $("passkey-why").textContent = { synced: text.syncedWhy, syncable: text.syncableWhy, bound: text.boundWhy }[kept] || "";
  $("recovery-until").textContent = text.recoveryUntil(clock(new Date(done.endsAt)));
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
  code = pending.code;
  pending = null;
  showCode();
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

function showCode() {
  $("code").replaceChildren(...code.split("-").map((group) => element("span", group)));
  show("recovery", text.recoveryTitle);
  askBeforeLeaving(true);
}

function download() {
  const { opened, result } = registration;
  const content = text.file(code, opened.organisation.name, result.user.username, moment(new Date()));
  save("countersign-recovery-code.txt", new Blob([content], { type: "text/plain;charset=utf-8" }));
}

function finish() {
  const { opened, result, passkey } = registration;
  const withKey = code !== "";
  askBeforeLeaving(false);
  code = "";
  pending = null;
  $("code").replaceChildren();
  $("summary").textContent = withKey ? text.withRecovery : text.withoutRecovery;
  $("final-organisation").textContent = opened.organisation.name;
  $("final-account").textContent = result.user.username;
  $("final-passkey").textContent = result.credential.name || passkey.name;
  $("sign-in").href = loginLink({ org: registration.invitation.orgId, username: result.user.username });
  show("finished", text.finished);
}

$("make-recovery").addEventListener("click", make);
$("skip").addEventListener("click", () => {
  if ($("skip").getAttribute("aria-disabled") !== "true") finish();
});
$("copy").addEventListener("click", () => copy(code, $("code")));
$("download").addEventListener("click", download);
$("print").addEventListener("click", () => window.print());
$("saved").addEventListener("change", (e) => { $("finish").disabled = !e.target.checked; });
$("finish").addEventListener("click", finish);
