// The roles page: permissions of the organisation, what each allows, and who has it.
import * as session from "./session.js";
import * as wire from "./wire.js";
import { holders } from "./holders.js";
import { button, facts, label, mark, time } from "./parts.js";
import { text } from "./rolesmessages.js";
import { Rows } from "./rows.js";
import { sign, tellDone } from "./sign.js";
import { $, complain, element, show } from "./view.js";
import { enter, may, showList, trouble, watchEnd } from "./visit.js";

let editing = null; // the role in the form, null for a new one

const rows = new Rows("roles", { id: (r) => r.id, name: (r) => r.name, cells, panel }, (error) => trouble(error, start));

async function start() {
  if (!(await enter(text.title, ["Permissions:Read"], start))) return;
  $("roles-none").textContent = text.none;
  try {
    await rows.show((page) => wire.get(session.token(), "/permissions", page));
  } catch (error) {
    show("ready", text.title);
    return trouble(error, start);
  }
  $("new").hidden = !may("Permissions:Create");
  showList(text.title);
  watchEnd(start);
}

// ---- the list

function cells(r) {
  return [
    [label(r.name), ...(r.isImmutable ? [element("span", text.managed, { class: "hint" })] : [])],
    r.isArchived ? mark(text.archived, "off") : mark(text.inUse),
    r.isImmutable ? text.everything : text.allows(r.operations.length),
    time(r.dateUpdated),
  ];
}

function panel(r) {
  const doing = deeds(r);
  return [
    ...(r.isArchived ? [element("p", text.archivedWhy, { class: "hint" })] : []),
    element("dl", facts([[text.created, time(r.dateCreated)], [text.updated, time(r.dateUpdated)], [text.id, element("code", r.id)]]), { class: "details" }),
    element("h4", text.operations),
    r.isImmutable ? element("p", text.immutable, { class: "hint" })
      : element("ul", r.operations.map((o) => element("li", element("code", label(o)))), { class: "chips" }),
    ...(doing.length ? [element("h4", text.doing), element("div", doing, { class: "row" })] : []),
    element("h4", text.holders),
    holders(r, change),
  ];
}

function deeds(r) {
  if (r.isImmutable) return [];
  const all = [];
  if (may("Permissions:Update") && !r.isArchived) all.push(button(text.edit, () => edit(r), { key: "edit" }));
  if (may("Permissions:Delete")) {
    const what = r.isArchived ? "restore" : "archive";
    all.push(button(text[what], () => change({
      deed: text.deeds[what](r.name), warning: text.warnings[what] || "",
      method: "PUT", path: `/permissions/${r.id}/archive`, body: { isArchived: !r.isArchived },
    }), { key: "archive", kind: r.isArchived ? "small" : "small danger" }));
  }
  return all;
}

async function change(deed) {
  const answer = await sign(deed);
  await rows.refresh(true).catch((error) => trouble(error, start));
  return answer;
}

// ---- the form

const boxes = () => [...document.querySelectorAll("#role [type=checkbox]")];

function edit(role) {
  editing = role;
  $("role-name").value = role?.name || "";
  $("save").textContent = role ? text.save : text.create;
  const chosen = new Set(role?.operations || []);
  const listed = new Set(boxes().filter((b) => !b.closest("#other-names")).map((b) => b.value));
  const others = [...chosen].filter((o) => !listed.has(o));
  $("other-names").hidden = others.length === 0;
  $("other-names").replaceChildren(element("legend", text.otherNames), ...others.map(box));
  for (const b of boxes()) b.checked = chosen.has(b.value);
  $("other-services").open = boxes().some((b) => b.checked && b.closest("#other-services"));
  count();
  complain("role-name", "");
  complain("operations", "");
  show("making", role ? text.editing(role.name) : text.creating, $("role-name"));
}

// box is a choice that the page does not have: an older name of an operation.
function box(operation) {
  return element("label", [
    element("input", null, { type: "checkbox", value: operation }),
    element("span", element("code", label(operation))),
  ], { class: "check" });
}

function count() {
  $("chosen").textContent = text.chosen(boxes().filter((b) => b.checked).length);
}

async function submit(event) {
  event.preventDefault();
  const called = $("role-name").value.trim();
  const operations = boxes().filter((b) => b.checked).map((b) => b.value);
  const nameless = complain("role-name", called ? "" : text.required);
  const empty = complain("operations", operations.length ? "" : text.chooseOne);
  if (nameless || empty) return (nameless ? $("role-name") : boxes()[0]).focus();
  const deed = editing ? text.deeds.update(called) : text.deeds.create(called);
  const answer = await sign({
    deed,
    warning: editing ? text.warnings.update : "",
    names: operations,
    method: editing ? "PUT" : "POST", path: editing ? `/permissions/${editing.id}` : "/permissions",
    body: { name: called, operations },
  });
  if (!answer) return undefined;
  const shown = back();
  tellDone(deed);
  return shown;
}

async function back() {
  showList(text.title);
  await rows.refresh().catch((error) => trouble(error, start));
}

$("new").addEventListener("click", () => edit(null));
$("role").addEventListener("submit", submit);
$("role").addEventListener("change", count);
$("cancel").addEventListener("click", back);

start();
