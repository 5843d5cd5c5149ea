// Codes from an app as second factor of one's own account: the server makes a secret, the app reads it, and
// its first code shows that it has.
import * as api from "./api.js";
import { explainServer } from "./explain.js";
import { account } from "./page.js";
import * as words from "./pagemessages.js";
import { draw } from "./qr.js";
import { codes, text } from "./secondmessages.js";
import { digits } from "./secondfactor.js";
import { $, alarm, clearAlert, complain, element, say } from "./view.js";

let change = null; // has a change signed and shows the account as it then is
let challenge = null;

// serve tells the page's way to have a change signed.
export function serve(functions) {
  ({ change } = functions);
}

// show offers codes to who can sign and has no app yet, and reminds who misses a second factor.
export function show(able) {
  const app = account.credentials.find((c) => c.kind === "Totp");
  const offered = able && account.oneTimePasswords && !app;
  $("codes").hidden = !offered;
  if (!offered) close();
  if (!account.secondFactorMissing) return clearAlert($("second-missing"));
  const inactive = able && account.oneTimePasswords && app && !app.isActive;
  alarm(offered ? codes.missing : inactive ? codes.missingInactive : codes.missingOnly, { actions: { codes: [codes.now, begin] } }, $("second-missing"));
}

// begin asks for a secret and shows it.
async function begin() {
  clearAlert($("codes-alert"));
  try {
    challenge = await api.beginCredential("Totp");
  } catch (error) {
    const explanation = error instanceof api.Unreachable ? words.obstacles.undone : explainServer(error, { ...words, refusals: codes.refusals });
    return alarm({ ...explanation, actions: [] }, { reference: error.id }, $("codes-alert"));
  }
  const secret = new URL(challenge.otpUrl).searchParams.get("secret");
  $("codes-link").href = challenge.otpUrl;
  $("codes-picture").replaceChildren(...picture(challenge.otpUrl));
  $("codes-key").replaceChildren(...(secret.match(/.{1,4}/gu) || []).flatMap((part, i) => (i ? [" ", element("span", part)] : [element("span", part)])));
  $("codes-form").hidden = false;
  $("codes-add").hidden = true;
  $("codes-otp").value = "";
  complain("codes-otp", "");
  $("codes-title").focus();
}

// picture draws a link. A QR code takes no link with very long names in it; the key is shown all the same.
function picture(link) {
  try {
    return [draw(link, codes.picture)];
  } catch {
    return [];
  }
}

async function finish() {
  const otpCode = digits($("codes-otp").value);
  if (complain("codes-otp", otpCode ? "" : text.malformed)) return $("codes-otp").focus();
  say("");
  await change({
    key: "codes", summary: codes.summary, warning: codes.warning, refusals: codes.refusals, method: "POST", path: "/auth/credentials",
    body: { credentialKind: "Totp", credentialName: codes.name, credentialInfo: { otpCode }, challengeIdentifier: challenge.challengeIdentifier },
  });
}

function close() {
  challenge = null;
  $("codes-form").hidden = true;
  $("codes-add").hidden = false;
  $("codes-key").replaceChildren();
  $("codes-picture").replaceChildren();
  $("codes-link").removeAttribute("href");
}

$("codes-add").addEventListener("click", begin);
$("codes-form").addEventListener("submit", (event) => { event.preventDefault(); finish(); });
$("codes-cancel").addEventListener("click", () => { close(); $("codes-add").focus(); });
