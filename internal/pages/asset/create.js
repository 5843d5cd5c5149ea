// Creating a service account, or an access token of one's own: the form, and the token that
// is shown once.
import { offerRoles, withRole } from "./assignments.js";
import * as draft from "./draft.js";
import { askBeforeLeaving } from "./onetime.js";
import { text } from "./serviceaccountsmessages.js";
import { secret } from "./parts.js";
import { sign } from "./sign.js";
import { $, complain, show } from "./view.js";

const kinds = {
  serviceAccount: { title: text.newServiceAccount, lead: text.serviceAccountLead, noRole: text.noRole,
    path: "/auth/service-accounts", summary: text.changes.createServiceAccount, token: (answer) => answer.accessTokens[0] },
  token: { title: text.newToken, lead: text.tokenLead, noRole: text.ownRoles, path: "/auth/pats",
    summary: text.changes.createToken, token: (answer) => answer },
};

let kind = null;
let back = null; // shows the lists again

// openForm shows the form for a serviceAccount or a token. showLists shows the lists again. It
// returns what is to be called once the form is filled in.
export function openForm(what, showLists) {
  draft.opened(what);
  kind = kinds[what];
  back = showLists;
  for (const id of ["thing-name", "public-key", "days"]) {
    $(id).value = "";
    complain(id, "");
  }
  $("form-lead").textContent = kind.lead;
  offerRoles("thing-role", kind.noRole);
  show("form", kind.title, $("thing-name"));
  return () => {};
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
  const answer = await sign(withRole("thing-role", {
    summary: kind.summary(name),
    method: "POST", path: kind.path, body: { name, publicKey: `${publicKey}\n`, ...(days && { daysValid: Number(days) }) },
  }));
  if (!answer) return undefined;
  const { accessToken, credId } = kind.token(answer);
  $("created-token").replaceChildren(secret(text.token, accessToken, name), secret(text.credential, credId, name));
  askBeforeLeaving(true);
  draft.closed();
  return show("created", text.done(name));
}

function finish() {
  askBeforeLeaving(false);
  $("created-token").replaceChildren();
  back();
}

$("thing").addEventListener("submit", submit);
$("form-cancel").addEventListener("click", () => back());
$("created-done").addEventListener("click", finish);
