// The roles page: permissions of the organisation, what each allows, and who has it.
import * as api from "./api.js";
import { assignees } from "./assignees.js";
import * as draft from "./draft.js";
import { ListPage } from "./listpage.js";
import { may } from "./page.js";
import { button, changeButton, facts, label, mark, section, time } from "./parts.js";
import { text } from "./rolesmessages.js";
import { sign, tellDone } from "./sign.js";
import { $, complain, element, show } from "./view.js";

let editing = null; // the role in the form, null for a new one

const page = new ListPage(text.title, ["Permissions:Read"], async () => {
  $("new").hidden = !may("Permissions:Create");
  await rows.show((part) => api.get("/permissions", part));
}, sign, ({ id }) => {
  const role = rows.things.find((r) => r.id === id);
  return role || !id ? edit(role || null) : null;
});
const rows = page.table("roles", { id: (r) => r.id, name: (r) => r.name, cells, panel, none: () => text.none });

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
  return [
    ...(r.isArchived ? [element("p", text.archivedWhy, { class: "hint" })] : []),
    element("dl", facts([[text.created, time(r.dateCreated)], [text.updated, time(r.dateUpdated)], [text.id, element("code", r.id)]]), { class: "details" }),
    element("h3", text.operations),
    r.isImmutable ? element("p", text.immutable, { class: "hint" })
      : element("ul", r.operations.map((o) => element("li", element("code", label(o)))), { class: "chips" }),
    ...section(text.doing, changeButtons(r)),
    element("h3", text.assignees),
    assignees(r, page.sign),
  ];
}

function changeButtons(r) {
  if (r.isImmutable) return [];
  const all = [];
  if (may("Permissions:Update") && !r.isArchived) all.push(button(text.edit, () => edit(r), { key: "edit", named: `${text.edit}: ${r.name}` }));
  if (may("Permissions:Delete")) {
    const request = { method: "PUT", path: `/permissions/${r.id}/archive`, body: { isArchived: !r.isArchived } };
    all.push(changeButton(text, r.isArchived ? "restore" : "archive", r.name, request, page.sign, "archive"));
  }
  return all;
}

// ---- the form

const boxes = () => [...document.querySelectorAll("#role [type=checkbox]")];

// edit opens the form, and returns what is to be called once it is filled in.
function edit(role) {
  editing = role;
  draft.opened({ id: role?.id || "" });
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
  show("form", role ? text.editing(role.name) : text.creating, $("role-name"));
  return count;
}

// box is a checkbox for an operation that the page does not list: an older name.
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
  const summary = editing ? text.changes.update(called) : text.changes.create(called);
  const answer = await sign({
    summary,
    warning: editing ? text.warnings.update : "",
    names: operations,
    called: text.operations,
    method: editing ? "PUT" : "POST", path: editing ? `/permissions/${editing.id}` : "/permissions",
    body: { name: called, operations },
  });
  if (!answer) return undefined;
  const shown = page.back();
  tellDone(summary);
  return shown;
}

$("new").addEventListener("click", () => edit(null));
$("role").addEventListener("submit", submit);
$("role").addEventListener("change", count);
$("cancel").addEventListener("click", page.back);

page.open();
