// The registration page: it turns an invitation into a passkey.
//
// The link's fragment holds the invitation, so that no request for the page carries the
// code. The fragment stays in the address bar until the passkey is stored, because until
// then a reload must still work.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import { describe } from "./passkey.js";
import { showDone, showRegistered } from "./done.js";
import { explainBrowser, explainServer } from "./explain.js";
import { clock, moment, tidyCode } from "./format.js";
import { obstacles, text } from "./messages.js";
import * as words from "./messages.js";
import { complete, invitationIn } from "./link.js";
import { lifeOf } from "./offer.js";
import { loginLink } from "./session.js";
import { $, alarm, clearAlert, complain, halt, say, schedule, setWorking, show, stopTimers } from "./view.js";

let invitation = { orgId: "", username: "", registrationCode: "" };
let opened = null; // what the server told about the invitation
let offer = null; // a challenge and how long it can be used
let busy = false; // a prompt is open or its result is on its way
let prompt = null; // cancels the open prompt
let typed = false; // the invitation was entered by hand
let fetching = null;

const fields = ["orgId", "username", "registrationCode"];

// What an explanation may offer to do.
const actions = {
  retry: ["Try again", () => start()],
  form: ["Enter the code by hand", () => showForm()],
  resend: ["Send me a new code", () => askForNewCode()],
  signin: ["Sign in", () => location.assign(loginLink({ org: invitation.orgId, username: invitation.username }))],
};

function context(extra = {}) {
  return { actions, contact: opened?.supportContact || "", ...extra };
}

// start looks up the invitation and prepares everything for one click.
async function start() {
  stopTimers();
  opened = offer = null;
  const blocked = ceremony.obstacle("create");
  if (blocked) return halt(obstacles[blocked], context());
  if (history.state?.registered && !location.hash) return showRegistered(history.state.registered);
  if (!complete(invitation)) return showForm();
  show("loading", text.create, null);
  say(text.loading);
  try {
    opened = await api.open(invitation);
    await renew();
  } catch (error) {
    return stopped(error);
  }
  const rpId = offer.challenge.rp?.id;
  if (ceremony.outside(rpId)) return halt(obstacles.outside(location.hostname, rpId), context());
  showReady();
}

function showReady() {
  const expires = new Date(opened.expiresAt);
  $("organisation").textContent = opened.organisation.name;
  $("account").textContent = opened.user.username;
  $("expires").textContent = moment(expires);
  $("expires").dateTime = expires.toISOString();
  show("ready", text.joining(opened.organisation.name));
  setBusy(false);
  watchExpiry(expires);
  ceremony.lacksOwnProvider().then((lacks) => {
    $("hint").hidden = !lacks;
    $("hint").textContent = text.noProvider;
  });
}

// renew fetches a challenge. The old one can be used until the new one is here.
function renew() {
  fetching ||= api.begin(invitation).then((challenge) => {
    offer = { challenge, ...lifeOf(challenge.temporaryAuthenticationToken) };
    schedule("renew", offer.renewAt - Date.now(), keepFresh);
  }).finally(() => { fetching = null; });
  return fetching;
}

async function keepFresh() {
  if (busy || !offer || document.body.dataset.state !== "ready") return;
  try {
    await renew();
  } catch (error) {
    if (error instanceof api.Refusal) stopped(error);
    else schedule("renew", 30_000, keepFresh);
  }
}

// create opens the prompt. Nothing is awaited before navigator.credentials.create(): after
// a wait Safari no longer counts the click.
function create(elsewhere) {
  if (busy) return;
  if (!offer || Date.now() > offer.renewAt) {
    makeReadyAgain();
    return;
  }
  const { challenge } = offer;
  prompt = new AbortController();
  const asked = ceremony.prompt("create", () => ceremony.creationOptions(challenge, opened.organisation.name, elsewhere), prompt.signal);
  clearAlert();
  setBusy(true, text.waiting);
  $("cancel").hidden = false;
  say(text.prompted);
  finish(offer, asked);
}

// A tab that slept past its timers, or a challenge that was refused.
async function makeReadyAgain() {
  setBusy(true, text.preparing);
  try {
    await renew();
    setBusy(false);
    say(text.stale);
    $("create").focus();
  } catch (error) {
    setBusy(false);
    stopped(error);
  }
}

async function finish(used, asked) {
  let credential, passkey, call;
  try {
    credential = await asked;
    passkey = describe(credential);
    call = api.completeRegistration(used.challenge.temporaryAuthenticationToken, ceremony.firstFactor(credential, passkey.name));
  } catch (error) {
    say("");
    const explanation = explainBrowser(error, words);
    if (explanation) alarm(explanation, context());
    setBusy(false, text.again);
    $("create").focus();
    renewQuietly(); // the old challenge was never sent, so it can be used until then
    return;
  }
  await send(call, used, credential, passkey);
}

