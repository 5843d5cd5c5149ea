// The calls that the pages make to their server, and the two ways in which a call can fail.
// Calls by people who are signed in carry the session's token.
import { token as sessionToken } from "./session.js";

// Refusal is an answer that says no. id is the support id that an operator can look up,
// code the stable reason, details what the server adds for people.
export class Refusal extends Error {
  constructor(status, error, retryAfter) {
    super(error.message || "");
    this.name = "Refusal";
    this.status = status;
    this.code = error.code || "";
    this.id = error.id || "";
    this.details = error.details || {};
    this.retryAfter = retryAfter;
  }
}

// Unreachable means that no answer came: the server may or may not have acted.
export class Unreachable extends Error {
  constructor(cause) {
    super("no answer", { cause });
    this.name = "Unreachable";
  }
}

const timeout = 30_000;
const fileTimeout = 10 * 60_000; // a whole log may be long

// The server's clock minus this device's, in milliseconds, by the last answer.
let drift = 0;

// serverNow is the time by the server's clock, which decides when an invitation or session
// ends. A device's own clock is often wrong.
export function serverNow() {
  return Date.now() + drift;
}

function noteClock(date) {
  const at = Date.parse(date || "");
  // The header has whole seconds; a smaller difference is no drift.
  if (!Number.isNaN(at)) drift = Math.abs(at - Date.now()) < 1500 ? 0 : at - Date.now();
}

// call sends a request and returns its answer's JSON. A body that is text already was
// signed, so it is sent unchanged; action is the signature.
async function call(method, path, body, token, action) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  if (action) headers["X-DFNS-USERACTION"] = action;
  const text = body && typeof body !== "string" ? JSON.stringify(body) : body;
  return answerOf(() => send(method, path, headers, text || undefined), (response) => response.json());
}

async function send(method, path, headers, body, limit = timeout) {
  const response = await fetch(path, {
    method,
    headers,
    body,
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout?.(limit),
  });
  noteClock(response.headers.get("Date"));
  return response;
}

// answerOf reads the answer to what ask sends, or throws a Refusal or Unreachable.
async function answerOf(ask, read) {
  let response, answer;
  try {
    response = await ask();
    answer = await (response.ok ? read(response) : response.json());
  } catch (cause) {
    // A proxy answers its own errors in HTML: refusals without a code or a sentence.
    if (!response || response.ok || !(cause instanceof SyntaxError)) throw new Unreachable(cause);
    answer = {};
  }
  if (response.ok) return answer;
  const seconds = Number.parseInt(response.headers.get("Retry-After") || "", 10);
  throw new Refusal(response.status, answer?.error || {}, Number.isNaN(seconds) ? 0 : seconds);
}

// open asks what an invitation is for.
export function open(invitation) {
  return call("POST", "/countersign/registration/open", invitation);
}

// begin asks for a challenge.
export function begin(invitation) {
  return call("POST", "/auth/registration/init", invitation);
}

// resend asks for a new code by mail. The answer is the same whoever asks.
export function resend({ orgId, username }) {
  return call("PUT", "/auth/registration/code", { orgId, username });
}

// Completion is one completing call. It may be sent any number of times: the server does it once.
export class Completion {
  constructor(path, token, body) {
    this.send = () => call("POST", path, body, token);
    // Whether an earlier attempt may have succeeded although its answer was lost.
    this.uncertain = false;
  }

  // run sends until there is an answer, six times at most, and calls onWait before each
  // pause. It throws the last Unreachable, or the Refusal.
  async run(onWait) {
    const pauses = [500, 1000, 2000, 4000, 8000];
    for (;;) {
      try {
        return await this.send();
      } catch (error) {
        const lost = error instanceof Unreachable;
        const busy = error instanceof Refusal && (error.status === 429 || error.status >= 502);
        if (lost || (error instanceof Refusal && error.status >= 500)) this.uncertain = true;
        if (!(lost || busy) || pauses.length === 0) throw error;
        const pause = Math.max(pauses.shift(), Math.min(error.retryAfter || 0, 30) * 1000);
        onWait();
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

export function completeRegistration(token, firstFactorCredential) {
  return new Completion("/auth/registration", token, { firstFactorCredential });
}

export function addRecoveryKey(token, recoveryCredential) {
  return new Completion("/countersign/registration/recovery", token, { recoveryCredential });
}

// sendRecoveryCode asks for a code by mail. The answer is the same whoever asks.
export function sendRecoveryCode(who) {
  return call("POST", "/auth/recover/user/code", who);
}

// openRecovery asks which recovery keys somebody has who has such a code.
export function openRecovery(who) {
  return call("POST", "/countersign/recovery/open", who);
}

export function beginRecovery(who) {
  return call("POST", "/auth/recover/user/init", who);
}

export function completeRecovery(token, recovery) {
  return new Completion("/auth/recover/user", token, recovery);
}

// site asks for what the login page may know before anybody gives a name.
export function site() {
  return call("GET", "/countersign/site");
}

// beginLogin asks for a challenge. Without a user name any discoverable passkey answers.
export function beginLogin(who) {
  return call("POST", "/auth/login/init", who);
}

// login answers a challenge. Once it was accepted it is never sent again: a challenge can be used once.
export function login(challengeIdentifier, firstFactor, secondFactor) {
  return call("POST", "/auth/login", { challengeIdentifier, firstFactor, secondFactor });
}

export function logout(allSessions) {
  return call("PUT", "/auth/logout", { allSessions }, sessionToken());
}

// account asks who is signed in, with what, and where.
export function account() {
  return get("/countersign/account");
}

// beginCredential asks for a challenge with which another credential of that kind is made.
export function beginCredential(kind) {
  return call("POST", "/auth/credentials/init", { kind }, sessionToken());
}

// beginWithCode asks for one without a session, by a code that was made in one.
export function beginWithCode(code) {
  return call("POST", "/auth/credentials/code/init", { credentialKind: "Fido2", code });
}

export function completeWithCode(credential) {
  return new Completion("/auth/credentials/code/verify", "", credential);
}

export function endSession(id) {
  return call("DELETE", `/countersign/sessions/${encodeURIComponent(id)}`, undefined, sessionToken());
}

// stopRecovery stops the recovery of one's own account that waits.
export function stopRecovery() {
  return call("POST", "/countersign/account/recovery/stop", {}, sessionToken());
}

// get reads something; parameters without a value are left out.
export function get(path, parameters = {}) {
  const query = String(new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)));
  return call("GET", query ? `${path}?${query}` : path, undefined, sessionToken());
}

// file downloads something, and tells whether the server cut it short.
export function file(path, accept) {
  const headers = { Accept: accept, Authorization: `Bearer ${sessionToken()}` };
  return answerOf(() => send("GET", path, headers, undefined, fileTimeout), async (response) => ({
    content: await response.blob(),
    cut: response.headers.get("X-Dfns-Result-Truncated") === "true",
  }));
}

// beginAction asks for a challenge to sign one exact request, of which the body is text.
export function beginAction({ method, path, body }) {
  return call("POST", "/auth/action/init", {
    userActionServerKind: "Api", userActionHttpMethod: method, userActionHttpPath: path, userActionPayload: body,
  }, sessionToken());
}

export function signAction(challengeIdentifier, firstFactor, secondFactor) {
  return call("POST", "/auth/action", { challengeIdentifier, firstFactor, secondFactor }, sessionToken());
}

// perform sends the request that was signed, to the byte.
export function perform({ method, path, body }, userAction) {
  return call(method, path, body, sessionToken(), userAction);
}
