// The recovery page: with a code from the mail and the recovery code that they kept, people replace a
// lost passkey.
//
// The recovery code never leaves the page. It opens the recovery key, which signs the new
// credentials. Nothing that is typed here goes into an address or a storage.
import * as api from "./api.js";
import * as ceremony from "./ceremony.js";
import * as making from "./making.js";
import * as session from "./session.js";
import * as waiting from "./waiting.js";
import * as words from "./recovermessages.js";
import { explainServer } from "./explain.js";
import { groups, tidyCode } from "./format.js";
import { describeEnd, showCode, showEnd } from "./kept.js";
import { text as common } from "./messages.js";
import { codeLength, makeRecoveryKey, openRecoveryKey, readCode, signRecovery } from "./recovery.js";
import { $, alarm, clearAlert, complain, halt, say, setWorking, show, stopTimers } from "./view.js";

const { obstacles, text } = words;
const asked = new URLSearchParams(location.hash.slice(1)); // in the fragment, so no request carries it

let organisation = null; // where the account is, once that is known
let key = null; // the opened recovery key and its credential's id
let made = null; // the new credential's id, and the recovery code that was made with it

// What an explanation may offer to do.
const actions = {
  retry: ["Try again", () => (key ? makeReady() : start())],
  begin: ["Begin again", () => location.reload()],
  signin: ["Sign in", () => location.assign(loginLink())],
};

const context = (extra = {}) => ({ actions, ...extra });
const loginLink = () => session.loginLink({ org: organisation?.id, username: who().username });
const who = () => ({ orgId: organisation?.id || $("orgId").value.trim(), username: $("username").value.trim() });
const admitted = () => ({ ...who(), verificationCode: $("verificationCode").value });

async function start() {
  stopTimers();
  making.forget();
  key = null;
  if (document.body.dataset.recovery !== "offered") return halt(obstacles.notOffered, context());
  const blocked = ceremony.obstacle("create");
  if (blocked) return halt(obstacles[blocked], context());
  if (waiting.resume(asked.get("org"), asked.get("username"))) return;
  show("loading", text.title, null);
  let only;
  try {
    ({ organisation, only } = session.choose(await api.site(), (asked.get("org") || "").trim()));
  } catch (error) {
    return halt(explained(error), context({ reference: error.id }));
  }
  $("organisation").textContent = organisation?.id || "";
  $("known").hidden = !organisation || only;
  $("org-field").hidden = Boolean(organisation);
  showAsk();
}

const showAsk = () => show("ask", organisation?.name ? text.joining(organisation.name) : text.title);

function leaveOrganisation() {
  asked.delete("org");
  session.forgetOrganisation();
  start();
}

// ---- who it is

// filled complains about the fields that are empty or wrong, and moves to the first of them.
function filled(problems) {
  clearAlert();
  const wrong = Object.entries(problems).filter(([id, problem]) => complain(id, problem));
  if (wrong.length) $(wrong[0][0]).focus();
  return wrong.length === 0;
}

function named() {
  const { orgId, username } = who();
  return filled({ orgId: orgId ? "" : text.required.orgId, username: username ? "" : text.required.username });
}

// ask has a code sent, by the button that was pressed.
async function ask(button, sent) {
  if (!named() || !(await tried(button, text.sending, () => api.sendRecoveryCode(who())))) return;
  sent();
}

// tried does what a button is for, unless it is being done, and says what went wrong. It returns
// whether nothing did.
async function tried(button, saying, act) {
  if ($(button).getAttribute("aria-disabled") === "true") return false;
  setWorking(true, button, []);
  say(saying);
  try {
    await act();
    return true;
  } catch (error) {
    failed(error, button);
    return false;
  } finally {
    setWorking(false, button, []);
    say("");
  }
}

function failed(error, button) {
  const explanation = explained(error);
  alarm({ ...explanation, actions: [] }, context({ reference: error.id })); // the button is there for another try
  if (explanation.field) $(explanation.field).setAttribute("aria-invalid", "true");
  $(explanation.field || button).focus();
}

const explained = (error) => (error instanceof api.Unreachable ? obstacles.offline : explainServer(error, words));

// ---- the codes

function showCodes(sentence) {
  show("codes", text.codes);
  say(sentence(who().username), $("sent"));
}

function open() {
  const code = readCode($("recoveryCode").value);
  const { verificationCode, recoveryCode } = text.required;
  if (!filled({
    verificationCode: readCode($("verificationCode").value).length === codeLength ? text.notFromTheMail
      : $("verificationCode").value.trim() ? "" : verificationCode,
    recoveryCode: code === "" ? recoveryCode : code.length === codeLength ? "" : text.length(codeLength, code.length),
  })) return;
  tried("continue", text.opening, async () => {
    const { credentials } = await api.openRecovery(admitted());
    const ours = credentials.filter((c) => c.encryptedRecoveryKey?.startsWith("csr1."));
    if (ours.length === 0) return halt(obstacles.elsewhere, context());
    key = await openedBy(code, ours);
    if (key) return makeReady();
    complain("recoveryCode", text.wrong);
    $("recoveryCode").focus();
  });
}

