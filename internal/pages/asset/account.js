// The account page: one's user, passkeys and sessions, and the buttons to sign out.
import * as api from "./api.js";
import * as words from "./pagemessages.js";
import { text } from "./accountmessages.js";
import { credentialCard, identity, sessionCard } from "./accountview.js";
import { outside, tellAccepted } from "./ceremony.js";
import { explainServer } from "./explain.js";
import { $, alarm, clearAlert, say, show } from "./view.js";
import { account, leave, openPage, sessionOver, watchEnd } from "./page.js";

let busy = false;

async function start() {
  if (!(await openPage(text.title, [], start))) return;
  showAccount();
  tellProvider();
}

function showAccount() {
  const { credentials, sessions } = account;
  $("facts").replaceChildren(...identity(account));
  $("credentials").replaceChildren(...credentials.map(credentialCard));
  $("no-credentials").hidden = credentials.length > 0;
  $("one-passkey").hidden = credentials.filter((c) => c.isActive && c.factor !== "recovery").length !== 1;
  // The current session first, then the newest.
  const order = (s) => (s.current ? Infinity : Date.parse(s.createdAt));
  sessions.sort((a, b) => order(b) - order(a));
  $("sessions").replaceChildren(...sessions.map((s) => sessionCard(s, end)));
  show("ready", text.title);
  watchEnd(start);
}

// tellProvider names all passkeys that the server keeps, inactive ones too: they may be
// activated again, and a provider may delete what is not named.
function tellProvider() {
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
  if (!document.hidden && !busy && current && Date.parse(current.expiresAt) < api.serverNow()) start();
});

start();