// send stores the passkey. The same call may be sent again, so a lost answer does no harm.
async function send(call, used, credential, passkey) {
  setBusy(true, text.saving);
  say(text.saving);
  let result;
  try {
    result = await call.run(() => say(text.lost));
  } catch (error) {
    if (error instanceof api.Unreachable || error.status >= 500) {
      // The passkey may or may not be stored by now; only sending again can tell.
      const again = ["Send it again", () => send(call, used, credential, passkey)];
      halt({ ...obstacles.unsaved }, context({ reference: error.id, actions: { ...actions, send: again } }));
      return;
    }
    offer = null;
    setBusy(false);
    // An earlier attempt may have succeeded although its answer was lost. What became of
    // the invitation is then the better answer.
    if (call.uncertain) return start();
    if (error.code !== "credential_already_registered") ceremony.forget(used.challenge, credential);
    refusedAfterPrompt(error);
    return;
  }
  stopTimers();
  busy = false;
  showDone({ result, passkey, invitation, opened, challenge: used.challenge, endsAt: used.endsAt });
}

function refusedAfterPrompt(error) {
  const explanation = explainServer(error, words);
  if (explanation.final) return halt(explanation, context({ reference: error.id }));
  show("ready", text.joining(opened.organisation.name), null);
  alarm(explanation, context({ reference: error.id }));
  setBusy(false, text.again);
  $("create").focus();
  renewQuietly();
}

// renewQuietly fetches a new challenge after a failed attempt. Without an answer the next
// click asks again.
async function renewQuietly() {
  try {
    await renew();
  } catch (error) {
    if (error instanceof api.Refusal) stopped(error);
  }
}

// stopped handles a failure before or between attempts.
function stopped(error) {
  if (error instanceof api.Unreachable) return halt(obstacles.offline, context());
  const explanation = explainServer(error, words);
  if (typed && explanation.actions?.includes("form")) {
    showForm();
    alarm({ ...explanation, actions: [] }, context({ reference: error.id }));
    $("registrationCode").focus();
    return;
  }
  halt(explanation, context({ reference: error.id }));
}

function setBusy(on, label = text.create) {
  busy = on;
  $("cancel").hidden = true;
  setWorking(on, "create", ["elsewhere"]);
  $("create-label").textContent = label;
}

async function askForNewCode() {
  say(text.resending);
  try {
    await api.resend(invitation);
    for (const b of document.querySelectorAll('[data-action="resend"]')) b.remove();
    say(text.resent);
  } catch {
    say(text.resendFailed);
  }
}

// ---- the end of an invitation, told in time

function watchExpiry(expires) {
  const left = () => expires.getTime() - api.serverNow();
  const warn = () => {
    if (busy || document.body.dataset.state !== "ready") return;
    alarm({ mild: true, title: text.ending(Math.ceil(left() / 60_000), clock(expires)) }, { actions });
  };
  schedule("warn", left() - 5 * 60_000, warn);
  // The server decides: asked after the end, it says what to tell.
  schedule("end", left() + 1000, keepFresh);
}

// ---- the form for people without a link

function showForm() {
  typed = true;
  for (const f of fields) $(f).value = invitation[f];
  show("form", text.enter, null);
  ($("orgId").value ? $("username").value ? $("registrationCode") : $("username") : $("orgId")).focus();
}

function submit(event) {
  event.preventDefault();
  clearAlert();
  fields.some((f) => fillFrom($(f).value));
  let first = null;
  for (const f of fields) {
    const value = f === "registrationCode" ? tidyCode($(f).value) : $(f).value.trim();
    $(f).value = invitation[f] = value;
    if (complain(f, value === "" ? text.required[f] : "")) first ||= $(f);
  }
  if (first) first.focus();
  else start();
}

// A whole link pasted into any field fills them all, whatever a mail program made of it.
function paste(event) {
  if (fillFrom(event.clipboardData?.getData("text") || "")) event.preventDefault();
}

function fillFrom(value) {
  const found = invitationIn(value);
  if (!complete(found)) return false;
  for (const f of fields) $(f).value = found[f];
  return true;
}

$("create").addEventListener("click", () => create(false));
$("elsewhere").addEventListener("click", () => create(true));
$("cancel").addEventListener("click", () => prompt.abort());
$("anew").addEventListener("click", () => {
  history.replaceState(null, "", location.pathname);
  invitation = invitationIn("");
  start();
});
$("manual").addEventListener("submit", submit);
$("manual").addEventListener("paste", paste);
$("registrationCode").addEventListener("change", (e) => { e.target.value = tidyCode(e.target.value); });
window.addEventListener("hashchange", () => location.reload()); // another link in the same tab
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && offer && Date.now() > offer.renewAt) keepFresh();
});

invitation = invitationIn(location.hash);
start();
