// Who is here: pages for who is signed in ask for the account, show the ways that its
// permissions leave open, and lead to the login page once the session is over.
import * as wire from "./wire.js";
import * as session from "./session.js";
import * as words from "./officemessages.js";
import { explainServer } from "./explain.js";
import { clock, offset } from "./format.js";
import { $, alarm, halt, schedule, show, stopTimers } from "./view.js";

export let mine = null; // what the server told about the account

// enter opens a page under a title, for who holds one of the operations that it needs. It
// returns the account, or null once the page has said why not. again opens it anew.
export async function enter(title, needs, again) {
  stopTimers();
  if (!session.token()) return leave("");
  show("loading", title, null);
  try {
    mine = await wire.account(session.token());
  } catch (error) {
    return stopped(error, again);
  }
  session.remember(mine.organisation);
  showWays();
  $("zone").textContent = words.text.zone(offset(new Date()));
  if (needs.length > 0 && !needs.some(may)) {
    halt({ title: words.denied.title, text: words.denied.text(needs) }, {});
    return null;
  }
  return mine;
}

// may tells whether the caller holds an operation. It decides what is shown; what is done
// the server decides.
export const may = (operation) => mine.user.operations.includes(operation);

function showWays() {
  for (const link of document.querySelectorAll("[data-needs]")) link.hidden = !link.dataset.needs.split(" ").some(may);
}

// showList shows the list that a page for administrators is about, and tells who cannot sign
// in a browser so, before they fill in a form.
export function showList(title) {
  show("ready", title);
  const signs = (c) => c.kind === "Fido2" && c.isActive && c.factor === "first";
  if (!mine.credentials.some(signs)) alarm(words.text.noPasskey, {});
}

// watchEnd says before the session runs out, and opens the page anew after: the server
// decides, and its answer brings the words.
export function watchEnd(again) {
  const current = mine.sessions.find((s) => s.current);
  if (!current) return;
  const ends = new Date(current.expiresAt);
  const left = ends.getTime() - wire.serverNow();
  schedule("warn", left - 5 * 60_000, () => alarm(words.text.ending(clock(ends)), {}));
  schedule("end", Math.max(left, 0) + 2000, again);
}

// over tells whether a refusal says that the session is no more, or its user deactivated.
// Other refusals with the status 401 are about a signature.
export const over = (error) => error instanceof wire.Refusal &&
  (["token_invalid", "user_inactive"].includes(error.code) || (error.status === 401 && !error.code));

// stopped says why a page cannot be opened.
function stopped(error, again) {
  if (over(error)) return leave("ended");
  halt(explained(error), context(error, again));
  return null;
}

// trouble says what went wrong on a page that is open.
export function trouble(error, again) {
  if (over(error)) return leave("ended");
  alarm(explained(error), context(error, again));
  return null;
}

function explained(error) {
  return error instanceof wire.Unreachable ? words.obstacles.offline : explainServer(error, words);
}

const context = (error, again) => ({ actions: { retry: [words.text.again, again] }, reference: error.id });

// leave goes to the login page, which brings people back here. Nothing of the page stays
// behind in this tab, not even for the way back.
export function leave(notice) {
  stopTimers();
  session.drop();
  if (notice) session.leaveNotice(notice);
  for (const card of document.querySelectorAll(".card")) card.replaceChildren();
  location.replace(session.loginLink({ org: mine?.organisation.id, next: location.pathname + location.search }));
  return null;
}

addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
