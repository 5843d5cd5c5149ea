// An invitation out of its link, also when a mail program has wrapped, quoted or encoded that.
import { tidyCode } from "./format.js";

const longest = 6000; // characters that are looked at

// invitationIn returns what a link, its fragment or a text around it says. What is missing is "".
export function invitationIn(pasted) {
  let text = pasted.slice(0, longest);
  // Quoted-printable (RFC 2045 §6.7). There every "=" is encoded: a code that begins with 3D is not.
  if (/(?:org|code|username)=3D/iu.test(text) && !text.includes("org=or-")) {
    text = text.replace(/=\r?\n/gu, "").replace(/=([0-9A-F]{2})/giu, (_, hex) => decoded(`%${hex}`));
  }
  const plain = inLines(text, true);
  if (complete(plain)) return plain;
  return readings(text).map((t) => inLines(t, false)).find(complete) || plain;
}

export const complete = (i) => Boolean(i.orgId && i.username && i.registrationCode);

// inLines reads a text in which the link may be broken into lines. Where its last value ends does
// not show: the next line is taken for a part of it only if it is not a whole address yet.
function inLines(text, plus) {
  const first = read(joined(text, false), plus);
  if (/@[^@\s]+\.[^@.\s]{2,}$/u.test(first.username)) return first;
  const all = read(joined(text, true), plus);
  return complete(all) ? all : first;
}

// joined puts lines together that continue a link, quoted or not: those with a parameter and what
// stands before them, or all that look like a part of a link.
function joined(text, all) {
  const lines = text.split(/\r?\n/u).map((line) => line.replace(/^[>|\s]+/u, "").trimEnd());
  let whole = "";
  let joins = false;
  for (let i = lines.length - 1; i >= 0; i--) {
    whole = lines[i] + whole;
    const part = /^[\w.~%+&=#/:?;*!$-]+[>)"']*$/u.test(lines[i]) && !/^[0-9A-Z]{4}(-[0-9A-Z]{4})+$/u.test(lines[i]);
    joins = part && Boolean(lines[i - 1]) && (all || joins || lines[i].includes("="));
    if (!joins) whole = `\n${whole}`;
  }
  return whole;
}

// read looks for the parameters. plus says that a plus stands for a space, as in forms.
function read(text, plus) {
  const value = (name) => {
    const [, raw] = new RegExp(`(?:^|[#?&;\\s])${name}=([^&#\\n\\r"<>\\u201c\\u201d]*)`, "u").exec(text) || [];
    return raw ? unquoted(decoded(plus ? raw.trim().split(/\s/u)[0].replaceAll("+", " ") : raw).trim()) : "";
  };
  let username = value("username");
  if (!username.includes("@") && username.includes("%40")) username = decoded(username); // encoded twice
  return { orgId: /^or-[\w-]*/u.exec(value("org"))?.[0] || value("org"), username, registrationCode: tidyCode(value("code")) };
}

// readings are a text with one more layer taken off each time.
function readings(text) {
  const all = [text.replace(/&(?:amp|#38|#x26);/giu, "&").replace(/&(?:quot|gt|lt|#34|#39);/giu, '"')];
  for (let i = 0; i < 3; i++) all.push(decoded(all.at(-1)));
  return [...all, ...defended(text)];
}

// defended reads the links of a mail filter that writes marks of its own in place of the URL's.
function defended(text) {
  const all = [];
  const second = /[?&]u=([^&\s]+)/u.exec(text);
  if (second) all.push(decoded(second[1].replaceAll("-", "%").replaceAll("_", "/")));
  const third = /\/v3\/__(.+?)__;([\w-]*)!/u.exec(text);
  if (third) {
    const marks = [...decodedMarks(third[2])];
    all.push(third[1].replace(/\*(?:\*(.))?/gu, (_, many) => marks.splice(0, many ? runs.indexOf(many) + 2 : 1).join("")));
  }
  return all.flatMap((url) => [url, decoded(url)]);
}

const runs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function decodedMarks(text) {
  try {
    return atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    return "";
  }
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

// unquoted takes off the closing marks that nothing in the value opens.
function unquoted(value) {
  const opening = { '"': '"', "'": "'", ">": "<", ")": "(", "]": "[", "}": "{", "\u2019": "\u2018", "\u00bb": "\u00ab" }[value.at(-1)];
  if (!opening || value.slice(0, -1).includes(opening)) return value;
  return unquoted(value.slice(0, -1));
}
