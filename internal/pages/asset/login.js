// The login page: a passkey starts a session.
//
// The browser offers passkeys in the user name field from the start (autofill.js), and
// the buttons open the browser's prompt. Both answer challenges that were fetched before.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import * as autofill from "./autofill.js";
import * as second from "./secondfactor.js";
import * as session from "./session.js";
import * as words from "./loginmessages.js";
import { text as secondText } from "./secondmessages.js";
import { explainBrowser, explainServer } from "./explain.js";
import { Offers } from "./offer.js";
import { $, alarm, clearAlert, complain, halt, say, schedule, setWorking, show, stopTimers } from "./view.js";

const { obstacles, text } = words;
const offers = new Offers(api.beginLogin);
const asked = new URLSearchParams(location.hash.slice(1)); // in the fragment, so no request carries it

let organisation = null; // where people sign in, once that is known
let only = false; // the server has no other organisation
let busy = false; // a prompt is open or its result is on its way
let cancel = null; // cancels the open prompt

// What an explanation may offer to do.
const actions = {
  retry: ["Try again", () => start()],
  another: ["Use another organisation", () => leaveOrganisation()],
  go: ["Continue", () => location.assign(destination())],
};

// wholeId is the id of an organisation; while it is being typed the server is not asked.
const wholeId = /^or-[a-z0-9]{5}-[a-z0-9]{5}-[a-z0-9]{14,16}$/;

const context = (error) => ({ actions, reference: error?.id });
const destination = () => session.destination(asked.get("next"));

// anybody asks for any discoverable passkey, of the organisation if that is known.
const anybody = () => (organisation ? { orgId: organisation.id } : {});

// wanted is the user whom the form names.
function wanted() {
  const username = $("username").value.trim();
  return username ? { username, orgId: organisation?.id || $("orgId").value.trim() } : anybody();
}

// start asks the server about itself and prepares everything for one click.
async function start() {
  stopTimers();
  await autofill.stop();
  const blocked = ceremony.obstacle("get");
  if (blocked) return halt(obstacles[blocked], context());
  show("loading", text.title, null);
  try {
    ({ organisation, only } = session.choose(await api.site(), (asked.get("org") || "").trim()));
    const { challenge } = await offers.get(anybody());
    const rpId = challenge.rp?.id;
    if (ceremony.outside(rpId)) return halt(obstacles.outside(location.hostname, rpId), context());
  } catch (error) {
    return stopped(error);
  }
  showReady();
}

function leaveOrganisation() {
  asked.delete("org");
  session.forgetOrganisation();
  start();
}

function showReady() {
  show("ready", organisation?.name ? text.joining(organisation.name) : text.title);
  $("organisation").textContent = organisation?.id || "";
  $("known").hidden = !organisation || only;
  showOrgField();
  setBusy(false);
  const notice = session.takeNotice();
  if (Object.hasOwn(words.notices, notice)) alarm(words.notices[notice], context());
  else greet();
  resume();
}

// greet tells people that their session is still active.
async function greet() {
  if (!session.token()) return;
  try {
    const { user } = await api.account();
    if (!busy && !$("alert").hasChildNodes()) alarm(text.signedIn(user.username), context());
  } catch (error) {
    if (error instanceof api.Refusal && error.status === 401) session.drop();
  }
}

// showOrgField shows the organisation's field once a name is typed that needs it.
function showOrgField() {
  $("org-field").hidden = Boolean(organisation) || $("username").value.trim() === "";
}

// ---- passkeys among the field's suggestions

async function resume() {
  const idle = () => !busy && !autofill.listening() && document.body.dataset.state === "ready";
  if (!idle() || !(await autofill.available())) return;
  try {
    const offer = await offers.get(anybody());
    if (!idle()) return;
    autofill.listen(offer.challenge, (credential) => { if (!busy) send(offer, credential); });
    schedule("renew", offer.renewAt - Date.now(), renew);
  } catch {
    schedule("renew", 30_000, resume);
  }
}

async function renew() {
  if (busy) return;
  await autofill.stop();
  resume();
}

// ---- the buttons

// freeBrowser ends the suggestions as soon as a button is pressed down, so that the click
// that follows may open the prompt at once.
function freeBrowser() {
  autofill.stop();
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(resume, 500), { once: true });
}

// signIn opens the prompt. When there is a challenge and the browser is free, nothing is
// awaited before navigator.credentials.get().
function signIn(otherDevice) {
  if (busy || !filled()) return;
  const offer = offers.ready(wanted());
  if (!offer) return prepare(otherDevice);
  setBusy(true, text.waiting);
  const stopping = autofill.stop();
  if (stopping) stopping.then(() => prompt(offer, otherDevice));
  else prompt(offer, otherDevice);
}

// prepare fetches a challenge after the click: the name was typed just now, or the tab's
// timers stood still.
async function prepare(otherDevice) {
  setBusy(true, text.preparing);
  let offer;
  try {
    offer = await offers.get(wanted());
    await autofill.stop();
  } catch (error) {
    setBusy(false);
    return stopped(error);
  }
  // Most browsers let a click count for a few seconds. The others need another one.
  if (navigator.userActivation?.isActive) return prompt(offer, otherDevice);
  setBusy(false);
  say(text.stale);
  $("sign-in").focus();
  resume();
}

