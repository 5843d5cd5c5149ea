// The audit page: what happened and what was refused, newest first, with the proofs.
import * as api from "./api.js";
import { text } from "./auditmessages.js";
import { ListPage } from "./listpage.js";
import { save } from "./onetime.js";
import { button, facts, label, mark, name, time } from "./parts.js";
import { $, clearAlert, complain, element, phrase, say, schedule } from "./view.js";

let nothing = ""; // what to say of an empty list
const mostEmpty = 10; // answers in a row without an entry before people are asked whether to go on

const page = new ListPage(text.title, ["Auth:Logs:Read"], () => {
  showPerson();
  return find();
});
const rows = page.table("entries", {
  id: (e) => e.id,
  name: (e) => e.summary,
  manage: text.details,
  manageNamed: text.detailsNamed,
  cells,
  panel,
  none: () => nothing,
});

// ---- the search

// person is the user whom the address names, in its fragment, which no request carries.
const person = () => new URLSearchParams(location.hash.slice(1));

function showPerson() {
  const id = person().get("user");
  $("only").hidden = !id;
  $("only-words").replaceChildren(...phrase(text.onlyAbout(person().get("name") || id || "")));
}

// range is the times at which the chosen days begin and end by this device's clock.
function range() {
  const day = (id, after) => {
    if (!$(id).value) return "";
    const date = new Date(`${$(id).value}T00:00`);
    date.setDate(date.getDate() + after);
    return date.toISOString();
  };
  return { startTime: day("from", 0), endTime: day("to", 1) };
}

async function find() {
  const times = range();
  const wrong = times.startTime && times.endTime && times.startTime >= times.endTime;
  for (const id of ["from", "to"]) $(id).setAttribute("aria-invalid", String(Boolean(wrong)));
  if (complain("dates", wrong ? text.dates : "")) return $("to").focus();
  const asked = { text: $("text").value.trim(), outcome: $("outcome").value, userId: person().get("user"), ...times };
  return rows.show((part) => search({ ...asked, ...part }));
}

// search repeats while answers have no entry: the server looks through a limited number of
// entries at a time.
async function search(asked) {
  let answer, next = asked.paginationToken;
  for (let i = 0; i < mostEmpty; i++) {
    answer = await api.get("/countersign/audit", { ...asked, paginationToken: next });
    next = answer.nextPageToken;
    if (answer.items.length > 0 || !next) break;
  }
  const empty = answer.items.length === 0;
  $("entries-more").textContent = empty ? text.further : text.more;
  nothing = next ? text.goOn : text.none;
  return answer;
}

function seek(event) {
  event.preventDefault();
  schedule("find", event.type === "input" ? 400 : 0, async () => {
    clearAlert();
    await find().catch(page.failed);
  });
}

// ---- the entries

function cells(e) {
  return [
    time(e.at),
    e.actor ? name(e.actor.name || e.actor.id) : text.nobody,
    [element("span", e.summary, { dir: "auto" })],
    outcome(e),
    e.action ? element("code", [`${e.action.method} `, label(e.action.path)]) : "",
    e.address || "",
  ];
}

// warnings are kinds of event of which nothing was done: they ask for somebody's attention.
const warnings = new Set(["credential.sign_count_out_of_line"]);

function outcome(e) {
  if (e.outcome === "refused") return mark(text.outcomes.refused, "off");
  return warnings.has(e.kind) ? mark(text.warning, "bound") : mark(text.outcomes[e.outcome] || e.outcome);
}

function panel(e) {
  const code = (value) => element("code", value);
  const pairs = [
    e.subject && [text.about, name(e.subject.name || e.subject.id)],
    [text.kind, code(e.kind)],
    [text.id, code(e.id)],
    e.actor && [text.actorId, code(e.actor.id)],
    e.subject && [text.subjectId, code(e.subject.id)],
    e.credentialUuid && [text.credential, code(e.credentialUuid)],
    e.supportId && [text.support, code(e.supportId)],
    e.action && [text.action, code(e.action.id)],
  ];
  return [
    element("dl", facts(pairs.filter(Boolean)), { class: "details" }),
    ...(e.action ? [
      element("p", [text.receiptHint, code("countersign receipt verify"), "."], { class: "hint" }),
      element("div", button(text.receipt, () => receipt(e.action.id), { key: "receipt", named: `${text.receipt}: ${e.summary}` }), { class: "row" }),
    ] : []),
  ];
}

// ---- downloads

function receipt(id) {
  return fetchFile(`/countersign/actions/${id}`, "application/json", text.receiptName(id));
}

function csv() {
  const { startTime, endTime } = range();
  const asked = new URLSearchParams({
    startTime: startTime || new Date(0).toISOString(),
    endTime: endTime || new Date(api.serverNow() + 60_000).toISOString(),
  });
  if (person().get("user")) asked.set("userId", person().get("user"));
  return fetchFile(`/auth/action/logs?${asked}`, "text/csv", text.fileName($("from").value, $("to").value));
}

async function fetchFile(path, type, called) {
  clearAlert();
  say(text.downloading);
  try {
    const { content, cut } = await api.file(path, type);
    save(called, content);
    if (cut) say(text.cut);
  } catch (error) {
    say("");
    page.failed(error);
  }
}

$("find").addEventListener("submit", seek);
$("find").addEventListener("input", seek);
$("csv").addEventListener("click", csv);
$("everybody").addEventListener("click", () => {
  history.replaceState(null, "", location.pathname);
  page.open();
});
addEventListener("hashchange", page.open);

page.open();
