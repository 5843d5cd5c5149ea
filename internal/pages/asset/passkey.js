// What to call a new passkey, and what to tell about where it lives.
import { nameAgent } from "./agent.js";
import { text } from "./messages.js";
import { providers } from "./providers.js";
import { attempt, traits, transportsOf } from "./ceremony.js";
import { $ } from "./view.js";

// describe returns a passkey's name, and how far it is synced as "synced", "syncable",
// "bound" or, when nothing is known, "".
export function describe(credential) {
  const is = traits(credential);
  return { name: nameOf(credential, is), kept: is ? keptAs(is) : "" };
}

// keptAs says how far a passkey is synced by its two flags (WebAuthn L3 §6.1.3).
export function keptAs({ backedUp, backupEligible }) {
  return backedUp ? "synced" : backupEligible ? "syncable" : "bound";
}

// badge turns an element into the mark for it: words and a shape, not colour alone.
export function badge(e, kept) {
  e.textContent = { synced: text.synced, syncable: text.syncable, bound: text.bound }[kept] || "";
  e.dataset.kept = kept;
  return e;
}

// showMade tells of a passkey that was just made: its name, and where it is kept.
export function showMade({ name, kept }) {
  $("passkey-name").textContent = name;
  badge($("passkey-kept"), kept);
  $("passkey-why").textContent = { synced: text.syncedWhy, syncable: text.syncableWhy, bound: text.boundWhy }[kept] || "";
}

function nameOf(credential, is) {
  const provider = is && providers[is.aaguid];
  if (provider) return provider;
  const transports = transportsOf(credential) || [];
  const roams = attempt(() => credential.authenticatorAttachment) === "cross-platform";
  if (transports.includes("hybrid") && roams) return text.passkey;
  if (roams || (transports.length > 0 && !transports.includes("internal") && !transports.includes("hybrid"))) {
    return text.securityKey;
  }
  return nameAgent(navigator.userAgent) || text.passkey;
}
