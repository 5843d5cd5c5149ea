// What the pages for who is signed in are made of. Whatever comes from the server is set as
// text.
import { brief } from "./format.js";
import { copy } from "./handout.js";
import { text } from "./officemessages.js";
import { element } from "./view.js";

// name keeps a name in any script to itself.
export function name(value) {
  return element("bdi", value);
}

// label is the name of a role or of an operation, or a path, which may be long: it breaks
// where a new word begins.
export function label(value) {
  const words = value.replace(/([a-z:](?=[A-Z])|\/)/gu, "$1\n").split("\n");
  return element("bdi", words.flatMap((word, i) => (i ? [element("wbr"), word] : [word])));
}

export function time(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? text.unknown : element("time", brief(date), { datetime: date.toISOString() });
}

// facts are rows of a description list.
export function facts(pairs) {
  return pairs.map(([term, value]) => element("div", [element("dt", term), element("dd", value)]));
}

// mark is a badge: words and a shape, not colour alone.
export function mark(words, kept = "") {
  return element("span", words, { class: "badge", ...(kept && { "data-kept": kept }) });
}

// button calls run when pressed. named is what it is called where its words alone do not
// say enough, key what it is found by when what is around it is made anew.
export function button(words, run, { named, key, kind = "small" } = {}) {
  const made = element("button", words, { type: "button", class: kind,
    ...(named && { "aria-label": named }), ...(key && { "data-key": key }) });
  made.addEventListener("click", () => run(made));
  return made;
}

// card is a thing in a list: a picture, what it is called, what it is, marks, and details
// as pairs.
export function card(glyph, title, subtitle, marks, details) {
  return element("li", [
    element("span", null, { class: `glyph ${glyph}`, "aria-hidden": "true" }),
    element("div", [
      element("h3", name(title), { class: "name" }),
      ...(subtitle ? [element("p", subtitle, { class: "hint", dir: "auto" })] : []),
    ]),
    ...(marks.length ? [element("p", marks, { class: "badges" })] : []),
    element("dl", facts(details), { class: "details" }),
  ], { class: "passkey" });
}

// secret shows what is not shown again, with a button that copies it.
export function secret(words, value, of) {
  const shown = element("code", value, { tabindex: "0", "aria-label": `${words}: ${value}` });
  return element("div", [
    element("span", words, { class: "label", "aria-hidden": "true" }),
    shown,
    button(text.copy, () => copy(value, shown), { named: text.copyNamed(words, of) }),
  ], { class: "secret" });
}
