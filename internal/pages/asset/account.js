// The account page: one's user, passkeys and sessions, changes to these, and the buttons to sign out.
import * as api from "./api.js";
import * as adding from "./addpasskey.js";
import * as codeApp from "./codeapp.js";
import * as words from "./pagemessages.js";
import { refusals, text } from "./accountmessages.js";
import { credentialCard, identity } from "./accountview.js";
import { sessionCard } from "./cards.js";
import { outside, tellAccepted } from "./ceremony.js";
import { explainServer } from "./explain.js";
import { $, alarm, clearAlert, say, show } from "./view.js";
import { account, askAgain, leave, openPage, sessionOver, showError, signs, watchEnd } from "./page.js";
import { showOwn } from "./pendingrecovery.js";
import { sign, signing } from "./sign.js";

let busy = false;

async function start() {
  if (!(await openPage(text.title, [], start))) return;
  fill();
  show("ready", text.title);
  watchEnd(start);
}

// fill shows the account as it is.
function fill() {
  const { credentials, sessions } = account;
  $("facts").replaceChildren(...identity(account));
  showOwn(run);
  const able = credentials.some(signs);
  $("credentials").replaceChildren(...credentials.map((c) => credentialCard(c, credentials, able && change)));
  $("no-credentials").hidden = credentials.length > 0;
  $("one-passkey").hidden = credentials.filter((c) => c.isActive && c.factor === "first" && c.kind !== "Password").length !== 1;
  $("adding").hidden = !able;
  if (able) adding.offer();
  codeApp.show(able);
  $("add-hint").textContent = !able ? words.text.noPasskey.text : credentials.filter(signs).every((c) => c.backupEligible) ? text.syncedAlone : "";
  // The current session first, then the newest.
  const order = (s) => (s.current ? Infinity : Date.parse(s.createdAt));
  sessions.sort((a, b) => order(b) - order(a));
  $("sessions").replaceChildren(...sessions.map((s) => sessionCard(s, s.current ? null : end)));
  tellProvider();
}

// change has a change of the credentials signed and shows what there is then. It tells whether it could.
// The list is made again, and the focus goes to the button of that key, or to the heading.
async function change({ key, ...wanted }) {
  await sign({ ...wanted, refusals });
  try {
    await askAgain();
  } catch (error) {
    showError(error, start);
    return false;
  }
  const before = document.activeElement;
  fill();
  if (!before.isConnected || [document.body, $("title")].includes(before)) {
    (document.querySelector(`[data-key="${CSS.escape(key)}"]`) || $("credentials-title")).focus();
  }
  return true;
}

// tellProvider names all passkeys that the server keeps, inactive ones too: they may be
// activated again, and a provider may delete what is not named. While a recovery waits, the server does not
// know all: the passkey that it is for is missing.
function tellProvider() {
  if (account.recovery) return;
  const ids = account.credentials.filter((c) => c.kind === "Fido2").map((c) => c.credentialId);
  if (ids.length > 0 && account.rpId && !outside(account.rpId)) tellAccepted(account.rpId, account.user.id, ids);
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
  const current = account?.sessions.find((s) => s.current);
  if (!document.hidden && !busy && !signing() && current && Date.parse(current.expiresAt) < api.serverNow()) start();
});

adding.serve({ change, reopen: start });
codeApp.serve({ change });
start();
