// The login page: a passkey becomes a session.
//
// The browser offers passkeys in the user name field from the start (autofill.js), and
// the buttons ask for one outright. Both answer challenges that were fetched before.
import * as wire from "./wire.js";
import * as ceremony from "./ceremony.js";
import * as autofill from "./autofill.js";
import * as session from "./session.js";
import * as words from "./loginmessages.js";
import { explainBrowser, explainServer } from "./explain.js";
import { Offers } from "./offer.js";
import { $, alarm, clearAlert, complain, halt, say, schedule, setWorking, show, stopTimers } from "./view.js";

const { obstacles, text } = words;
const offers = new Offers(wire.beginLogin);
const asked = new URLSearchParams(location.hash.slice(1)); // in the fragment, so no request carries it

let organisation = null; // where people sign in, once that is known
let only = false; // the server has no other organisation
let busy = false; // a prompt is open or its result is on its way

// What an explanation may offer to do.
const actions = {
  retry: ["Try again", () => start()],
  another: ["Use another organisation", () => leaveOrganisation()],
  go: ["Continue", () => location.assign(destination())],
};

const context = (error) => ({ actions, reference: error?.id });
const destination = () => session.destination(asked.get("next"));

// anybody asks for any discoverable passkey, of the organisation if it is known.
const anybody = () => (organisation ? { orgId: organisation.id } : {});

// wanted is who the form names.
function wanted() {
  const username = $("username").value.trim();
  return username ? { username, orgId: organisation?.id || $("orgId").value.trim() } : anybody();
}

// start learns what there is to know and gets everything ready for one click.
async function start() {
  stopTimers();
  await autofill.stop();
  const blocked = ceremony.obstacle("get");
  if (blocked) return halt(obstacles[blocked], context());
  show("loading", text.title, null);
  try {
    know(await wire.site());
    const { challenge } = await offers.get(anybody());
    const rpId = challenge.rp?.id;
    if (ceremony.outside(rpId)) return halt(obstacles.outside(location.hostname, rpId), context());
  } catch (error) {
    return stopped(error);
  }
  showReady();
}

// know settles the organisation: the link's, else the server's only one, else the last.
function know(site) {
  const named = (asked.get("org") || "").trim();
  only = Boolean(site.organisation) && (!named || named === site.organisation.id);
  const last = session.remembered();
  organisation = named ? [site.organisation, last].find((o) => o?.id === named) || { id: named, name: "" }
    : site.organisation || last;
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
  ask();
  setBusy(false);
  const notice = session.takeNotice();
  if (Object.hasOwn(words.notices, notice)) alarm(words.notices[notice], context());
  else greet();
  resume();
}

// greet tells who comes by with a session that still lives.
async function greet() {
  if (!session.token()) return;
  try {
    const { user } = await wire.account(session.token());
    if (!busy && !$("alert").hasChildNodes()) alarm(text.signedIn(user.username), context());
  } catch (error) {
    if (error instanceof wire.Refusal && error.status === 401) session.drop();
  }
}

// ask shows the organisation's field to who types a name that needs it.
function ask() {
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

// letGo frees the browser as soon as a button is pressed down, so that the click that
// follows may ask at once.
function letGo() {
  autofill.stop();
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(resume, 500), { once: true });
}

// signIn opens the prompt. With a challenge at hand and the browser free nothing is
// awaited before navigator.credentials.get().
function signIn(otherDevice) {
  if (busy || !filled()) return;
  const offer = offers.ready(wanted());
  if (!offer) return prepare(otherDevice);
  setBusy(true, text.waiting);
  const held = autofill.stop();
  if (held) held.then(() => prompt(offer, otherDevice));
  else prompt(offer, otherDevice);
}

// prepare fetches a challenge after the click: the name was typed just now, or the tab
// slept past its timers.
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
  // Most browsers let a click count for a few seconds. Where it does not, one more is due.
  if (navigator.userActivation?.isActive) return prompt(offer, otherDevice);
  setBusy(false);
  say(text.stale);
  $("sign-in").focus();
  resume();
}

