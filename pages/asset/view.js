// The page's parts and how they change. Whatever comes from outside is set as text.
import { text } from "./messages.js";

export const $ = (id) => document.getElementById(id);

const sections = ["loading", "form", "ready", "problem", "done", "recovery", "finished"];

// show makes one section the visible one, under a title, and moves the reader there.
// A title is text, or parts of which the second is a name.
export function show(section, title, focus = $("title")) {
  clearAlert();
  say("");
  for (const id of sections) $(id).hidden = id !== section;
  document.body.dataset.state = section;
  setTitle(title);
  focus?.focus();
}

function setTitle(title) {
  const [before, name] = [].concat(title);
  const nodes = [before];
  if (name) {
    const bdi = document.createElement("bdi"); // a name in any script keeps to itself
    bdi.textContent = name;
    nodes.push(bdi);
  }
  $("title").replaceChildren(...nodes);
  document.title = `${$("title").textContent} \u00b7 Countersign`;
}

// say puts a sentence into the live region.
export function say(sentence) {
  $("status").textContent = sentence;
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

// alarm shows an explanation above the section at hand.
export function alarm(explanation, context) {
  const box = element("div", null, { class: explanation.mild ? "note" : "note bad" });
  explain(box, explanation, context, true);
  $("alert").replaceChildren(box);
}

export function clearAlert() {
  $("alert").replaceChildren();
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