// openedBy returns the first of the recovery keys that a code opens, or null.
async function openedBy(code, credentials) {
  for (const { id, encryptedRecoveryKey } of credentials) {
    const opened = await openRecoveryKey(encryptedRecoveryKey, code, id);
    if (opened) return { id, privateKey: opened };
  }
  return null;
}

// ---- the new passkey

async function makeReady() {
  try {
    const useless = await making.prepare();
    if (useless) return halt(useless, context());
  } catch (error) {
    return stopped(error);
  }
  making.showReady();
}

// stopped handles a failure before or between attempts. If the code from the mail is too old by now,
// another one is needed.
function stopped(error) {
  const explanation = explained(error);
  if (!explanation.field) return halt(explanation, context({ reference: error.id }));
  showCodes(text.have);
  failed(error, "continue");
}

async function call(challenge, credential, name) {
  const firstFactorCredential = ceremony.firstFactor(credential, name);
  const recovery = await makeRecoveryKey(challenge.challenge, common.recoveryName);
  const newCredentials = { firstFactorCredential, recoveryCredential: recovery.credential };
  const request = { recovery: await signRecovery(key.privateKey, key.id, newCredentials), newCredentials };
  made = { id: firstFactorCredential.credentialInfo.credId, code: recovery.code, request };
  return new Begun(challenge.temporaryAuthenticationToken, request);
}

// Begun is the completing call. That the recovery waits is a result of it: the passkey that was made is
// needed later.
class Begun extends api.Completion {
  constructor(token, request) {
    super("/auth/recover/user", token, request);
  }

  run(onWait) {
    return super.run(onWait).catch((error) => {
      const details = waiting.waits(error);
      if (!details) throw error;
      return { details };
    });
  }
}

// look finds out whether the account has the new passkey, which a lost answer would have told.
async function look({ done, refuse, unsure }) {
  try {
    const { allowCredentials } = await api.beginLogin(who());
    if (allowCredentials.webauthn.some(({ id }) => id === made.id)) done();
    else refuse();
  } catch (error) {
    unsure(error);
  }
}

function done({ result, passkey, challenge }) {
  const { code, request } = made;
  const { orgId } = who();
  const account = { organisation: organisation?.name || challenge.rp?.name || orgId, username: challenge.user.name };
  const recovery = { ...account, orgId, passkey: passkey.name };
  key = made = null;
  for (const id of ["verificationCode", "recoveryCode"]) $(id).value = "";
  if (!result?.details) return showCode({ ...account, code }, completed(recovery));
  waiting.keep({ ...recovery, rpId: challenge.rp?.id || location.hostname, token: challenge.temporaryAuthenticationToken, request, details: result.details });
  $("kept-lead").textContent = text.keepWaiting;
  showCode({ ...account, code }, waiting.open);
}

// completed returns what shows the last step.
function completed(recovery) {
  describeEnd(recovery);
  session.drop(); // it has ended, if it was theirs, and the next to sign in here is whoever recovered
  return () => showEnd(text.finished, text.summary);
}

waiting.serve({
  completed: (recovery) => completed(recovery)(),
  ended: (error) => halt(explained(error), context({ reference: error.id })),
  unanswered: (error) => alarm({ ...explained(error), actions: [] }, context({ reference: error.id })),
});

making.serve({
  words,
  context,
  stopped,
  call,
  done,
  ambiguous: look,
  title: () => text.create,
  organisation: () => organisation?.name || who().orgId,
  begin: async () => {
    const challenge = await api.beginRecovery({ ...admitted(), credentialId: key.id });
    $("recovered-organisation").textContent = organisation?.name || challenge.rp?.name || who().orgId;
    $("account").textContent = challenge.user.name;
    return challenge;
  },
});

$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("send", () => showCodes(text.sent));
});
$("have").addEventListener("click", () => { if (named()) showCodes(text.have); });
$("resend").addEventListener("click", () => ask("resend", () => say(text.resent)));
$("back").addEventListener("click", () => { showAsk(); $("username").focus(); });
$("both").addEventListener("submit", (event) => { event.preventDefault(); open(); });
$("another").addEventListener("click", leaveOrganisation);
$("to-login").addEventListener("click", () => { $("to-login").href = loginLink(); });
$("verificationCode").addEventListener("change", (e) => { e.target.value = tidyCode(e.target.value); });
$("recoveryCode").addEventListener("change", (e) => { e.target.value = groups(readCode(e.target.value)); });
// The field has two lines, so that a phone shows the whole code, but it takes no line break.
$("recoveryCode").addEventListener("beforeinput", (e) => {
  if (e.inputType !== "insertLineBreak") return;
  e.preventDefault();
  $("both").requestSubmit();
});
addEventListener("hashchange", () => location.reload()); // another link in the same tab
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

$("username").value = (asked.get("username") || "").trim();
start();
