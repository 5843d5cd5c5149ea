// A passkey from another device: a code, as a picture and as text, with which that device makes one.
import * as api from "./api.js";
import { refusals, text } from "./accountmessages.js";
import { asking } from "./ask.js";
import { draw } from "./qr.js";
import { account, askAgain, sessionOver, showError } from "./page.js";
import { sign, signing } from "./sign.js";
import { $, say, schedule } from "./view.js";

// A code lives for a minute at most, and the server allows for clocks that differ a little. So that not
// much of it passes while people read, what is to be signed is made anew from time to time.
const life = 61_500; // milliseconds
const renewAfter = 10_000;

const pollInterval = 3000;
const longestPoll = 16 * 60_000; // what was begun with a code can be completed for a quarter of an hour

let page = null; // what serve was given
let code = null; // the code that is shown, with when it ends
let known = new Set(); // credentials that were there before
let until = 0; // when to stop looking for another

// serve tells what the page does in its own way: fill shows the account; reopen opens the page again.
export function serve(functions) {
  page = functions;
}

async function make() {
  const answer = await sign({
    summary: text.changes.code, warning: text.warnings.code, refusals,
    method: "POST", path: "/auth/credentials/code",
    body: () => ({ expiration: new Date(api.serverNow() + life).toISOString() }), renewAfter,
  });
  if (!answer) return;
  code = { text: answer.code, endsAt: Date.parse(answer.expiration) };
  known = new Set(account.credentials.map((c) => c.uuid));
  until = Date.now() + longestPoll;
  const address = `${location.origin}/add`;
  $("handover-picture").replaceChildren(draw(`${address}#code=${code.text}`, text.handover.picture));
  $("handover-address").textContent = address;
  $("handover-code").textContent = code.text;
  $("handover-live").hidden = false;
  $("handover").hidden = false;
  say(text.handover.waiting, $("handover-status"));
  $("handover-title").focus();
  tick();
  watch();
}

// tick counts down what is left of the code, once a second. Only the end is announced.
function tick() {
  if (!code) return;
  const left = Math.ceil((code.endsAt - api.serverNow()) / 1000);
  $("handover-left").textContent = text.handover.left(Math.max(left, 0));
  if (left > 0) return schedule("tick", 1000, tick);
  code = null;
  $("handover-live").hidden = true;
  $("handover-picture").replaceChildren();
  say(text.handover.ended, $("handover-status"));
}

// watch looks from time to time whether the other device has added a passkey.
function watch() {
  if (!$("handover").hidden && Date.now() < until) schedule("handover", pollInterval, look);
}

async function look() {
  if (document.hidden || signing() || asking() || document.body.dataset.state !== "ready") return watch();
  try {
    await askAgain();
  } catch (error) {
    if (sessionOver(error)) return showError(error, page.reopen);
    return watch(); // it may answer the next time
  }
  const added = account.credentials.find((c) => !known.has(c.uuid) && c.factor === "first");
  if (!added) return watch();
  close();
  page.fill();
  say(text.handover.added(added.name));
  document.querySelector(`[data-key="${CSS.escape(`rename:${added.uuid}`)}"]`)?.focus();
}

function close() {
  code = null;
  $("handover").hidden = true;
  $("handover-picture").replaceChildren();
  $("handover-code").textContent = "";
}

$("add-handover").addEventListener("click", make);
$("handover-new").addEventListener("click", make);
$("handover-close").addEventListener("click", () => { close(); $("add-handover").focus(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden && code) tick(); });
