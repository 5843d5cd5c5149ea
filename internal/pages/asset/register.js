// The registration page: it turns an invitation into a passkey.
//
// The link's fragment holds the invitation, so that no request for the page carries the
// code. The fragment stays in the address bar until the passkey is stored, because until
// then a reload must still work.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import * as making from "./making.js";
import { showDone, showRegistered } from "./done.js";
import { explainServer } from "./explain.js";
import { clock, moment, tidyCode } from "./format.js";
import { obstacles, text } from "./messages.js";
import * as words from "./messages.js";
import { complete, invitationIn } from "./link.js";
import { loginLink } from "./session.js";
import { $, alarm, clearAlert, complain, halt, say, schedule, show, stopTimers } from "./view.js";

let invitation = { orgId: "", username: "", registrationCode: "" };
let opened = null; // what the server told about the invitation
let typed = false; // the invitation was entered by hand

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
  opened = null;
  making.forget();
  const blocked = ceremony.obstacle("create");
  if (blocked) return halt(obstacles[blocked], context());
  if (history.state?.registered && !location.hash) return showRegistered(history.state.registered);
  if (!complete(invitation)) return showForm();
  show("loading", text.create, null);
  say(text.loading);
  try {
    opened = await api.open(invitation);
    const useless = await making.prepare();
    if (useless) return halt(useless, context());
  } catch (error) {
    return stopped(error);
  }
  showReady();
}

function showReady() {
  const expires = new Date(opened.expiresAt);
  $("organisation").textContent = opened.organisation.name;
  $("account").textContent = opened.user.username;
  $("expires").textContent = moment(expires);
  $("expires").dateTime = expires.toISOString();
  making.showReady();
  watchExpiry(expires);
}

making.serve({
  words,
  context,
  stopped,
  begin: () => api.begin(invitation),
  title: () => text.joining(opened.organisation.name),
  organisation: () => opened.organisation.name,
  call: (challenge, credential, name) =>
    api.completeRegistration(challenge.temporaryAuthenticationToken, ceremony.firstFactor(credential, name)),
  done: (made) => showDone({ ...made, invitation, opened }),
  // What became of the invitation is a better answer than a refusal.
  ambiguous: start,
});

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
    if (making.working() || document.body.dataset.state !== "ready") return;
    alarm({ mild: true, title: text.ending(Math.ceil(left() / 60_000), clock(expires)) }, { actions });
  };
  schedule("warn", left() - 5 * 60_000, warn);
  // The server decides: asked after the end, it says what to tell.
  schedule("end", left() + 1000, making.keepFresh);
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

$("anew").addEventListener("click", () => {
  history.replaceState(null, "", location.pathname);
  invitation = invitationIn("");
  start();
});
$("manual").addEventListener("submit", submit);
$("manual").addEventListener("paste", paste);
$("registrationCode").addEventListener("change", (e) => { e.target.value = tidyCode(e.target.value); });
window.addEventListener("hashchange", () => location.reload()); // another link in the same tab

invitation = invitationIn(location.hash);
start();
