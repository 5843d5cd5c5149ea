// Inviting: one or many at once, and what is to be handed over afterwards.
import { moment } from "./format.js";
import { text as grantText } from "./grantmessages.js";
import { mayGive, roleOptions } from "./grants.js";
import { askBeforeLeaving, copy } from "./handout.js";
import { mark, name, secret } from "./parts.js";
import { text } from "./peoplemessages.js";
import { sign } from "./sign.js";
import { $, complain, element, show } from "./view.js";

const most = 200; // as many as the server takes at once

let leave = null; // shows the list again
let links = ""; // all that are shown, with their names

// openInvitation shows the form. back shows the list again.
export function openInvitation(back) {
  leave = back;
  $("names").value = "";
  $("invite-role").replaceChildren(...roleOptions(text.noRole));
  $("invite-role-field").hidden = !mayGive();
  typed();
  complain("names", "");
  show("making", text.inviting, $("names"));
}

// typedNames are the names in the form: one a line, or with commas between.
const typedNames = () => $("names").value.split(/[\n,;]/u).map((n) => n.trim()).filter(Boolean);

function typed() {
  $("invite-submit").textContent = text.invite(typedNames().length);
}

async function submit(event) {
  event.preventDefault();
  const usernames = typedNames();
  const problem = usernames.length === 0 ? text.required : usernames.length > most ? text.tooMany(usernames.length) : "";
  if (complain("names", problem)) return $("names").focus();
  const role = $("invite-role").value;
  const many = usernames.length > 1;
  const deed = many ? text.deeds.inviteMany(usernames.length) : text.deeds.inviteOne(usernames[0]);
  const answer = await sign({
    deed: role ? grantText.withRole(deed, $("invite-role").selectedOptions[0].textContent) : deed,
    names: many ? usernames : [],
    method: "POST", path: "/countersign/people",
    body: { usernames, kind: $("invite-kind").value, ...(role && { permissionId: role }) },
  });
  if (answer) showInvited(answer.items, text.invited(answer.items.length), leave);
}

// showInvited shows new codes, or that the mail brings them.
export function showInvited(items, title, back) {
  leave = back;
  const shown = items.filter((i) => !i.mailed);
  const secrets = shown.length > 0;
  links = shown.map((i) => `${i.username}\t${i.registrationUrl}`).join("\n");
  $("invited-all").hidden = shown.length < 2;
  $("invited-lead").textContent = secrets ? text.shownLead : text.mailedLead;
  $("invited-list").replaceChildren(...items.map(handout));
  askBeforeLeaving(secrets);
  show("made", title);
}

function handout(i) {
  const until = element("p", text.goodUntil(moment(new Date(i.expiresAt))), { class: "hint" });
  return element("li", [
    element("h3", name(i.username), { class: "name" }),
    ...(i.mailed ? [mark(text.mailed)]
      : [secret(text.link, i.registrationUrl, i.username), secret(text.code, i.registrationCode, i.username)]),
    until,
  ], { class: "handout" });
}

function finish() {
  askBeforeLeaving(false);
  $("invited-list").replaceChildren(); // nobody who comes by later needs to see them
  links = "";
  leave();
}

$("names").addEventListener("input", typed);
$("invitation").addEventListener("submit", submit);
$("invite-cancel").addEventListener("click", () => leave());
$("invited-all").addEventListener("click", () => copy(links, $("invited-list")));
$("invited-done").addEventListener("click", finish);
