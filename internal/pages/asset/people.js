// The people page: who is here, how far their registration is, and what is to be done.
import * as session from "./session.js";
import * as wire from "./wire.js";
import { loadRoles } from "./grants.js";
import { openInvitation, showInvited } from "./invite.js";
import { text as common } from "./officemessages.js";
import { text } from "./peoplemessages.js";
import { cells, panel, stateWords } from "./peopleview.js";
import { Rows } from "./rows.js";
import { sign, signing } from "./sign.js";
import { $, say, schedule, show } from "./view.js";
import { enter, may, over, showList, trouble, watchEnd } from "./visit.js";

const often = 5000; // milliseconds between two looks at what has changed

const rows = new Rows("people", {
  id: (p) => p.userId,
  name: (p) => p.username,
  cells,
  panel: (p) => panel(p, change, newCode),
  changed: (before, after) => {
    if (stateWords(before) !== stateWords(after)) say(common.changed(after.username, stateWords(after)));
  },
}, (error) => trouble(error, start));

async function start() {
  if (!(await enter(text.title, ["Auth:Users:Read"], start))) return;
  try {
    await Promise.all([loadRoles(), find()]);
  } catch (error) {
    show("ready", text.title);
    return trouble(error, start);
  }
  $("invite").hidden = !may("Auth:Users:Create");
  showList(text.title);
  watchEnd(start);
  watch();
}

// ---- the list

function find() {
  const asked = { name: $("name").value.trim(), kind: $("kind").value };
  $("people-none").textContent = asked.name ? text.nobodyNamed : text.nobody;
  return rows.show((page) => wire.get(session.token(), "/countersign/people", { ...asked, ...page }));
}

function seek(event) {
  event.preventDefault();
  schedule("find", event.type === "input" ? 300 : 0, () => find().catch((error) => trouble(error, start)));
}

// watch looks again from time to time: people register elsewhere, and are awaited here.
function watch() {
  schedule("watch", often, async () => {
    await look();
    watch();
  });
}

async function look() {
  if (document.hidden || signing() || document.body.dataset.state !== "ready") return;
  try {
    await rows.refresh();
    if ($("stale").textContent) $("stale").textContent = "";
  } catch (error) {
    if (over(error)) trouble(error);
    else $("stale").textContent = common.stale;
  }
}

// ---- changes

async function change(deed) {
  const answer = await sign(deed);
  await rows.refresh().catch((error) => trouble(error, start));
  return answer;
}

async function newCode(deed) {
  const answer = await change(deed);
  if (answer) showInvited([answer], text.newCodeMade, () => back());
}

async function back() {
  showList(text.title);
  await rows.refresh().catch((error) => trouble(error, start));
}

$("find").addEventListener("submit", seek);
$("find").addEventListener("input", seek);
$("invite").addEventListener("click", () => openInvitation(back));
document.addEventListener("visibilitychange", look);

start();
