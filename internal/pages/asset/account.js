// The account page: who I am here, my passkeys, my sessions, and the ways out.
import * as wire from "./wire.js";
import * as session from "./session.js";
import * as words from "./officemessages.js";
import { text } from "./accountmessages.js";
import { credentialCard, identity, sessionCard } from "./accountview.js";
import { outside, tellAccepted } from "./ceremony.js";
import { explainServer } from "./explain.js";
import { $, alarm, clearAlert, say, show } from "./view.js";
import { enter, leave, mine, over, watchEnd } from "./visit.js";

let busy = false;

async function start() {
  if (!(await enter(text.title, [], start))) return;
  showAccount();
  tellProvider();
}

function showAccount() {
  const { credentials, sessions } = mine;
  $("facts").replaceChildren(...identity(mine));
  $("credentials").replaceChildren(...credentials.map(credentialCard));
  $("no-credentials").hidden = credentials.length > 0;
  $("one-passkey").hidden = credentials.filter((c) => c.isActive && c.factor !== "recovery").length !== 1;
  // The session at hand first, then the newest.
  const order = (s) => (s.current ? Infinity : Date.parse(s.createdAt));
  sessions.sort((a, b) => order(b) - order(a));
  $("sessions").replaceChildren(...sessions.map((s) => sessionCard(s, end)));
  show("ready", text.title);
  watchEnd(start);
}

// tellProvider names all passkeys that the server keeps, those switched off too: they may
// be switched on again, and a provider may delete what is not named.
function tellProvider() {
  const ids = mine.credentials.filter((c) => c.kind === "Fido2").map((c) => c.credentialId);
  if (ids.length > 0 && mine.rpId && !outside(mine.rpId)) tellAccepted(mine.rpId, mine.user.id, ids);
}

async function end(other, card) {
  await asking(text.endingSession, async () => {
    try {
      await wire.endSession(session.token(), other.id);
    } catch (error) {
      if (error.code !== "session_not_found") throw error; // it is over, which is what was asked
    }
    mine.sessions = mine.sessions.filter((s) => s !== other);
    card.remove();
    $("sessions-title").focus();
    say(text.sessionEnded);
  });
}

async function out(everywhere) {
  await asking(text.leaving, async () => {
    await wire.logout(session.token(), everywhere);
    leave(everywhere ? "everywhere" : "out");
  });
}

// asking runs one call at a time and tells what comes of it.
async function asking(sentence, call) {
  if (busy) return;
  busy = true;
  clearAlert();
  say(sentence);
  try {
    await call();
  } catch (error) {
    say("");
    if (over(error)) return leave("ended");
    const explanation = error instanceof wire.Unreachable ? words.obstacles.undone : explainServer(error, words);
    alarm({ ...explanation, actions: [] }, { reference: error.id });
  } finally {
    busy = false;
  }
}

$("out").addEventListener("click", () => out(false));
$("everywhere").addEventListener("click", () => out(true));
document.addEventListener("visibilitychange", () => {
  // Timers stand still while a device sleeps.
  const current = mine?.sessions.find((s) => s.current);
  if (!document.hidden && !busy && current && Date.parse(current.expiresAt) < wire.serverNow()) start();
});

start();
