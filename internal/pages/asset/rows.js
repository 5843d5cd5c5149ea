// A table of things that the server lists by pages. It is changed in place when they
// change. Each thing is a <tbody> of its own: a row of what it is and, once opened, a panel
// of details and actions.
import { text } from "./pagemessages.js";
import { button } from "./parts.js";
import { $, element } from "./view.js";

const page = 50; // what the server answers unless told otherwise
const most = 200; // what it answers at most

export class Rows {
  #table;
  #more;
  #none;
  #of;
  #labels;
  #rows = new Map();
  #ask = null;
  #next = "";

  // The table is the one of that id; its "-more" button and "-none" sentence go with it. of
  // has functions of a thing: its id, its name, its cells and its panel; and none, what to say
  // when there is nothing. failed is told of errors.
  constructor(id, of, failed) {
    this.#table = $(id);
    this.#more = $(`${id}-more`);
    this.#none = $(`${id}-none`);
    this.#of = of;
    this.#labels = [...this.#table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    this.#more?.addEventListener("click", () => this.more().catch(failed));
  }

  get things() {
    return [...this.#rows.values()].map((row) => row.thing);
  }

  // show asks for the first page and shows it. ask gets a page: it is called with { limit,
  // paginationToken }. Of several calls the last one counts.
  async show(ask) {
    this.#ask = ask;
    const answer = await ask({});
    if (this.#ask !== ask) return;
    this.#arrange(answer.items);
    this.#turn(answer.nextPageToken);
  }

  async more() {
    const [ask, next] = [this.#ask, this.#next];
    const answer = await ask({ paginationToken: next });
    if (this.#ask !== ask || this.#next !== next) return;
    const last = [...this.#rows.values()].at(-1);
    this.#arrange([...this.things, ...answer.items]);
    this.#turn(answer.nextPageToken);
    // The button may be gone; reading goes on with the first new row.
    const first = last ? last.body.nextElementSibling : this.#table.tBodies[0];
    first?.querySelector("[data-key=manage]").focus();
  }

  // refresh asks again for what is shown, as far as one answer reaches. A list that was
  // complete is asked for a little more, in case it has grown. With anew, open panels are
  // made again even if their things have not changed.
  async refresh(anew = false) {
    const [ask, next, shown] = [this.#ask, this.#next, this.things];
    if (!ask) return;
    const limit = Math.min(most, Math.max(page, shown.length + (next ? 0 : page)));
    const answer = await ask({ limit });
    if (this.#ask !== ask || this.#next !== next || this.things.length !== shown.length) return;
    const whole = !answer.nextPageToken || shown.length <= limit;
    const known = new Set(answer.items.map(this.#of.id));
    const rest = whole ? [] : shown.slice(limit).filter((t) => !known.has(this.#of.id(t)));
    this.#arrange([...answer.items, ...rest], anew);
    this.#turn(whole ? answer.nextPageToken : next);
  }

  #turn(token = "") {
    this.#next = token;
    if (this.#more) this.#more.hidden = !token;
    this.#none.textContent = this.#rows.size > 0 ? "" : this.#of.none(); // a live region: it is never hidden
    this.#table.hidden = this.#rows.size === 0;
  }

  #arrange(things, anew = false) {
    const before = this.#rows;
    this.#rows = new Map();
    for (const thing of things) {
      const id = this.#of.id(thing);
      this.#rows.set(id, before.get(id) || { body: element("tbody", null, { role: "rowgroup", "data-id": id }), open: false });
    }
    for (const [id, row] of before) if (!this.#rows.has(id)) remove(row.body);
    let at = this.#table.tHead;
    for (const thing of things) {
      const row = this.#rows.get(this.#of.id(thing));
      if (at.nextElementSibling !== row.body) at.after(row.body);
      at = row.body;
      const same = JSON.stringify(row.thing) === JSON.stringify(thing);
      if (same && !(anew && row.open)) continue;
      if (!row.thing) row.thing = thing;
      else if (!same) this.#update(row, thing);
      this.#fill(row, anew);
    }
  }

  // update changes a thing in place: buttons hold on to the object.
  #update(row, thing) {
    const before = { ...row.thing };
    for (const key of Object.keys(before)) delete row.thing[key];
    Object.assign(row.thing, thing);
    this.#of.changed?.(before, thing);
  }

  #fill(row, anew = false) {
    const cells = this.#of.cells(row.thing).map((content, i) => element(i ? "td" : "th", element("div", content), {
      role: i ? "cell" : "rowheader", "data-label": this.#labels[i], ...(i ? {} : { scope: "row" }),
    }));
    const manage = button(this.#of.manage || text.manage, () => this.#toggle(row), {
      key: "manage", named: (this.#of.manageNamed || text.manageNamed)(this.#of.name(row.thing)),
    });
    manage.setAttribute("aria-expanded", String(row.open));
    const lines = [element("tr", [...cells, element("td", manage, { role: "cell", class: "manage" })], { role: "row" })];
    if (row.open) {
      const inside = element("td", element("div", this.#of.panel(row.thing)), { role: "cell", colspan: String(this.#labels.length) });
      lines.push(element("tr", inside, { role: "row", class: "panel" }));
    }
    const renamed = row.called !== this.#of.name(row.thing); // then its buttons have other names
    row.called = this.#of.name(row.thing);
    keeping(row.body, () => (renamed ? row.body.replaceChildren(...lines) : patch(row.body, lines, anew)));
    row.body.classList.toggle("open", row.open);
  }

  #toggle(row) {
    row.open = !row.open;
    this.#fill(row);
  }
}

// patch changes an element's content into nodes. What looks the same stays: a button that
// somebody is about to press must not be replaced. What fills itself later is replaced only
// with anew.
function patch(into, nodes, anew) {
  const before = [...into.childNodes];
  if (before.length !== nodes.length) return into.replaceChildren(...nodes);
  return before.forEach((old, i) => {
    const next = nodes[i];
    if (old.dataset?.later && next.dataset?.later && !anew) return;
    if (old.isEqualNode(next)) return;
    const frame = old.nodeName === "TR" || old.nodeName === "TD" || (old.nodeName === "DIV" && !old.className);
    if (frame && old.nodeName === next.nodeName) patch(old, [...next.childNodes], anew);
    else old.replaceWith(next);
  });
}

// keeping runs make, which rebuilds a row, and keeps the focus and what was entered.
function keeping(body, make) {
  const focus = body.contains(document.activeElement) && (document.activeElement.dataset.key || "manage");
  const chosen = [...body.querySelectorAll("input, select")].map((e) => [e, e.dataset.key, e.value]);
  make();
  const find = (key) => body.querySelector(`[data-key="${key}"]`);
  for (const [old, key, value] of chosen) {
    const e = find(key);
    if (!e || e === old) continue;
    e.value = value;
    if (e.selectedIndex === -1) e.selectedIndex = 0;
  }
  if (focus && !body.contains(document.activeElement)) (find(focus) || find("manage")).focus();
}

function remove(body) {
  const focused = body.contains(document.activeElement);
  body.remove();
  if (focused) $("title").focus();
}
