// Bytes, codes and times as text.

// base64url is the unpadded form (RFC 4648 §5) of an ArrayBuffer or a view of one.
export function base64url(data) {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  let binary = "";
  for (const b of bytes) binary += String.fromCharCode(b);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// unbase64url returns the bytes of base64url, padded or not.
export function unbase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/").replaceAll("=", ""));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}

// claimsOf reads a token's claims without checking them; {} when there are none.
export function claimsOf(token) {
  try {
    return JSON.parse(new TextDecoder().decode(unbase64url(token.split(".")[1]))) || {};
  } catch {
    return {};
  }
}

export function hex(data) {
  return Array.from(new Uint8Array(data), (b) => b.toString(16).padStart(2, "0")).join("");
}

export function utf8(text) {
  return new TextEncoder().encode(text);
}

// groups writes a code in groups of four or another size, which are easier to type.
export function groups(code, size = 4) {
  return code.match(new RegExp(`.{1,${size}}`, "gu"))?.join("-") || "";
}

// tidyCode is a typed code as we print codes. It does not check the length: only the
// server knows that.
export function tidyCode(typed, size = 4) {
  return groups(typed.normalize("NFKC").toUpperCase().replace(/[^0-9A-Z]/gu, ""), size);
}

// The texts are in one language. Dates look as in the reader's variant of that language.
const language = document.documentElement.lang || "en";
const locale =
  (navigator.languages || []).find((l) => l === language || l.startsWith(`${language}-`)) ||
  (language === "en" ? "en-GB" : language);

// moment is a time on this device's clock, with its offset from UTC spelt out.
export function moment(date) {
  const local = new Intl.DateTimeFormat(locale, {
    weekday: "short", day: "numeric", month: "long", year: "numeric", hour: "numeric", minute: "2-digit",
  }).format(date);
  return `${local} (${offset(date)})`;
}

// brief is a short form for lists, where the page states the offset once.
export function brief(date) {
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(date);
}

// clock is the time of day only, for what is less than a day away.
export function clock(date) {
  return new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }).format(date);
}

// offset is how far this device's clock is from UTC.
export function offset(date) {
  const minutes = -date.getTimezoneOffset();
  const part = (n) => String(Math.floor(n)).padStart(2, "0");
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "\u2212" : "+"}${part(size / 60)}:${part(size % 60)}`;
}
