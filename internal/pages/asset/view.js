// The page's parts and how they change. Whatever comes from outside is set as text.
import { text } from "./messages.js";

export const $ = (id) => document.getElementById(id);

const sections = document.querySelectorAll(".card > section");

// show makes one section the visible one, under a title, and moves the reader there.
// A title is what phrase takes.
export function show(section, title, focus = $("title")) {
  clearAlert();
  say("");
  for (const s of sections) s.hidden = s.id !== section;
  document.body.dataset.state = section;
  setTitle(title);
  focus?.focus();
}

function setTitle(title) {
  $("title").replaceChildren(...phrase(title));
  document.title = `${$("title").textContent} \u00b7 Countersign`;
}

// phrase makes nodes of a text, or of parts of which every second one is a name. A name is
// isolated, so that its script does not change the direction of the rest.
export function phrase(parts) {
  return [].concat(parts).map((part, i) => (i % 2 ? element("bdi", part) : part));
}

// say puts a sentence into a live region.
export function say(sentence, region = $("status")) {
  region.replaceChildren(...phrase(sentence));
}

// complain shows beside a field, or a group of them, what is wrong with it, "" for nothing.
// It returns whether something is.
export function complain(id, problem) {
  $(`${id}-error`).textContent = problem;
  $(`${id}-error`).hidden = !problem;
  $(id)?.setAttribute("aria-invalid", String(Boolean(problem)));
  return Boolean(problem);
}

export function element(name, content, attributes = {}) {
  const e = document.createElement(name);
  if (content) e.append(...[].concat(content));
  for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
  return e;
}

// explain writes an explanation into a box: its text, the support id, who can help, and
// a button for each action it offers.
function explain(box, explanation, context, withTitle) {
  const parts = [];
  if (withTitle) parts.push(element("p", explanation.title, { class: "alert-title" }));
  if (explanation.text) parts.push(element("p", explanation.text));
  if (context.reference) {
    parts.push(element("p", [`${text.reference} `, element("code", context.reference)], { class: "reference-id" }));
  }
  if (context.contact) parts.push(element("p", [`${text.contact}: `, contactNode(context.contact)]));
  const actions = (explanation.actions || []).map((action) => {
    const [label, run] = context.actions[action];
    const button = element("button", label, { type: "button", "data-action": action });
    button.addEventListener("click", run);
    return button;
  });
  if (actions.length) parts.push(element("div", actions, { class: "actions" }));
  box.replaceChildren(...parts);
}

// alarm shows an explanation, above the visible section unless another place is given.
export function alarm(explanation, context, place = $("alert")) {
  const box = element("div", null, { class: explanation.mild ? "note" : "note bad" });
  explain(box, explanation, context, true);
  place.replaceChildren(box);
}

export function clearAlert(place = $("alert")) {
  place.replaceChildren();
}

// halt replaces the page's content by an explanation.
export function halt(explanation, context) {
  show("problem", explanation.title, null);
  explain($("problem"), explanation, context, false);
  $("title").focus();
}

function contactNode(contact) {
  const address = /^[^\s@]+@[^\s@]+$/u.test(contact) ? `mailto:${contact}` : contact;
  if (!/^(https:\/\/|mailto:)\S+$/u.test(address)) return contact;
  return element("a", contact.replace(/^mailto:/u, ""), { href: address, rel: "noreferrer" });
}

// setWorking marks a button as waiting, and it and the others as disabled meanwhile. They
// are aria-disabled rather than disabled: the focus must not be lost while a prompt is
// open.
export function setWorking(on, main, others) {
  for (const id of [main, ...others]) $(id).setAttribute("aria-disabled", String(on));
  $(main).classList.toggle("working", on);
}

const timers = new Map();

// schedule sets the one timer of that name.
export function schedule(name, delay, f) {
  clearTimeout(timers.get(name));
  // Longer delays would overflow to none at all.
  if (delay < 2 ** 31) timers.set(name, setTimeout(f, Math.max(delay, 0)));
}

export function stopTimers() {
  timers.forEach((timer) => clearTimeout(timer));
  timers.clear();
}
