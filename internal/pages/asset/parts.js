// Elements of the pages for people who are signed in. Whatever comes from the server is set
// as text.
import { brief } from "./format.js";
import { copy } from "./onetime.js";
import { text as common } from "./pagemessages.js";
import { element } from "./view.js";

// name isolates a name, so that its script does not change the direction of the rest.
export function name(value) {
  return element("bdi", value);
}

// label is the name of a role or of an operation, or a path, which may be long: lines break
// where a new word begins.
export function label(value) {
  const words = value.replace(/([a-z:](?=[A-Z])|\/)/gu, "$1\n").split("\n");
  return element("bdi", words.flatMap((word, i) => (i ? [element("wbr"), word] : [word])));
}

export function time(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? common.unknown : element("time", brief(date), { datetime: date.toISOString() });
}

// facts are rows of a description list.
export function facts(pairs) {
  return pairs.map(([term, value]) => element("div", [element("dt", term), element("dd", value)]));
}

// section is a heading with forms and a row of buttons, or nothing without either.
export function section(title, buttons, ...forms) {
  const parts = [...forms, ...(buttons.length ? [element("div", buttons, { class: "row" })] : [])];
  return parts.length ? [element("h3", title), ...parts] : [];
}

// roleList are the names of assigned roles.
export function roleList(assigned) {
  if (assigned.length === 0) return common.none;
  return element("ul", assigned.map((a) => element("li", label(a.permissionName))), { class: "plain" });
}

// mark is a badge: words and a shape, not colour alone.
export function mark(words, kept = "") {
  return element("span", words, { class: "badge", ...(kept && { "data-kept": kept }) });
}

// button calls run when pressed. named is its accessible name where its words alone do not
// say enough; key identifies it when the elements around it are made again.
export function button(words, run, { named, key, kind = "small" } = {}) {
  const e = element("button", words, { type: "button", class: kind,
    ...(named && { "aria-label": named }), ...(key && { "data-key": key }) });
  e.addEventListener("click", () => run(e));
  return e;
}

// changeButton has a change signed when pressed. what names it among the words of text;
// request completes the change, which sign is given with the key; that is as for button.
export function changeButton(text, what, name, request, sign, key = what) {
  return button(text[what], () => sign({ summary: text.changes[what](name), warning: text.warnings[what], key, ...request }),
    { key, named: `${text[what]}: ${name}`, kind: ["archive", "remove"].includes(what) ? "small danger" : "small" });
}

// card is an entry of a list: a picture, a title, a subtitle, marks, and details as pairs. level
// is its heading's.
export function card(glyph, title, subtitle, marks, details, level = 3) {
  return element("li", [
    element("span", null, { class: `glyph ${glyph}`, "aria-hidden": "true" }),
    element("div", [
      element(`h${level}`, name(title), { class: "name" }),
      ...(subtitle ? [element("p", subtitle, { class: "hint", dir: "auto" })] : []),
    ]),
    ...(marks.length ? [element("p", marks, { class: "badges" })] : []),
    element("dl", facts(details), { class: "details" }),
  ], { class: "passkey" });
}

// secret shows a value that is shown only once, with a button that copies it.
export function secret(words, value, of) {
  const shown = element("code", value, { tabindex: "0", "aria-label": `${words}: ${value}` });
  return element("div", [
    element("span", words, { class: "label", "aria-hidden": "true" }),
    shown,
    button(common.copy, () => copy(value, shown), { named: common.copyNamed(words, of) }),
  ], { class: "secret" });
}
