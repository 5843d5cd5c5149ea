// The recovery key of one's own account: whether there is one, and making one.
import * as api from "./api.js";
import { refusals, obstacles, text } from "./accountmessages.js";
import { credentialCard } from "./accountview.js";
import { brief } from "./format.js";
import { showCode } from "./kept.js";
import { text as common } from "./messages.js";
import { account, showError } from "./page.js";
import { makeRecoveryKey } from "./recovery.js";
import { sign } from "./sign.js";
import { $, alarm, clearAlert, say, setWorking } from "./view.js";

let page = null; // what serve was given

// serve tells what the page does in its own way: change has a change signed, shows the account as it
// then is, and tells whether it could; reopen opens the page again; back shows the account again.
export function serve(functions) {
  page = functions;
}

const keys = () => account.credentials.filter((c) => c.factor === "recovery");

// fill shows the recovery keys that there are. able tells whether changes can be signed here.
export function fill(able) {
  const all = keys();
  const live = all.filter((c) => c.isActive);
  // The page that a recovery key is for sends a mail first.
  const offered = document.body.dataset.recovery === "offered" && account.user.username.includes("@");
  $("recovery-part").hidden = !offered && all.length === 0;
  $("recovery-state").textContent = !offered ? text.recovery.useless
    : live.length === 0 ? text.recovery.none
      : live.length === 1 ? text.recovery.one(brief(new Date(live[0].createdAt))) : text.recovery.several(live.length);
  $("recovery-keys").replaceChildren(...all.map((c) => credentialCard(c, account.credentials, able && page.change)));
  $("make-recovery").hidden = !able || !offered;
  $("make-recovery-label").textContent = all.length ? text.recovery.replace : text.recovery.make;
}

async function make() {
  if ($("make-recovery").getAttribute("aria-disabled") === "true") return;
  clearAlert($("recovery-alert"));
  const label = $("make-recovery-label").textContent;
  setWorking(true, "make-recovery", []);
  say(common.recoveryMaking, $("recovery-status"));
  let made, challengeIdentifier;
  try {
    const challenge = await api.beginCredential("RecoveryKey");
    ({ challengeIdentifier } = challenge);
    made = await makeRecoveryKey(challenge.challenge, common.recoveryName);
  } catch (error) {
    if (error instanceof api.Unreachable) alarm({ ...obstacles.offline, actions: [] }, {}, $("recovery-alert"));
    else showError(error, page.reopen);
    return;
  } finally {
    setWorking(false, "make-recovery", []);
    say("", $("recovery-status"));
    $("make-recovery-label").textContent = label;
  }
  const former = keys();
  const answer = await sign({
    summary: text.changes.recovery, warning: text.warnings.recovery, refusals,
    method: "POST", path: "/auth/credentials", body: { ...made.credential, challengeIdentifier },
  });
  if (!answer) return;
  showCode({ code: made.code, organisation: account.organisation.name, username: account.user.username }, async () => {
    if (await page.back("recovery-title")) await removeEach(former);
  });
}

// removeEach has the removal of former recovery keys signed. It comes last: until the new code is kept,
// the former one must work.
async function removeEach(former) {
  for (const c of former) {
    await page.change({
      key: `remove:${c.uuid}`, credential: c,
      summary: text.changes.formerRecovery(brief(new Date(c.createdAt))), warning: text.warnings.formerRecovery,
      method: "DELETE", path: `/auth/credentials/${encodeURIComponent(c.uuid)}`,
    });
  }
}

$("make-recovery").addEventListener("click", make);
