// The account page: who I am here, my passkeys, my sessions, and the ways out.
import * as wire from "./wire.js";
import * as session from "./session.js";
import * as words from "./accountmessages.js";
import { credentialCard, facts, sessionCard } from "./accountview.js";
import { outside, tellAccepted } from "./ceremony.js";
import { explainServer } from "./explain.js";
import { clock, offset } from "./format.js";
import { $, alarm, clearAlert, halt, say, schedule, show, stopTimers } from "./view.js";

const { obstacles, text } = words;
const actions = { retry: ["Try again", () => start()] };

let mine = null; // what the server told about the account
let busy = false;

async function start() {
  stopTimers();
  if (!session.token()) return leave("");
  show("loading", text.title, null);
  try {
    mine = await wire.account(session.token());
  } catch (error) {
    return stopped(error);
  }
  session.remember(mine.organisation);
  showAccount();
  tellProvider();
}

function showAccount() {
  const { credentials, sessions } = mine;
  $("facts").replaceChildren(...facts(mine));
  $("credentials").replaceChildren(...credentials.map(credentialCard));
  $("no-credentials").hidden = credentials.length > 0;
  $("one-passkey").hidden = credentials.filter((c) => c.isActive && c.factor !== "recovery").length !== 1;
  // The session at hand first, then the newest.
  const order = (s) => (s.current ? Infinity : Date.parse(s.createdAt));
  sessions.sort((a, b) => order(b) - order(a));
  $("sessions").replaceChildren(...sessions.map((s) => sessionCard(s, end)));
  $("zone").textContent = text.zone(offset(new Date()));
  show("ready", text.title);
  watchEnd(sessions.find((s) => s.current));
}

// tellProvider names all passkeys that the server keeps, those switched off too: they may
// be switched on again, and a provider may delete what is not named.
function tellProvider() {
  const ids = mine.credentials.filter((c) => c.kind === "Fido2").map((c) => c.credentialId);
  if (ids.length > 0 && mine.rpId && !outside(mine.rpId)) tellAccepted(mine.rpId, mine.user.id, ids);
}

// watchEnd says before the session runs out, and after.
function watchEnd(current) {
  if (!current) return;
  const ends = new Date(current.expiresAt);
  const left = ends.getTime() - wire.serverNow();
  schedule("warn", left - 5 * 60_000, () => alarm(text.ending(clock(ends)), { actions }));
  // The server decides; its answer brings the words.
  schedule("end", Math.max(left, 0) + 2000, () => start());
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
    const explanation = error instanceof wire.Unreachable ? obstacles.undone : explainServer(error, words);
    alarm({ ...explanation, actions: [] }, { actions, reference: error.id });
  } finally {
    busy = false;
  }
}

// over tells whether a refusal says that the session is no more.
const over = (error) => error instanceof wire.Refusal && error.status === 401;

function stopped(error) {
  if (over(error)) return leave("ended");
  if (error instanceof wire.Unreachable) return halt(obstacles.offline, { actions });
  halt(explainServer(error, words), { actions, reference: error.id });
}

// leave goes to the login page, which brings people back here. Nothing of the account
// stays behind in this tab, not even for the way back.
function leave(notice) {
  stopTimers();
  session.drop();
  if (notice) session.leaveNotice(notice);
  document.querySelector(".card").replaceChildren();
  location.replace(session.loginLink({ org: mine?.organisation.id, next: location.pathname + location.search }));
}

$("out").addEventListener("click", () => out(false));
$("everywhere").addEventListener("click", () => out(true));
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
document.addEventListener("visibilitychange", () => {
  // Timers stand still while a device sleeps.
  const current = mine?.sessions.find((s) => s.current);
  if (!document.hidden && !busy && current && Date.parse(current.expiresAt) < wire.serverNow()) start();
});

start();
