// What somebody had typed when their session ended. It is kept in this tab for the same user, and
// stands in the page again after the next login.
import * as session from "./session.js";

let form = null; // which form is open

// opened notes which form is open, closed that none is.
export function opened(what) {
  form = what;
}

export function closed() {
  form = null;
}

// keep stores what the page's fields hold.
export function keep(userId) {
  if (userId) session.leaveDraft({ userId, path: location.pathname, ...typed() });
}

// forgetOthers forgets what another user typed.
export function forgetOthers(userId) {
  const kept = session.takeDraft();
  if (kept?.userId === userId) session.leaveDraft(kept);
}

// take returns what was typed on this page: what its open form holds, or what was kept.
export function take() {
  if (form) return typed();
  const kept = session.takeDraft();
  if (!kept || kept.path === location.pathname) return kept;
  session.leaveDraft(kept); // it is another page's
  return null;
}

function typed() {
  const fields = [...document.querySelectorAll("#find [id], #form [id]")];
  const values = fields.filter((e) => typeof e.value === "string" && e.type !== "submit" && e.type !== "button" && !e.value.includes("PRIVATE KEY"))
    .map((e) => [e.id, e.value]);
  const chosen = [...document.querySelectorAll("#form [type=checkbox]")].filter((e) => e.checked).map((e) => e.value);
  return { form, values, chosen };
}

// fill puts what was typed into the fields that the place has.
export function fill({ values, chosen }, place) {
  for (const [id, value] of values) {
    const field = place.querySelector(`#${CSS.escape(id)}`);
    if (!field) continue;
    field.value = value;
    if (field.selectedIndex === -1) field.selectedIndex = 0; // that choice is gone
  }
  for (const box of place.querySelectorAll("[type=checkbox]")) box.checked = chosen.includes(box.value);
}
