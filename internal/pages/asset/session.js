// The session that the pages of this origin share, and the links between them.
//
// The token is kept for one tab and ends with it (sessionStorage). It is in no address,
// where history and logs would keep it, and in no storage that outlives the tab.
import { claimsOf } from "./format.js";

const tokenKey = "countersign.session";
const noticeKey = "countersign.notice";
const draftKey = "countersign.draft";
const organisationKey = "countersign.organisation";
const recoveryKey = "countersign.recovery";
const usedKey = "countersign.used";

// keep stores the token of a new session; it returns false where the browser allows no
// storage.
export function keep(token) {
  return write(() => sessionStorage, tokenKey, token);
}

// token returns the session's token, "" without one.
export function token() {
  return read(() => sessionStorage, tokenKey);
}

export function drop() {
  write(() => sessionStorage, tokenKey, "");
}

// leaveNotice has the login page say why somebody is there; takeNotice returns that once.
export function leaveNotice(notice) {
  write(() => sessionStorage, noticeKey, notice);
}

export function takeNotice() {
  const notice = read(() => sessionStorage, noticeKey);
  write(() => sessionStorage, noticeKey, "");
  return notice;
}

// leaveDraft keeps what was typed on a page, takeDraft returns that once, or null.
export function leaveDraft(draft) {
  write(() => sessionStorage, draftKey, JSON.stringify(draft));
}

export function takeDraft() {
  const draft = read(() => sessionStorage, draftKey);
  dropDraft();
  try {
    return draft ? JSON.parse(draft) : null;
  } catch {
    return null;
  }
}

export function dropDraft() {
  write(() => sessionStorage, draftKey, "");
}

// remember keeps the organisation for the next sign-in, but not the user name: others may
// use this device.
export function remember({ id, name }) {
  write(() => localStorage, organisationKey, JSON.stringify({ id, name }));
}

export function forgetOrganisation() {
  write(() => localStorage, organisationKey, "");
}

// remembered returns the organisation of the last sign-in, or null.
export function remembered() {
  try {
    const { id, name } = JSON.parse(read(() => localStorage, organisationKey));
    return typeof id === "string" && id !== "" ? { id, name: typeof name === "string" ? name : "" } : null;
  } catch {
    return null;
  }
}

// keepRecovery keeps a recovery that waits until it is completed; it returns false where the browser allows
// no storage. Its request holds no private key and no code that opens one.
export function keepRecovery(recovery) {
  return write(() => localStorage, recoveryKey, JSON.stringify(recovery));
}

export function dropRecovery() {
  write(() => localStorage, recoveryKey, "");
}

// keptRecovery returns the recovery that waits, or null.
export function keptRecovery() {
  try {
    const kept = JSON.parse(read(() => localStorage, recoveryKey));
    return typeof kept?.token === "string" && kept.request && kept.details?.until ? kept : null;
  } catch {
    return null;
  }
}

const mostUsed = 50;

// noteUsed keeps the id of a passkey that opened a session in this browser, usedHere tells whether one
// did. Ids say nothing about whose they are.
export function noteUsed(uuid) {
  const others = used().filter((id) => id !== uuid);
  write(() => localStorage, usedKey, [uuid, ...others].slice(0, mostUsed).join(" "));
}

export const usedHere = (uuid) => used().includes(uuid);

const used = () => read(() => localStorage, usedKey).split(" ").filter(Boolean);

// choose returns where somebody is: the organisation that a link names, else the server's only one,
// else the last, else null. only says that the server has no other.
export function choose(site, named) {
  const last = remembered();
  const organisation = named ? [site.organisation, last].find((o) => o?.id === named) || { id: named, name: "" }
    : site.organisation || last;
  return { organisation, only: Boolean(site.organisation) && (!named || named === site.organisation.id) };
}

// organisationOf reads the organisation of a session's or a challenge's token. It decides nothing.
export function organisationOf(sessionToken) {
  const id = claimsOf(sessionToken)["https://custom/app_metadata"]?.orgId;
  return typeof id === "string" ? id : "";
}

const account = "/account";

// secondPasskey is the address where a second passkey is proposed.
export const secondPasskey = `${account}#second`;

// destination is the address that next names, or the account page's. Only a path of this
// origin is followed: a link to the login page must not send people elsewhere. It is a
// whole address, because a path such as //example.org would name a host by itself.
export function destination(next) {
  const fallback = new URL(account, location.origin).href;
  if (!next?.startsWith("/")) return fallback;
  let url;
  try {
    url = new URL(next, location.origin);
  } catch {
    return fallback;
  }
  return url.origin !== location.origin || url.pathname === "/login" ? fallback : url.href;
}

// loginLink and recoveryLink are the addresses of those pages; empty parameters are left out.
export const loginLink = (parameters) => withFragment("/login", parameters);
export const recoveryLink = (parameters) => withFragment("/recover", parameters);

function withFragment(path, parameters) {
  const given = String(new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)));
  return given ? `${path}#${given}` : path;
}

// A browser may refuse access to its storage altogether.
function read(storage, key) {
  try {
    return storage().getItem(key) || "";
  } catch {
    return "";
  }
}

function write(storage, key, value) {
  try {
    if (value) storage().setItem(key, value);
    else storage().removeItem(key);
    return true;
  } catch {
    return false;
  }
}
