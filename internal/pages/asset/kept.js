// A recovery code, shown once, and the last step of the pages that show one.
import { moment } from "./format.js";
import { readCode } from "./recovery.js";
import { askBeforeLeaving, copy, save } from "./onetime.js";
import { loginLink } from "./session.js";
import { text } from "./messages.js";
import { $, complain, element, show } from "./view.js";

let shown = null; // the code with whose it is, until it is said to be kept

// showCode shows a code: {code, organisation, username}. then is called once the person has kept it, and
// shows it by typing its end while the page hides it.
export function showCode(code, then) {
  shown = { ...code, then };
  $("code").replaceChildren(...code.code.split("-").map((group) => element("span", group)));
  hide(false);
  show("recovery", text.recoveryTitle);
  askBeforeLeaving(true);
}

// describeEnd fills in the last step: the link to the login page and what it opens.
export function describeEnd({ orgId, organisation, username, passkey }) {
  $("final-organisation").textContent = organisation;
  $("final-account").textContent = username;
  $("final-passkey").textContent = passkey;
  $("sign-in").href = loginLink({ org: orgId, username });
}

export function showEnd(title, summary) {
  $("summary").textContent = summary;
  show("finished", title);
}

function download() {
  const { code, organisation, username } = shown;
  const content = text.file({ code, organisation, username, date: moment(new Date()), address: `${location.origin}/recover` });
  save("countersign-recovery-code.txt", new Blob([content], { type: "text/plain;charset=utf-8" }));
}

const typedPart = 6; // characters at the end

function hide(on) {
  $("code-shown").hidden = on;
  $("code-kept").hidden = !on;
  $("last-part").value = "";
  complain("last-part", "");
}

function finish(event) {
  event.preventDefault();
  const typed = readCode($("last-part").value);
  const right = typed.length >= typedPart && readCode(shown.code).endsWith(typed);
  if (complain("last-part", right ? "" : typed ? text.notTheEnd : text.typeTheEnd)) return $("last-part").focus();
  const { then } = shown;
  shown = null;
  askBeforeLeaving(false);
  $("code").replaceChildren();
  hide(false);
  return then();
}

$("copy").addEventListener("click", () => copy(shown.code, $("code")));
$("download").addEventListener("click", download);
$("print").addEventListener("click", () => window.print());
$("saved").addEventListener("click", () => { hide(true); $("last-part").focus(); });
$("show-again").addEventListener("click", () => { hide(false); $("code").focus(); });
$("code-kept").addEventListener("submit", finish);
