// Names for user agents.
import { text } from "./messages.js";

// nameAgent returns browser and system as people know them, such as "Firefox on Linux",
// or "" when neither is known.
export function nameAgent(agent) {
  const known = [browser(agent), system(agent)].filter(Boolean);
  return known.length === 2 ? text.on(...known) : known[0] || "";
}

// Product names are the same in every language. The order matters: most browsers also
// claim to be Chrome or Safari.
function browser(agent) {
  return match(agent, [[/Edg/u, "Edge"], [/OPR\//u, "Opera"], [/SamsungBrowser/u, "Samsung Internet"],
    [/Firefox|FxiOS/u, "Firefox"], [/Chrom|CriOS/u, "Chrome"], [/Safari/u, "Safari"]]);
}

function system(agent) {
  return match(agent, [[/iPhone/u, "iPhone"], [/iPad/u, "iPad"], [/Android/u, "Android"], [/CrOS/u, "ChromeOS"],
    [/Windows/u, "Windows"], [/Mac OS X/u, "Mac"], [/Linux/u, "Linux"]]);
}

function match(agent, names) {
  return names.find(([pattern]) => pattern.test(agent))?.[1] || "";
}
