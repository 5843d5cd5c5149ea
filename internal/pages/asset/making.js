// The step in which a passkey is made: a challenge that is kept fresh, the browser's prompt, and the
// call that stores the passkey. The pages with this step differ in where the challenge comes from,
// in what they send, and in their words.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import { explainBrowser, explainServer } from "./explain.js";
import { obstacles, text } from "./messages.js";
import { lifeOf } from "./offer.js";
import { describe } from "./passkey.js";
import { $, alarm, clearAlert, halt, say, schedule, setWorking, show, stopTimers } from "./view.js";

let page = null; // what serve was given
let offer = null; // a challenge and how long it can be used
let busy = false; // a prompt is open or its result is on its way
let abort = null; // cancels the open prompt
let fetching = null;

// serve tells the step what the page does in its own way:
//   begin() asks the server for a challenge
//   title() is the title of the step
//   organisation() is the name of the relying party if the challenge has none
//   call(challenge, credential, name) makes the completing call
//   done({result, passkey, challenge, endsAt}) goes on once the passkey is stored
//   ambiguous({done, refuse, unsure}) goes on after a refusal of a call that may have succeeded
//     before, when its answer was lost; it may call done with a result, refuse, or unsure with an error
//   stopped(error) handles a failure before or between attempts
//   words and context(extra) are the page's explanations and what goes with each
export function serve(functions) {
  page = functions;
}

export const working = () => busy;

// forget drops the challenge and what was under way, as one begins again.
export function forget() {
  offer = null;
  busy = false;
}

// prepare fetches a challenge, and returns what makes it useless here, or null.
export async function prepare() {
  await renew();
  const rpId = offer.challenge.rp?.id;
  return ceremony.outside(rpId) ? page.words.obstacles.outside(location.hostname, rpId) : null;
}

// showReady shows the step.
export function showReady() {
  show("ready", page.title());
  setBusy(false);
  ceremony.lacksOwnProvider().then((lacks) => {
    $("hint").hidden = !lacks;
    $("hint").textContent = text.noProvider;
  });
}

// renew fetches a challenge. The old one can be used until the new one is here.
function renew() {
  fetching ||= page.begin().then((challenge) => {
    offer = { challenge, ...lifeOf(challenge.temporaryAuthenticationToken) };
    schedule("renew", offer.renewAt - Date.now(), keepFresh);
  }).finally(() => { fetching = null; });
  return fetching;
}

// keepFresh fetches a new challenge while the step is shown and nothing else happens.
export async function keepFresh() {
  if (busy || !offer || document.body.dataset.state !== "ready") return;
  try {
    await renew();
  } catch (error) {
    if (error instanceof api.Refusal) page.stopped(error);
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
  abort = new AbortController();
  const asked = ceremony.prompt("create", () => ceremony.creationOptions(challenge, page.organisation(), elsewhere), abort.signal);
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
    page.stopped(error);
  }
}

async function finish(used, asked) {
  let credential, passkey, call;
  try {
    credential = await asked;
    passkey = describe(credential);
    call = await page.call(used.challenge, credential, passkey.name);
  } catch (error) {
    say("");
    const explanation = explainBrowser(error, page.words);
    if (explanation) alarm(explanation, page.context());
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
  const done = (result) => {
    stopTimers();
    busy = false;
    page.done({ result, passkey, ...used });
  };
  // The passkey may or may not be stored by now; only sending again can tell.
  const unsure = (error) => {
    const again = ["Send it again", () => send(call, used, credential, passkey)];
    const context = page.context({ reference: error.id });
    halt(obstacles.unsaved, { ...context, actions: { ...context.actions, send: again } });
  };
  let result;
  try {
    result = await call.run(() => say(text.lost));
  } catch (error) {
    if (error instanceof api.Unreachable || error.status >= 500) return unsure(error);
    const refuse = () => refused(error, used, credential);
    return call.uncertain ? page.ambiguous({ done, refuse, unsure }) : refuse();
  }
  done(result);
}

function refused(error, used, credential) {
  forget();
  if (error.code !== "credential_already_registered") ceremony.forget(used.challenge, credential);
  const explanation = explainServer(error, page.words);
  if (explanation.final) return halt(explanation, page.context({ reference: error.id }));
  show("ready", page.title(), null);
  alarm(explanation, page.context({ reference: error.id }));
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
    if (error instanceof api.Refusal) page.stopped(error);
  }
}

function setBusy(on, label = text.create) {
  busy = on;
  $("cancel").hidden = true;
  setWorking(on, "create", ["elsewhere"]);
  $("create-label").textContent = label;
}

$("create").addEventListener("click", () => create(false));
$("elsewhere").addEventListener("click", () => create(true));
$("cancel").addEventListener("click", () => abort.abort());
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && offer && Date.now() > offer.renewAt) keepFresh();
});
