// Making a machine, or an access token for a program of one's own: the form, and the token
// that is shown once.
import { text as grantText } from "./grantmessages.js";
import { mayGive, roleOptions } from "./grants.js";
import { askBeforeLeaving } from "./handout.js";
import { text } from "./machinesmessages.js";
import { secret } from "./parts.js";
import { sign } from "./sign.js";
import { $, complain, show } from "./view.js";

const kinds = {
  machine: { title: text.newMachine, lead: text.machineLead, noRole: text.noRole, path: "/auth/service-accounts",
    deed: text.deeds.createMachine, token: (answer) => answer.accessTokens[0] },
  token: { title: text.newToken, lead: text.tokenLead, noRole: text.ownRoles, path: "/auth/pats",
    deed: text.deeds.createToken, token: (answer) => answer },
};

let kind = null;
let leave = null; // shows the lists again

// openMaking shows the form for a machine or a token. back shows the lists again.
export function openMaking(what, back) {
  kind = kinds[what];
  leave = back;
  for (const id of ["thing-name", "public-key", "days"]) {
    $(id).value = "";
    complain(id, "");
  }
  $("making-lead").textContent = kind.lead;
  $("thing-role").replaceChildren(...roleOptions(kind.noRole));
  $("thing-role-field").hidden = !mayGive();
  show("making", kind.title, $("thing-name"));
}

// problems are what is wrong with the form, by field.
function problems({ name, publicKey, days }) {
  return {
    "thing-name": name ? "" : text.required.name,
    "public-key": publicKey.includes("PRIVATE KEY") ? text.privateKey : publicKey ? "" : text.required.key,
    days: days === "" || (/^[0-9]{1,3}$/u.test(days) && days >= 1 && days <= 730) ? "" : text.days,
  };
}

async function submit(event) {
  event.preventDefault();
  const name = $("thing-name").value.trim();
  const publicKey = $("public-key").value.trim();
  const days = $("days").value.trim();
  const wrong = Object.entries(problems({ name, publicKey, days })).filter(([id, problem]) => complain(id, problem));
  if (publicKey.includes("PRIVATE KEY")) $("public-key").value = "";
  if (wrong.length) return $(wrong[0][0]).focus();
  const role = $("thing-role").value;
  const deed = kind.deed(name);
  const answer = await sign({
    deed: role ? grantText.withRole(deed, $("thing-role").selectedOptions[0].textContent) : deed,
    method: "POST", path: kind.path,
    body: { name, publicKey: `${publicKey}\n`, ...(role && { permissionId: role }), ...(days && { daysValid: Number(days) }) },
  });
  if (!answer) return undefined;
  const made = kind.token(answer);
  $("made-token").replaceChildren(secret(text.token, made.accessToken, name), secret(text.credential, made.credId, name));
  askBeforeLeaving(true);
  return show("made", text.made(name));
}

function finish() {
  askBeforeLeaving(false);
  $("made-token").replaceChildren();
  leave();
}

$("thing").addEventListener("submit", submit);
$("making-cancel").addEventListener("click", () => leave());
$("made-done").addEventListener("click", finish);
