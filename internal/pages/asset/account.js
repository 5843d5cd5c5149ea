// The account page: one's user, passkeys and sessions, changes to these, and the buttons to sign out.
import * as api from "./api.js";
import * as adding from "./addpasskey.js";
import * as codeApp from "./codeapp.js";
import * as words from "./pagemessages.js";
import { refusals, text } from "./accountmessages.js";
import { credentialCard, identity } from "./accountview.js";
import { called, sessionCard } from "./cards.js";
import { outside, tellAccepted, tellDetails, tellUnknown } from "./ceremony.js";
import { explainServer } from "./explain.js";
import * as handover from "./handover.js";
import { sureOfLast } from "./lastpasskey.js";
import { $, alarm, clearAlert, say, show } from "./view.js";
import { account, askAgain, keepsIn, leave, openPage, sessionOver, showError, signs, watchEnd } from "./page.js";
import { mark } from "./parts.js";
import { showOwn } from "./pendingrecovery.js";
import * as recoveryKey from "./recoverykey.js";
import { renameButton } from "./rename.js";
import { noteUsed, secondPasskey, usedHere } from "./session.js";
import { sign, signing } from "./sign.js";

let busy = false;

async function start() {
  if (!(await openPage(text.title, [], start))) return;
  const opener = current()?.credentialUuid;
  if (opener) noteUsed(opener);
  fill();
  show("ready", text.title);
  propose();
  watchEnd(start);
}

const current = () => account.sessions.find((s) => s.current);

// propose leads to the button for another passkey whoever has come from the registration for that.
function propose() {
  if (location.pathname + location.hash !== secondPasskey) return;
  history.replaceState(null, "", location.pathname);
  if (!account.credentials.some(signs)) return;
  say(text.secondProposed, $("add-status"));
  $("add-elsewhere").focus();
}

// fill shows the account as it is.
function fill() {
  const { credentials, sessions } = account;
  $("facts").replaceChildren(...identity(account));
  showOwn(run);
  const able = credentials.some(signs);
  const keys = credentials.filter((c) => c.factor !== "recovery");
  $("credentials").replaceChildren(...keys.map((c) => credentialCard(c, credentials, able && change, {
    marks: c.uuid === current()?.credentialUuid ? [mark(text.signedInWith)] : usedHere(c.uuid) ? [mark(text.usedHere)] : [],
    buttons: [renameButton(c, called(c, credentials), change)],
  })));
  $("no-credentials").hidden = keys.length > 0;
  $("one-passkey").hidden = keys.filter(keepsIn).length !== 1;
  $("adding").hidden = !able;
  if (able) adding.offer();
  codeApp.show(able);
  recoveryKey.fill(able);
  $("add-hint").textContent = !able ? words.text.noPasskey.text : credentials.filter(signs).every((c) => c.backupEligible) ? text.syncedAlone : "";
  // The current session first, then the newest.
  const order = (s) => (s.current ? Infinity : Date.parse(s.createdAt));
  sessions.sort((a, b) => order(b) - order(a));
  $("sessions").replaceChildren(...sessions.map((s) => sessionCard(s, s.current ? null : end)));
  tellProvider(tellAll);
}

// change has a change of the credentials signed and shows what there is then. It tells whether it could.
// The list is made again, and the focus goes to the button of that key, or to the heading.
async function change({ key, ...wanted }) {
  const sure = await sureOfLast(wanted);
  if (!sure) return true;
  const answer = await sign({ ...sure, refusals });
  const { credential } = wanted;
  // Its session may have ended with it, and then nothing more is heard of the others.
  if (answer && wanted.method === "DELETE" && credential.kind === "Fido2") tellProvider((rpId) => tellUnknown(rpId, credential.credentialId));
  if (!(await reload())) return false;
  const before = document.activeElement;
  fill();
  if (!before.isConnected || [document.body, $("title")].includes(before)) {
    const title = credential?.factor === "recovery" ? "recovery-title" : "credentials-title";
    (document.querySelector(`[data-key="${CSS.escape(key)}"]`) || $(title)).focus();
  }
  return true;
}

// reload asks for the account as it is now, and tells whether there was an answer.
async function reload() {
  try {
    await askAgain();
    return true;
  } catch (error) {
    showError(error, start);
    return false;
  }
}

// back shows the account again, as it is now, and moves to an element.
async function back(id) {
  show("ready", text.title, null);
  if (!(await reload())) return false;
  fill();
  $(id).focus();
  return true;
}

// tellAll names all passkeys that the server keeps, inactive ones too: they may be activated again, and
// a provider may delete what is not named. While a recovery waits, the server does not know all: the passkey
// that it is for is missing. It also tells what the user is called.
function tellAll(rpId) {
  if (account.recovery) return;
  const { id, username } = account.user;
  const ids = account.credentials.filter((c) => c.kind === "Fido2").map((c) => c.credentialId);
  if (ids.length === 0) return;
  tellAccepted(rpId, id, ids);
  tellDetails(rpId, id, username);
}

// tellProvider runs tell if this page may speak for the organisation's passkeys.
function tellProvider(tell) {
  if (account.rpId && !outside(account.rpId)) tell(account.rpId);
}

async function end(other, card) {
  await run(text.endingSession, async () => {
    try {
      await api.endSession(other.id);
    } catch (error) {
      if (error.code !== "session_not_found") throw error; // it has ended already
    }
    account.sessions = account.sessions.filter((s) => s !== other);
    card.remove();
    $("sessions-title").focus();
    say(text.sessionEnded);
  });
}

async function signOut(everywhere) {
  await run(text.leaving, async () => {
    await api.logout(everywhere);
    leave(everywhere ? "everywhere" : "out");
  });
}

// run makes one call at a time and says what goes wrong.
async function run(sentence, call) {
  if (busy) return;
  busy = true;
  clearAlert();
  say(sentence);
  try {
    await call();
  } catch (error) {
    say("");
    if (sessionOver(error)) return leave("ended");
    const explanation = error instanceof api.Unreachable ? words.obstacles.undone : explainServer(error, words);
    alarm({ ...explanation, actions: [] }, { reference: error.id });
  } finally {
    busy = false;
  }
}

$("out").addEventListener("click", () => signOut(false));
$("everywhere").addEventListener("click", () => signOut(true));
document.addEventListener("visibilitychange", () => {
  // Timers stand still while a device sleeps.
  if (!account || document.hidden || busy || signing()) return;
  if (current() && Date.parse(current().expiresAt) < api.serverNow()) start();
});

adding.serve({ change, reopen: start });
codeApp.serve({ change });
handover.serve({ fill, reopen: start });
recoveryKey.serve({ change, reopen: start, back });
start();
