// Another passkey for one's own account: the browser makes it, and a passkey that is there signs that
// it is added.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import * as words from "./accountmessages.js";
import { explainBrowser } from "./explain.js";
import { nameField } from "./rename.js";
import { Offers } from "./offer.js";
import { ask as askFor } from "./ask.js";
import { account, showError } from "./page.js";
import { describe } from "./passkey.js";
import { $, alarm, clearAlert, say, setWorking } from "./view.js";

const { obstacles, text } = words;
const anybody = {}; // the challenge is the caller's

let page = null; // what serve was given
let offers = null;
let busy = false;
let abort = null; // cancels the open prompt

// serve tells what the page does in its own way: change has a change signed, shows the account as it
// then is, and tells whether it could; reopen opens the page again.
export function serve(functions) {
  page = functions;
}

// offer fetches a challenge, as the click must find one. It names the passkeys that are there, so
// another is needed after each change.
export function offer() {
  offers = new Offers(() => api.beginCredential("Fido2"));
  offers.get(anybody).catch(() => {}); // the click asks again and says what is wrong
}

// ask opens the browser's prompt. When there is a challenge, nothing is awaited before
// navigator.credentials.create().
function ask(elsewhere) {
  if (busy) return;
  clearAlert($("add-alert"));
  const blocked = ceremony.obstacle("create");
  if (blocked) return stop(obstacles[blocked]);
  const { challenge } = offers.ready(anybody) || {};
  if (!challenge) return askLater(elsewhere);
  const rpId = challenge.rp?.id;
  if (ceremony.outside(rpId)) return stop(obstacles.outside(location.hostname, rpId));
  abort = new AbortController();
  const asked = ceremony.prompt("create", () => ceremony.creationOptions(challenge, account.organisation.name, elsewhere), abort.signal);
  working(true, text.waiting);
  $("add-cancel").hidden = false;
  tell(text.prompted);
  finish(challenge, asked);
}

// askLater fetches a challenge after the click. Most browsers let a click count for a few
// seconds; the others need another one.
async function askLater(elsewhere) {
  working(true, text.preparing);
  try {
    await offers.get(anybody);
  } catch (error) {
    working(false);
    if (error instanceof api.Unreachable) stop(obstacles.offline);
    else showError(error, page.reopen);
    return;
  }
  working(false);
  if (navigator.userActivation?.isActive) ask(elsewhere);
  else tell(text.ready);
}

async function finish(challenge, asked) {
  let credential, factor;
  try {
    credential = await asked;
    factor = ceremony.firstFactor(credential, describe(credential).name);
  } catch (error) {
    working(false);
    const explanation = explainBrowser(error, words);
    if (explanation) stop(explanation);
    $("add").focus();
    return;
  }
  working(false);
  $("add").focus();
  const name = await askFor({ ...text.naming, field: nameField(unusedName(factor.credentialName)) });
  const shown = name !== null && await page.change({
    summary: text.changes.add(name), warning: text.warnings.add,
    method: "POST", path: "/auth/credentials",
    body: { ...factor, credentialName: name, challengeIdentifier: challenge.challengeIdentifier },
  });
  const { credId } = factor.credentialInfo;
  if (name === null || (shown && !account.credentials.some((c) => c.credentialId === credId))) ceremony.forget(challenge, credential);
}

// unusedName is a name, or that name with a number if another credential has it.
function unusedName(name) {
  const used = new Set(account.credentials.map((c) => c.name));
  let free = name;
  for (let i = 2; used.has(free); i++) free = `${name} ${i}`;
  return free;
}

function stop(explanation) {
  alarm({ ...explanation, actions: [] }, {}, $("add-alert"));
}

function working(on, label = text.add) {
  busy = on;
  $("add-cancel").hidden = true;
  setWorking(on, "add", ["add-elsewhere"]);
  $("add-label").textContent = label;
  tell("");
}

function tell(sentence) {
  say(sentence, $("add-status"));
}

$("add").addEventListener("click", () => ask(false));
$("add-elsewhere").addEventListener("click", () => ask(true));
$("add-cancel").addEventListener("click", () => abort.abort());
