// The page for a device that has a code and nothing else: with the code, which another device shows, it
// adds a passkey to the account of whoever made the code.
//
// The link's fragment holds the code, so that no request for the page carries it. Whose account it is
// shows only once the server has accepted the code.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import * as making from "./making.js";
import * as words from "./addmessages.js";
import { explainServer } from "./explain.js";
import { tidyCode } from "./format.js";
import { lifeOf } from "./offer.js";
import { showMade } from "./passkey.js";
import { loginLink, organisationOf } from "./session.js";
import { $, alarm, clearAlert, complain, halt, show, stopTimers } from "./view.js";

const { obstacles, text } = words;
const size = 3; // of the groups in which these codes are written

let code = "";
let begun = null; // the last challenge, and until when it can be answered

// What an explanation may offer to do.
const actions = {
  retry: ["Try again", () => start()],
  form: ["Enter another code", () => showForm()],
  signin: ["Sign in", () => location.assign("/login")],
};

const context = (extra = {}) => ({ actions, ...extra });

async function start() {
  stopTimers();
  making.forget();
  begun = null;
  const blocked = ceremony.obstacle("create");
  if (blocked) return halt(obstacles[blocked], context());
  if (!code) return showForm();
  show("loading", text.title, null);
  try {
    const useless = await making.prepare();
    if (useless) return halt(useless, context());
  } catch (error) {
    return stopped(error);
  }
  making.showReady();
}

// begin asks for a challenge. Once the code is too old for another one, the last can still be answered.
async function begin() {
  try {
    const challenge = await api.beginWithCode(code);
    begun = { challenge, ...lifeOf(challenge.challengeIdentifier) };
  } catch (error) {
    if (error.code !== "credential_code_invalid" || !begun || Date.now() > begun.renewAt) throw error;
  }
  const { rp, user } = begun.challenge;
  $("organisation").textContent = rp?.name || "";
  $("account").textContent = user.name;
  return begun.challenge;
}

// stopped handles a failure before or between attempts.
function stopped(error) {
  const explanation = error instanceof api.Unreachable ? obstacles.offline : explainServer(error, words);
  if (!explanation.field) return halt(explanation, context({ reference: error.id }));
  showForm();
  alarm({ ...explanation, actions: [] }, context({ reference: error.id }));
  $("code").setAttribute("aria-invalid", "true");
  $("code").focus();
}

function done({ passkey, challenge }) {
  history.replaceState(null, "", location.pathname);
  code = "";
  showMade(passkey);
  $("done-organisation").textContent = challenge.rp?.name || "";
  $("done-account").textContent = challenge.user.name;
  $("sign-in").href = loginLink({ org: organisationOf(challenge.challengeIdentifier), username: challenge.user.name });
  show("done", text.done);
}

making.serve({
  words,
  context,
  stopped,
  begin,
  done,
  title: () => text.title,
  organisation: () => text.title,
  call: (challenge, credential, name) => api.completeWithCode({
    ...ceremony.firstFactor(credential, name), challengeIdentifier: challenge.challengeIdentifier,
  }),
  // An answer was lost, and now the code is used, perhaps by this very passkey: the account's list tells.
  ambiguous: () => halt(obstacles.unknown, context()),
});

function showForm() {
  $("code").value = code;
  show("form", text.title, null);
  $("code").focus();
}

function submit(event) {
  event.preventDefault();
  clearAlert();
  code = codeIn($("code").value);
  $("code").value = code;
  if (complain("code", code ? "" : text.required)) $("code").focus();
  else start();
}

// codeIn reads a code as it was typed, or out of the whole link.
function codeIn(typed) {
  return tidyCode(/[#?&]code=([^&]*)/u.exec(typed)?.[1] || typed, size);
}

$("manual").addEventListener("submit", submit);
$("code").addEventListener("change", (e) => { e.target.value = codeIn(e.target.value); });
window.addEventListener("hashchange", () => location.reload()); // another link in the same tab
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

code = codeIn(new URLSearchParams(location.hash.slice(1)).get("code") || "");
start();
