// The second factor of a login or of a signature: a code from an app, or another passkey. The server asks
// for it after the first one, which then answers the same challenge once more.
import * as ceremony from "./ceremony.js";
import { text } from "./secondmessages.js";
import { $, complain, element, setWorking } from "./view.js";

const usable = ["Totp", "Fido2"]; // the others need a program

// problems are what may be wrong with a code, and leave another try.
const problems = {
  one_time_code_invalid: text.invalid,
  one_time_code_malformed: text.malformed,
  one_time_code_used: text.used,
};

const kindsOf = ({ details }) => (Array.isArray(details?.kinds) ? details.kinds : []).filter((k) => usable.includes(k));

// wanted tells whether a refusal asks for a second factor that this page can give, or for another code.
export const wanted = (error) =>
  Object.hasOwn(problems, error.code) || (error.code === "second_factor_required" && kindsOf(error).length > 0);

// ask shows in a place what the refusal asks for; after a wrong code what is there already. answer gets
// the assertion, failed what a prompt fails with. challenge is the one that first has answered, signal ends a prompt.
export function ask(place, { error, challenge, first, signal, answer, failed }) {
  if (Object.hasOwn(problems, error.code) && $("otp")) {
    working(false);
    complain("otp", problems[error.code]);
    $("otp").select();
    $("otp").focus();
    return;
  }
  const kinds = kindsOf(error);
  const parts = [];
  if (kinds.includes("Totp")) parts.push(codeForm(answer));
  if (kinds.includes("Fido2")) parts.push(passkeyButton(challenge, first, signal, answer, failed));
  place.replaceChildren(...parts);
  place.hidden = false;
  ($("otp") || $("second-passkey")).focus();
}

// close takes away what ask has shown.
export function close(place) {
  place.replaceChildren();
  place.hidden = true;
}

function codeForm(answer) {
  const form = element("form", [
    element("div", [
      element("label", text.code, { for: "otp" }),
      element("input", null, { id: "otp", name: "otp", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12",
        spellcheck: "false", "aria-describedby": "otp-hint otp-error" }),
      element("p", text.codeHint, { id: "otp-hint", class: "hint" }),
      element("p", null, { id: "otp-error", class: "error", hidden: "" }),
    ], { class: "field" }),
    element("button", text.go, { id: "second-go", type: "submit", class: "primary" }),
  ], { novalidate: "" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if ($("second-go").getAttribute("aria-disabled") === "true") return;
    const otpCode = digits($("otp").value);
    if (complain("otp", otpCode ? "" : text.malformed)) return $("otp").focus();
    working(true);
    answer({ kind: "Totp", otpCode });
  });
  return form;
}

// digits reads a code as people type it; "" if it is none.
export const digits = (typed) => /^\d{6}$/u.exec(typed.replace(/\s/gu, ""))?.[0] || "";

function passkeyButton(challenge, first, signal, answer, failed) {
  const button = element("button", text.passkey, { id: "second-passkey", type: "button" });
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    const others = challenge.allowCredentials.webauthn.filter(({ id }) => id !== first.credentialAssertion.credId);
    const allowCredentials = { ...challenge.allowCredentials, webauthn: others };
    const asked = ceremony.prompt("get", () => ceremony.requestOptions({ ...challenge, allowCredentials }, false), signal);
    working(true);
    let assertion;
    try {
      assertion = ceremony.assertion(await asked);
    } catch (error) {
      if (signal.aborted) return;
      working(false);
      failed(error);
      return;
    }
    answer(assertion);
  });
  return button;
}

function working(on) {
  for (const id of ["second-go", "second-passkey"]) if ($(id)) setWorking(on, id, []);
}
