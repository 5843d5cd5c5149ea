// An invitation out of its link, also when a mail program has wrapped, quoted or encoded that.
import { tidyCode } from "./format.js";

// invitationIn returns what a link, its fragment or a text around it says. What is missing is "".
export function invitationIn(text) {
  const first = read(text, true);
  if (complete(first)) return first;
  return readings(text).map((t) => read(t, false)).find(complete) || first;
}

export const complete = (i) => Boolean(i.orgId && i.username && i.registrationCode);

// read looks for the parameters. plus says that a plus stands for a space, as in forms.
function read(text, plus) {
  const value = (name) => {
    const [, raw] = new RegExp(`(?:^|[#?&;\\s])${name}=([^&#\\n\\r"<>]*)`, "u").exec(text) || [];
    return raw ? unquote(decoded(plus ? raw.trim().split(/\s/u)[0].replaceAll("+", " ") : raw).trim()) : "";
  };
  let username = value("username");
  if (!username.includes("@") && /%40/u.test(username)) username = decoded(username); // encoded twice
  return { orgId: value("org").match(/^or-[\w-]*/u)?.[0] || value("org"), username, registrationCode: tidyCode(value("code")) };
}

// readings are a text with one more layer taken off each time.
function readings(text) {
  const all = [joined(text)];
  if (/=3D/iu.test(text)) all.push(text.replace(/=\r?\n/gu, "").replace(/=([0-9A-F]{2})/giu, "%$1").replaceAll("%3D", "="));
  all.push(...all.map((t) => t.replace(/&(?:amp|#38|#x26);/giu, "&").replace(/&(?:quot|gt|lt|#34|#39);/giu, '"')));
  for (let layer = all, i = 0; i < 3; i++) {
    layer = layer.map(decoded);
    all.push(...layer);
  }
  return [...all, ...all.flatMap(defended)];
}

// joined puts a link together again that was broken into lines, quoted or not.
function joined(text) {
  return text.replace(/[ \t]*=?\r?\n[>|\s]*(?=([\w.~%+&=#/:?-]+)[ \t]*(?:\r?\n|$))/gu,
    (breaking, next) => (/\n[>|\s]*\n/u.test(breaking) || /^[0-9A-Z]{4}(-[0-9A-Z]{4})+$/u.test(next) ? breaking : ""));
}

// defended reads the links of a mail filter that writes marks of its own in place of the URL's.
function defended(text) {
  const all = [];
  const second = /[?&]u=([^&\s]+)/u.exec(text);
  if (second) {
    const url = decoded(second[1].replaceAll("-", "%").replaceAll("_", "/"));
    all.push(url, decoded(url));
  }
  const third = /\/v3\/__(.+?)__;([\w-]*)!/u.exec(text);
  if (third) {
    const marks = [...atob(third[2].replaceAll("-", "+").replaceAll("_", "/"))];
    const url = third[1].replace(/\*(?:\*(.))?/gu, (_, many) => marks.splice(0, many ? runs.indexOf(many) + 2 : 1).join(""));
    all.push(url, decoded(url));
  }
  return all;
}

const runs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// unquote takes off the closing marks that nothing in the value opens.
function unquote(value) {
  const last = value.at(-1);
  const opening = { '"': '"', "'": "'", ">": "<", ")": "(", "]": "[", "}": "{", "\u201d": "\u201c", "\u2019": "\u2018", "\u00bb": "\u00ab" }[last];
  if (!opening || value.slice(0, -1).includes(opening)) return value;
  return unquote(value.slice(0, -1));
}
