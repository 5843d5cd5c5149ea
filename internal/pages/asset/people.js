// The people page: the users, the state of their registration, and changes to them.
import * as api from "./api.js";
import { openAccess } from "./access.js";
import { loadRoles } from "./assignments.js";
import { openInvitation, showInvited } from "./invite.js";
import { ListPage } from "./listpage.js";
import { may, sessionOver } from "./page.js";
import { text as common } from "./pagemessages.js";
import { text } from "./peoplemessages.js";
import { cells, panel, stateWords } from "./peopleview.js";
import { sign, signing } from "./sign.js";
import { $, say, schedule } from "./view.js";

const pollInterval = 5000; // milliseconds

const page = new ListPage(text.title, ["Auth:Users:Read"], async () => {
  $("invite").hidden = !may("Auth:Users:Create");
  await Promise.all([loadRoles(), find()]);
  watch();
}, sign, () => (may("Auth:Users:Create") ? openInvitation(page.back) : null));
const rows = page.table("people", {
  id: (p) => p.userId,
  name: (p) => p.username,
  cells,
  none: () => ($("name").value.trim() ? text.nobodyNamed : text.nobody),
  panel: (p) => panel(p, page.sign, newCode, () => openAccess(p, page)),
  changed: (before, after) => {
    if (stateWords(before) !== stateWords(after)) say(common.changed(after.username, stateWords(after)));
  },
});

// ---- the list

function find() {
  const asked = { name: $("name").value.trim(), kind: $("kind").value };
  return rows.show((part) => api.get("/countersign/people", { ...asked, ...part }));
}

function seek(event) {
  event.preventDefault();
  schedule("find", event.type === "input" ? 300 : 0, () => find().catch(page.failed));
}

// watch refreshes the list from time to time: people register elsewhere.
function watch() {
  schedule("watch", pollInterval, async () => {
    await poll();
    watch();
  });
}

async function poll() {
  if (document.hidden || signing() || document.body.dataset.state !== "ready") return;
  try {
    await rows.refresh();
    if ($("stale").textContent) $("stale").textContent = "";
  } catch (error) {
    if (sessionOver(error)) page.failed(error);
    else $("stale").textContent = common.stale;
  }
}

async function newCode(change, title = text.newCodeMade) {
  const answer = await page.sign(change);
  if (answer) showInvited([answer], title, page.back);
}

$("find").addEventListener("submit", seek);
$("find").addEventListener("input", seek);
$("invite").addEventListener("click", () => openInvitation(page.back));
document.addEventListener("visibilitychange", poll);

page.open();
