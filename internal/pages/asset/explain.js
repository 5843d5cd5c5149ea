// Explanations of errors. Each page passes its own words: a module with the names that
// messages.js exports.
import { Refusal } from "./api.js";
import { attempt } from "./ceremony.js";
import { moment } from "./format.js";
import { text, waitText } from "./messages.js";

// explainBrowser returns what to tell about a failed call of navigator.credentials, or
// null when there is nothing to tell.
export function explainBrowser(error, { browserErrors, otherBrowserError }) {
  const name = /^[A-Za-z]{1,40}$/u.exec(attempt(() => error.name) || "")?.[0] || "Error"; // extensions throw anything
  if (name === "AbortError") return null;
  return Object.hasOwn(browserErrors, name) ? browserErrors[name] : otherBrowserError(name);
}

// explainServer returns what to tell about a Refusal, or about a failure of the page's own.
export function explainServer(error, { otherRefusal, refusals, serverFailure }) {
  if (!(error instanceof Refusal)) return serverFailure;
  if (error.status >= 500) return serverFailure;
  if (!Object.hasOwn(refusals, error.code)) return otherRefusal(error.message);
  const { details } = error;
  const seconds = Number(details.retryAfterSeconds) || error.retryAfter;
  return refusals[error.code]({
    when: time(details.expiredAt || details.revokedAt || details.registeredAt),
    replaced: details.replaced === true,
    wait: seconds > 0 ? waitText(seconds) : "",
    provider: typeof details.provider === "string" ? details.provider : text.thisKind,
    host: location.host,
    who: typeof details.username === "string" ? details.username : "",
    sentence: error.message,
    mail: document.body.dataset.mail !== "none",
  });
}

function time(iso) {
  const date = new Date(iso || "");
  return Number.isNaN(date.getTime()) || date.getTime() <= 0 ? "" : moment(date);
}
