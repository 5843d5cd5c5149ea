// The dialog in which a change is signed: it says in words what the change is, the passkey
// signs exactly the request, and the request is sent with the signature.
//
// The challenge is fetched while people read. The click that follows can then ask the
// browser at once: after a call to the server Safari no longer counts the click.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import * as second from "./secondfactor.js";
import * as words from "./signmessages.js";
import { explainBrowser, explainServer } from "./explain.js";
import { lifeOf } from "./offer.js";
import { $, alarm, clearAlert, element, phrase, say, schedule, setWorking } from "./view.js";
import { leave, sessionOver } from "./page.js";

const { obstacles, text } = words;
const dialog = $("signing");

let change = null; // what is to be signed, with the promise of its result
let offer = null; // a challenge and how long it can be used
let prompt = null; // aborts the browser's prompt
let sent = false; // the signed request was sent and can no longer be cancelled

// sign has a change signed and sent. It returns the server's answer, or null when the
// change was not made. summary says what it is, in the form that phrase takes; names lists
// what it is about where that is much, and called says what they are; warning is what else to
// consider; refusals are words for what the request itself may be refused with, before those of
// signmessages.js; the rest is the request, its body an object or missing. A body that depends on the time
// is a function, which is called again after renewAfter milliseconds as long as nobody signs.
export function sign({ summary, names = [], called = text.names, warning = "", refusals = {}, method, path, body, renewAfter = Infinity }) {
  return new Promise((resolve) => {
    const write = () => (body ? JSON.stringify(typeof body === "function" ? body() : body) : "");
    change = { summary, refusals, method, path, write, renewAfter, resolve };
    offer = null;
    sent = false;
    $("signing-summary").replaceChildren(...phrase(summary));
    $("signing-names").replaceChildren(...names.map((n) => element("li", element("bdi", n))));
    $("signing-names").setAttribute("aria-label", called);
    $("signing-names").hidden = names.length === 0;
    $("signing-warning").textContent = warning;
    $("signing-warning").hidden = !warning;
    $("signing-request").textContent = "";
    $("signing-elsewhere").hidden = true;
    second.close($("signing-second"));
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
    const request = { method: mine.method, path: mine.path, body: mine.write() };
    const challenge = await api.beginAction(request);
    const bound = await ceremony.isFor(challenge, request);
    if (change !== mine) return; // cancelled meanwhile
    if (!bound) return stop(obstacles.another);
    const rpId = challenge.rp?.id;
    if (ceremony.outside(rpId)) return stop(obstacles.outside(location.hostname, rpId));
    if (challenge.allowCredentials.webauthn.length === 0) return stop(words.noPasskey);
    const { renewAt } = lifeOf(challenge.challengeIdentifier);
    offer = { challenge, request, renewAt: Math.min(renewAt, Date.now() + mine.renewAfter) };
    $("signing-request").textContent = [`${request.method} ${request.path}`, request.body].filter(Boolean).join("\n\n");
    schedule("sign", mine.renewAfter, () => { if (change === mine && offer && idle()) prepare(); });
  } catch (error) {
    if (change === mine) refused(error, obstacles.offline);
    return;
  }
  working(false, text.sign);
}

const idle = () => $("signing-go").getAttribute("aria-disabled") !== "true";

// ask opens the browser's prompt. When there is a challenge, nothing is awaited before
// navigator.credentials.get().
function ask(elsewhere) {
  if (!idle()) return;
  clearAlert($("signing-alert"));
  if (!offer || Date.now() > offer.renewAt) return askLater(elsewhere);
  prompt = new AbortController();
  const { challenge } = offer;
  const answer = ceremony.prompt("get", () => ceremony.requestOptions(challenge, elsewhere), prompt.signal);
  working(true, text.waiting);
  tell(text.prompted);
  finish(answer);
}

// askLater fetches a challenge after the click. Most browsers let a click count for a few
// seconds; the others need another one.
async function askLater(elsewhere) {
  await prepare();
  if (!offer) return;
  if (navigator.userActivation?.isActive) ask(elsewhere);
  else tell(text.stale);
}

async function finish(answer) {
  const mine = change;
  const { challenge, request } = offer;
  let assertion;
  try {
    assertion = ceremony.assertion(await answer);
  } catch (error) {
    if (change !== mine) return;
    const explanation = explainBrowser(error, words);
    $("signing-elsewhere").hidden = false;
    return explanation ? stop({ ...explanation, again: true }) : working(false, text.sign);
  }
  if (change !== mine) return;
  offer = null; // a challenge can be used once
  await send(challenge, request, assertion);
}

async function send(challenge, request, assertion, secondFactor) {
  const mine = change;
  working(true, text.waiting);
  tell(text.sending);
  try {
    const { userAction } = await api.signAction(challenge.challengeIdentifier, assertion, secondFactor);
    if (change !== mine) return;
    sent = true;
    settle(await api.perform(request, userAction));
  } catch (error) {
    if (change !== mine) return;
    if (!sent && second.wanted(error)) return askSecond(challenge, request, assertion, error);
    refused(error, sent ? obstacles.unknown : obstacles.unsigned);
  }
}

// askSecond asks for the second factor; the challenge is still good.
function askSecond(challenge, request, first, error) {
  prompt = new AbortController();
  working(false, text.sign);
  $("signing-go").hidden = true;
  tell(text.second);
  second.ask($("signing-second"), {
    error, challenge, first, signal: prompt.signal,
    answer: (assertion) => { clearAlert($("signing-alert")); send(challenge, request, first, assertion); },
    failed: (failure) => {
      const explanation = explainBrowser(failure, words);
      if (explanation) alarm({ ...explanation, actions: [] }, {}, $("signing-alert"));
    },
  });
}

function refused(error, unreachable) {
  const refusals = sent ? { ...words.refusals, ...change.refusals } : words.refusals;
  sent = false;
  if (sessionOver(error)) return leave("ended");
  stop(error instanceof api.Unreachable ? unreachable : explainServer(error, { ...words, refusals }), error.id);
}

// stop says why the change was not made. Where another try cannot help, none is offered.
function stop(explanation, reference) {
  if (!dialog.open) dialog.showModal(); // closed while the request was on its way
  second.close($("signing-second"));
  working(false, text.again);
  alarm({ ...explanation, actions: [] }, { reference }, $("signing-alert"));
  $("signing-go").hidden = !explanation.again;
  $("signing-elsewhere").hidden ||= !explanation.again;
  $("signing-close").textContent = explanation.again ? text.cancel : text.close;
  $(explanation.again ? "signing-go" : "signing-close").focus();
}

// cancel ends the dialog, unless the request has been sent.
function cancel() {
  if (sent) return;
  prompt?.abort();
  settle(null);
}

function settle(answer) {
  const { summary, resolve } = change;
  change = null;
  prompt = null;
  sent = false;
  if (dialog.open) dialog.close();
  // A list that was loaded meanwhile may have removed what had the focus. Browsers notice late
  // that what has it now is hidden.
  const at = document.activeElement;
  if (at === document.body || dialog.contains(at)) $("title").focus();
  if (answer) tellDone(summary);
  resolve(answer);
}

// tellDone says that a change was made. sign calls it; a page that then shows something
// else calls it again.
export function tellDone(summary) {
  say(text.done(summary));
}

function working(on, label) {
  setWorking(on, "signing-go", ["signing-elsewhere"]);
  $("signing-go").hidden = !$("signing-second").hidden;
  $("signing-label").textContent = label;
  $("signing-close").textContent = text.cancel;
  tell("");
}

function tell(sentence) {
  say(sentence, $("signing-status"));
}

$("signing-go").addEventListener("click", () => ask(false));
$("signing-elsewhere").addEventListener("click", () => ask(true));
$("signing-close").addEventListener("click", cancel);
dialog.addEventListener("cancel", (event) => { event.preventDefault(); cancel(); });
// Browsers close a dialog all the same when Escape is pressed again and again.
dialog.addEventListener("close", () => { if (change && !dialog.open) cancel(); });
