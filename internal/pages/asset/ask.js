// A dialog that asks for a name, or only whether somebody is sure, before a change is signed.
import { $, complain, phrase } from "./view.js";

const dialog = $("asking");
let asked = null; // what is asked, with the promise of its answer

// ask returns what was typed, "" where there is nothing to type, or null if somebody thinks better of
// it. title and text are what phrase takes, go is what the button says. field is what to type, if
// anything: its label, a value to begin with, and problem, which says what is wrong with a value.
export function ask({ title, text, go, field = null, danger = false }) {
  return new Promise((resolve) => {
    asked = { field, resolve };
    $("asking-title").replaceChildren(...phrase(title));
    $("asking-text").replaceChildren(...phrase(text));
    $("asking-go").textContent = go;
    $("asking-go").className = danger ? "danger" : "primary";
    $("asking-field").hidden = !field;
    $("asking-label").textContent = field?.label || "";
    $("asking-value").value = field?.value || "";
    complain("asking-value", "");
    dialog.showModal();
    if (!field) return $("asking-title").focus();
    $("asking-value").focus();
    return $("asking-value").select();
  });
}

// asking tells whether the dialog is open.
export const asking = () => dialog.open;

function answer(event) {
  event.preventDefault();
  const value = asked.field ? $("asking-value").value.trim() : "";
  if (asked.field && complain("asking-value", asked.field.problem(value))) return $("asking-value").focus();
  return settle(value);
}

function settle(value) {
  if (!asked) return;
  const { resolve } = asked;
  asked = null;
  if (dialog.open) dialog.close();
  resolve(value);
}

$("asking-form").addEventListener("submit", answer);
$("asking-close").addEventListener("click", () => settle(null));
// By Escape. The event comes a moment later, when the next question may be open.
dialog.addEventListener("close", () => { if (!dialog.open) settle(null); });