function prompt(offer, otherDevice) {
  let answer;
  try {
    answer = navigator.credentials.get(ceremony.requestOptions(offer.challenge, otherDevice));
  } catch (error) {
    answer = Promise.reject(error);
  }
  clearAlert();
  setBusy(true, text.waiting);
  say(text.prompted);
  finish(offer, answer);
}

async function finish(offer, answer) {
  let credential;
  try {
    credential = await answer;
    if (!credential) throw new DOMException("", "NotAllowedError");
  } catch (error) {
    return again(explainBrowser(error, words)); // the challenge was never sent, so it serves on
  }
  await send(offer, credential);
}

async function send(offer, credential) {
  setBusy(true, text.checking);
  clearAlert();
  say(text.checking);
  let token;
  try {
    ({ token } = await wire.login(offer.challenge.challengeIdentifier, ceremony.assertion(credential)));
  } catch (error) {
    offers.spend(offer);
    if (unknown(error, offer, credential)) ceremony.forget(offer.challenge, credential.id);
    if (error instanceof wire.Unreachable) return again(obstacles.lost);
    return refused(error);
  }
  if (!session.keep(token)) return halt(obstacles.storage, context());
  const id = session.organisationOf(token);
  if (id) session.remember({ id, name: organisation?.id === id ? organisation.name : "" });
  stopTimers();
  location.replace(destination());
}

// unknown tells whether a refusal means that the server knows no such passkey. A user
// name or an organisation in the question would make it refuse others' passkeys in the
// same words, and those must not be taken from their owners.
function unknown(error, { who }, credential) {
  return error.code === "signature_invalid" && !who.username && (!who.orgId || only) && ceremony.fromHere(credential);
}

function refused(error) {
  const explanation = explainServer(error, words);
  if (explanation.final) return halt(explanation, context(error));
  again(explanation, error);
}

// again makes the page ready for another try, with the reason for it.
function again(explanation, error) {
  say("");
  if (explanation) alarm(explanation, context(error));
  setBusy(false, text.again);
  $("sign-in").focus();
  offers.get(wanted()).catch(() => {}); // a click without a challenge asks again
  resume();
}

// stopped handles a failure before a prompt.
function stopped(error) {
  if (error instanceof wire.Unreachable) return halt(obstacles.offline, context());
  if (!(error instanceof wire.Refusal)) throw error;
  halt(explainServer(error, words), context(error));
}

function setBusy(on, label = text.signIn) {
  busy = on;
  setWorking(on, "sign-in", ["elsewhere"]);
  $("sign-in-label").textContent = label;
}

// ---- the form

function filled() {
  const wrong = complain("orgId", wanted().orgId === "" ? text.required.orgId : "");
  if (wrong) $("orgId").focus();
  return !wrong;
}

// typed gets the challenge for a name while its owner is still on the way to the button.
function typed() {
  ask();
  schedule("typed", 400, () => {
    const who = wanted();
    if (!busy && who.orgId !== "") offers.get(who).catch(() => {});
  });
}

$("login").addEventListener("submit", (event) => { event.preventDefault(); signIn(false); });
$("elsewhere").addEventListener("click", () => signIn(true));
$("another").addEventListener("click", () => leaveOrganisation());
for (const id of ["sign-in", "elsewhere"]) $(id).addEventListener("pointerdown", letGo);
for (const id of ["username", "orgId"]) $(id).addEventListener("input", typed);
addEventListener("hashchange", () => location.reload()); // another link in the same tab
addEventListener("pageshow", (event) => { if (event.persisted) start(); });
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !busy && document.body.dataset.state === "ready" && !offers.ready(anybody())) renew();
});

$("username").value = (asked.get("username") || "").trim();
start().then(typed);
