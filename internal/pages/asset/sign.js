// A change is signed: the dialog says in words what it is, the passkey signs exactly the
// request, and the request is sent with the signature.
//
// The challenge is fetched while the words are read. The click that follows can then ask the
// browser at once: Safari takes a gesture for spent after a call to the server.
import * as wire from "./wire.js";
import * as session from "./session.js";
import * as ceremony from "./ceremony.js";
import * as words from "./signmessages.js";
import { explainBrowser, explainServer } from "./explain.js";
import { lifeOf } from "./offer.js";
import { $, alarm, clearAlert, element, phrase, say, setWorking } from "./view.js";
import { leave, over } from "./visit.js";

const { obstacles, text } = words;
const dialog = $("signing");

let change = null; // what is to be signed, and whom to tell what came of it
let offer = null; // a challenge with the times between which it is good for a click
let prompt = null; // what ends the browser's prompt
let sent = false; // the signed request is on its way, and cannot be called back

// sign has a change signed and sent. It returns the server's answer, or null when nothing
// came of it. deed says what it is, as phrase takes it; names are whom it is about where
// they are many, warning is what else to consider; the rest is the request, with its body as
// an object, or without.
export function sign({ deed, names = [], warning = "", method, path, body }) {
  return new Promise((resolve) => {
    change = { deed, method, path, body: body ? JSON.stringify(body) : "", resolve };
    offer = null;
    sent = false;
    $("signing-deed").replaceChildren(...phrase(deed));
    $("signing-names").replaceChildren(...names.map((n) => element("li", element("bdi", n))));
    $("signing-names").hidden = names.length === 0;
    $("signing-warning").textContent = warning;
    $("signing-warning").hidden = !warning;
    $("signing-request").textContent = [`${method} ${path}`, change.body].filter(Boolean).join("\n\n");
    $("signing-elsewhere").hidden = true;
    clearAlert($("signing-alert"));
    dialog.showModal();
    $("signing-title").focus();
    prepare();
  });
}

// signing tells whether the dialog is open.
export const signing = () => dialog.open;

// prepare fetches the challenge, unless nothing could answer it here.
async function prepare() {
  const mine = change;
  working(true, text.preparing);
  const blocked = ceremony.obstacle("get");
  if (blocked) return stop(obstacles[blocked]);
  try {
    const challenge = await wire.beginAction(session.token(), mine);
    if (change !== mine) return; // given up meanwhile
    const rpId = challenge.rp?.id;
    if (ceremony.outside(rpId)) return stop(obstacles.outside(location.hostname, rpId));
    if (challenge.allowCredentials.webauthn.length === 0) return stop(words.noPasskey);
    offer = { challenge, ...lifeOf(challenge.challengeIdentifier) };
  } catch (error) {
    if (change === mine) refused(error, obstacles.offline);
    return;
  }
  working(false, text.sign);
}

// ask opens the browser's prompt. With a challenge at hand nothing is awaited before
// navigator.credentials.get().
function ask(elsewhere) {
  if ($("signing-go").getAttribute("aria-disabled") === "true") return;
  clearAlert($("signing-alert"));
  if (!offer || Date.now() > offer.renewAt) return askLater(elsewhere);
  prompt = new AbortController();
  let answer;
  try {
    answer = navigator.credentials.get({ ...ceremony.requestOptions(offer.challenge, elsewhere), signal: prompt.signal });
  } catch (error) {
    answer = Promise.reject(error);
  }
  working(true, text.waiting);
  tell(text.prompted);
  finish(answer);
}

// askLater fetches a challenge after the click. Most browsers let a click count for a few
// seconds; where it does not, one more is due.
async function askLater(elsewhere) {
  await prepare();
  if (!offer) return;
  if (navigator.userActivation?.isActive) ask(elsewhere);
  else tell(text.stale);
}

async function finish(answer) {
  const mine = change;
  const { challengeIdentifier } = offer.challenge;
  let credential;
  try {
    credential = await answer;
    if (!credential) throw new DOMException("", "NotAllowedError");
  } catch (error) {
    if (change !== mine) return;
    const explanation = explainBrowser(error, words);
    $("signing-elsewhere").hidden = false;
    return explanation ? stop({ ...explanation, again: true }) : working(false, text.sign);
  }
  if (change !== mine) return;
  offer = null; // it serves once
  working(true, text.waiting);
  tell(text.sending);
  try {
    const { userAction } = await wire.signAction(session.token(), challengeIdentifier, ceremony.assertion(credential));
    if (change !== mine) return;
    sent = true;
    settle(await wire.perform(session.token(), mine, userAction));
  } catch (error) {
    if (change === mine) refused(error, sent ? obstacles.unknown : obstacles.unsigned);
  }
}

function refused(error, unreachable) {
  sent = false;
  if (over(error)) return leave("ended");
  stop(error instanceof wire.Unreachable ? unreachable : explainServer(error, words), error.id);
}

// stop says why it did not come to pass. Where another try cannot help, none is offered.
function stop(explanation, reference) {
  if (!dialog.open) dialog.showModal(); // closed while the request was on its way
  working(false, text.again);
  alarm({ ...explanation, actions: [] }, { reference }, $("signing-alert"));
  $("signing-go").hidden = !explanation.again;
  $("signing-elsewhere").hidden ||= !explanation.again;
  $("signing-close").textContent = explanation.again ? text.cancel : text.close;
  $(explanation.again ? "signing-go" : "signing-close").focus();
}

// giveUp leaves it, as long as the request has not been sent.
function giveUp() {
  if (sent) return;
  prompt?.abort();
  settle(null);
}

function settle(answer) {
  const { deed, resolve } = change;
  change = null;
  prompt = null;
  sent = false;
  if (dialog.open) dialog.close();
  if (answer) tellDone(deed);
  resolve(answer);
}

// tellDone says that a change was made. sign does; a page that then shows something else
// says it again there.
export function tellDone(deed) {
  say(text.done(deed));
}

function working(on, label) {
  setWorking(on, "signing-go", ["signing-elsewhere"]);
  $("signing-go").hidden = false;
  $("signing-label").textContent = label;
  $("signing-close").textContent = text.cancel;
  tell("");
}

function tell(sentence) {
  say(sentence, $("signing-status"));
}

$("signing-go").addEventListener("click", () => ask(false));
$("signing-elsewhere").addEventListener("click", () => ask(true));
$("signing-close").addEventListener("click", giveUp);
dialog.addEventListener("cancel", (event) => { event.preventDefault(); giveUp(); });
// Browsers close a dialog all the same when Escape is pressed again and again.
dialog.addEventListener("close", () => { if (change && !dialog.open) giveUp(); });