function prompt(offer, otherDevice) {
  cancel = new AbortController();
  const answer = ceremony.prompt("get", () => ceremony.requestOptions(offer.challenge, otherDevice), cancel.signal);
  clearAlert();
  setBusy(true, text.waiting);
  $("cancel").hidden = false;
  say(text.prompted);
  finish(offer, answer);
}

async function finish(offer, answer) {
  let credential;
  try {
    credential = await answer;
  } catch (error) {
    return again(explainBrowser(error, words)); // the challenge was never sent, so it can still be used
  }
  await send(offer, credential);
}

async function send(offer, credential, secondFactor) {
  setBusy(true, text.checking);
  clearAlert();
  say(text.checking);
  let token;
  try {
    ({ token } = await api.login(offer.challenge.challengeIdentifier, ceremony.assertion(credential), secondFactor));
  } catch (error) {
    const unreachable = error instanceof api.Unreachable;
    if (!unreachable && !(error instanceof api.Refusal)) return again(explainBrowser(error, words)); // nothing was sent
    if (!unreachable && second.wanted(error)) return askSecond(offer, credential, error); // the challenge is still good
    offers.spend(offer);
    if (unknown(error, offer, credential)) ceremony.forget(offer.challenge, credential);
    return unreachable ? again(obstacles.lost) : refused(error);
  }
  if (!session.keep(token)) return halt(obstacles.storage, context());
  const id = session.organisationOf(token);
  if (id) session.remember({ id, name: organisation?.id === id ? organisation.name : "" });
  stopTimers();
  location.replace(destination());
}

// askSecond asks for the second factor. busy stays set: nothing else may use the challenge meanwhile.
function askSecond(offer, credential, error) {
  cancel = new AbortController();
  if (document.body.dataset.state !== "second") show("second", secondText.title);
  say("");
  second.ask($("second-factor"), {
    error, challenge: offer.challenge, first: ceremony.assertion(credential), signal: cancel.signal,
    answer: (assertion) => send(offer, credential, assertion),
    failed: (failure) => {
      const explanation = explainBrowser(failure, words);
      if (explanation) alarm({ ...explanation, actions: [] }, context());
    },
  });
}

// unknown tells whether a refusal means that the server knows no such passkey. When the
// request named a user or an organisation, the server refuses other users' passkeys in the
// same words, and those must not be deleted from their owners' devices.
function unknown(error, { who }, credential) {
  return error.code === "signature_invalid" && !who.username && (!who.orgId || only) && ceremony.fromHere(credential);
}

function refused(error) {
  const explanation = explainServer(error, words);
  if (explanation.final) return halt(explanation, context(error));
  again(explanation, error);
}

// again says what went wrong and makes the page ready for another try.
function again(explanation, error) {
  if (document.body.dataset.state === "second") showReady();
  say("");
  if (explanation) alarm(explanation, context(error));
  setBusy(false, text.again);
  $("sign-in").focus();
  offers.get(wanted()).catch(() => {}); // a click without a challenge asks again
  resume();
}

// stopped handles a failure before a prompt.
function stopped(error) {
  if (error instanceof api.Unreachable) return halt(obstacles.offline, context());
  halt(explainServer(error, words), context(error));
}

function setBusy(on, label = text.signIn) {
  busy = on;
  $("cancel").hidden = true;
  setWorking(on, "sign-in", ["elsewhere"]);
  $("sign-in-label").textContent = label;
}

// ---- the form

function filled() {
  const wrong = complain("orgId", wanted().orgId === "" ? text.required.orgId : "");
  if (wrong) $("orgId").focus();
  return !wrong;
}

// typed fetches the challenge for a name before the button is pressed.
function typed() {
  showOrgField();
  schedule("typed", 400, () => {
    const who = wanted();
    if (!busy && (who.orgId === undefined || wholeId.test(who.orgId))) offers.get(who).catch(() => {});
  });
}

$("login").addEventListener("submit", (event) => { event.preventDefault(); signIn(false); });
$("elsewhere").addEventListener("click", () => signIn(true));
$("cancel").addEventListener("click", () => cancel.abort());
$("lost")?.addEventListener("click", () => {
  const { orgId: org, username } = wanted();
  $("lost").href = session.recoveryLink({ org, username });
});
$("second-cancel").addEventListener("click", () => { cancel.abort(); start(); });
$("another").addEventListener("click", () => leaveOrganisation());
for (const id of ["sign-in", "elsewhere"]) $(id).addEventListener("pointerdown", freeBrowser);
for (const id of ["username", "orgId"]) $(id).addEventListener("input", typed);
addEventListener("hashchange", () => location.reload()); // another link in the same tab
addEventListener("pageshow", (event) => { if (event.persisted) start(); });
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !busy && document.body.dataset.state === "ready" && !offers.ready(anybody())) renew();
});

$("username").value = (asked.get("username") || "").trim();
start().then(typed);
