// What the pages for people who are signed in have in common: they ask for the account, show
// the links that its permissions allow, and go to the login page once the session has ended.
import * as api from "./api.js";
import * as session from "./session.js";
import * as words from "./pagemessages.js";
import * as draft from "./draft.js";
import { explainServer } from "./explain.js";
import { clock, offset } from "./format.js";
import { $, alarm, halt, schedule, show, stopTimers } from "./view.js";

export let account = null; // what the server told about who is signed in

// openPage opens a page under a title. needs are the operations of which the caller must
// hold one. It returns the account, or null once the page has said why not. reopen opens
// the page again.
export async function openPage(title, needs, reopen) {
  stopTimers();
  if (!session.token()) return leave("");
  show("loading", title, null);
  try {
    await askAgain();
  } catch (error) {
    return notOpened(error, reopen);
  }
  session.remember(account.organisation);
  draft.forgetOthers(account.user.id);
  showLinks();
  $("zone").textContent = words.text.zone(offset(new Date()));
  if (needs.length > 0 && !needs.some(may)) {
    halt({ title: words.denied.title, text: words.denied.text(needs) }, {});
    return null;
  }
  return account;
}

// askAgain asks for the account as it is now.
export async function askAgain() {
  account = await api.account();
}

// keepsIn tells whether a credential is one of those of which the server keeps the last: an active first
// factor that signs, as a password does not. signs tells whether it can sign changes in a browser.
export const keepsIn = (c) => c.isActive && c.factor === "first" && c.kind !== "Password";
export const signs = (c) => keepsIn(c) && c.kind === "Fido2";

// may tells whether the caller holds an operation. It decides only what is shown; the
// server decides what is done.
export const may = (operation) => account.user.operations.includes(operation);

function showLinks() {
  for (const link of document.querySelectorAll("[data-needs]")) link.hidden = !link.dataset.needs.split(" ").some(may);
}

// watchEnd warns before the session ends, and opens the page again afterwards: the server
// then says why it cannot be opened.
export function watchEnd(reopen) {
  const current = account.sessions.find((s) => s.current);
  if (!current) return;
  const ends = new Date(current.expiresAt);
  const left = ends.getTime() - api.serverNow();
  schedule("warn", left - 5 * 60_000, () => alarm(words.text.ending(clock(ends)), {}));
  schedule("end", Math.max(left, 0) + 2000, reopen);
}

// sessionOver tells whether a refusal says that the session has ended or its user is
// inactive. Other refusals with the status 401 are about a signature.
export const sessionOver = (error) => error instanceof api.Refusal &&
  (["token_invalid", "user_inactive"].includes(error.code) || (error.status === 401 && !error.code));

// notOpened says why a page cannot be opened.
function notOpened(error, reopen) {
  if (sessionOver(error)) return leave("ended");
  halt(explained(error), context(error, reopen));
  return null;
}

// showError says what went wrong on a page that is open.
export function showError(error, reopen) {
  if (sessionOver(error)) return leave("ended");
  alarm(explained(error), context(error, reopen));
  return null;
}

function explained(error) {
  return error instanceof api.Unreachable ? words.obstacles.offline : explainServer(error, words);
}

const context = (error, reopen) => ({ actions: { retry: [words.text.again, reopen] }, reference: error.id });

// leave goes to the login page, which brings people back here. It clears the page, so that
// nothing of it can be seen by going back in this tab. If the session has ended, what was typed
// is kept.
export function leave(notice) {
  stopTimers();
  session.drop();
  if (notice === "ended") draft.keep(account?.user.id);
  else if (notice) session.dropDraft();
  if (notice) session.leaveNotice(notice);
  for (const card of document.querySelectorAll(".card")) card.replaceChildren();
  location.replace(session.loginLink({ org: account?.organisation.id, next: location.pathname + location.search }));
  return null;
}

addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
