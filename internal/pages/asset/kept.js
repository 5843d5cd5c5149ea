// A recovery code, shown once, and the last step of the pages that show one.
import { moment } from "./format.js";
import { askBeforeLeaving, copy, save } from "./onetime.js";
import { loginLink } from "./session.js";
import { text } from "./messages.js";
import { $, element, show } from "./view.js";

let shown = null; // the code with whose it is, until it is said to be kept

// showCode shows a code: {code, organisation, username}. then is called once the person has kept it.
export function showCode(code, then) {
  shown = { ...code, then };
  $("code").replaceChildren(...code.code.split("-").map((group) => element("span", group)));
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
  const content = text.file(shown.code, shown.organisation, shown.username, moment(new Date()));
  save("countersign-recovery-code.txt", new Blob([content], { type: "text/plain;charset=utf-8" }));
}

function finish() {
  const { then } = shown;
  shown = null;
  askBeforeLeaving(false);
  $("code").replaceChildren();
  then();
}

$("copy").addEventListener("click", () => copy(shown.code, $("code")));
$("download").addEventListener("click", download);
$("print").addEventListener("click", () => window.print());
$("saved").addEventListener("change", (e) => { $("finish").disabled = !e.target.checked; });
$("finish").addEventListener("click", finish);
