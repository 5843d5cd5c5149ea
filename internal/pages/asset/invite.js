// Inviting one or many people, and the links and codes to hand over afterwards.
import { moment } from "./format.js";
import { offerRoles, withRole } from "./assignments.js";
import * as draft from "./draft.js";
import { readNames } from "./names.js";
import { askBeforeLeaving, copy } from "./onetime.js";
import { mark, name, secret } from "./parts.js";
import { text } from "./peoplemessages.js";
import { sign } from "./sign.js";
import { $, complain, element, say, show } from "./view.js";

const most = 200; // as many as the server takes at once

let back = null; // shows the list again
let links = ""; // all that are shown, with their names

// openInvitation shows the form. showList shows the list again. It returns what is to be called
// once the form is filled in.
export function openInvitation(showList) {
  back = showList;
  draft.opened("invite");
  $("names").value = "";
  offerRoles("invite-role", text.noRole);
  typed();
  complain("names", "");
  show("form", text.inviting, $("names"));
  return typed;
}

function typed() {
  const { names, left } = readNames($("names").value);
  $("invite-submit").textContent = text.invite(names.length);
  say(left.length ? text.leftOut(left) : "", $("names-left"));
}

async function submit(event) {
  event.preventDefault();
  const { names: usernames } = readNames($("names").value);
  const problem = usernames.length === 0 ? text.required : usernames.length > most ? text.tooMany(usernames.length) : "";
  if (complain("names", problem)) return $("names").focus();
  const many = usernames.length > 1;
  const answer = await sign(withRole("invite-role", {
    summary: many ? text.changes.inviteMany(usernames.length) : text.changes.inviteOne(usernames[0]),
    names: many ? usernames : [],
    method: "POST", path: "/countersign/people", body: { usernames, kind: $("invite-kind").value },
  }));
  if (answer) showInvited(answer.items, text.invited(answer.items.length), back);
}

// showInvited shows new codes, or that they were mailed.
export function showInvited(items, title, showList) {
  back = showList;
  draft.closed();
  const shown = items.filter((i) => !i.mailed);
  const secrets = shown.length > 0;
  links = shown.map((i) => `${i.username}\t${i.registrationUrl}`).join("\n");
  $("invited-all").hidden = shown.length < 2;
  $("invited-lead").textContent = secrets ? text.shownLead : text.mailedLead;
  $("invited-list").replaceChildren(...items.map(invitation));
  askBeforeLeaving(secrets);
  show("created", title);
}

function invitation(i) {
  const until = element("p", text.goodUntil(moment(new Date(i.expiresAt))), { class: "hint" });
  return element("li", [
    element("h2", name(i.username), { class: "name" }),
    ...(i.mailed ? [mark(text.mailed)]
      : [secret(text.link, i.registrationUrl, i.username), secret(text.code, i.registrationCode, i.username)]),
    until,
  ], { class: "onetime" });
}

function finish() {
  askBeforeLeaving(false);
  $("invited-list").replaceChildren(); // the codes do not stay in the page
  links = "";
  back();
}

$("names").addEventListener("input", typed);
$("invitation").addEventListener("submit", submit);
$("invite-cancel").addEventListener("click", () => back());
$("invited-all").addEventListener("click", () => copy(links, $("invited-list")));
$("invited-done").addEventListener("click", finish);
