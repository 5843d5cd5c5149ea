// What to call a new passkey, and what to tell about where it lives.
import { providers, text } from "./messages.js";
import { traits, transportsOf } from "./ceremony.js";

// describe returns a passkey's name, and how far it is synced as "synced", "syncable",
// "bound" or, when nothing is known, "".
export function describe(credential) {
  const is = traits(credential);
  let kept = "";
  if (is) kept = is.backedUp ? "synced" : is.backupEligible ? "syncable" : "bound";
  return { name: nameOf(credential, is), kept };
}

function nameOf(credential, is) {
  const provider = is && providers[is.aaguid];
  if (provider) return provider;
  const transports = transportsOf(credential) || [];
  const roams = credential.authenticatorAttachment === "cross-platform";
  if (transports.includes("hybrid") && roams) return text.passkey;
  if (roams || (transports.length > 0 && !transports.includes("internal") && !transports.includes("hybrid"))) {
    return text.securityKey;
  }
  const here = [browser(), system()];
  return here.every(Boolean) ? text.on(...here) : here.find(Boolean) || text.passkey;
}

// Product names are the same in every language. The order matters: most browsers also
// claim to be Chrome or Safari.
function browser() {
  return match([[/Edg/u, "Edge"], [/OPR\//u, "Opera"], [/SamsungBrowser/u, "Samsung Internet"],
    [/Firefox|FxiOS/u, "Firefox"], [/Chrom|CriOS/u, "Chrome"], [/Safari/u, "Safari"]]);
}

function system() {
  return match([[/iPhone/u, "iPhone"], [/iPad/u, "iPad"], [/Android/u, "Android"], [/CrOS/u, "ChromeOS"],
    [/Windows/u, "Windows"], [/Mac OS X/u, "Mac"], [/Linux/u, "Linux"]]);
}

function match(names) {
  return names.find(([pattern]) => pattern.test(navigator.userAgent))?.[1] || "";
}
