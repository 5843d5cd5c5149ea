// What is shown only once: it can be copied and saved, and the browser asks before the page
// is left.
import { text } from "./messages.js";
import { element, say } from "./view.js";

// copy copies a text to the clipboard, or else selects the element that shows it.
export async function copy(value, shown) {
  try {
    await navigator.clipboard.writeText(value);
    say(text.copied);
  } catch {
    getSelection().selectAllChildren(shown);
    say(text.copyFailed);
  }
}

// save has the browser download a file.
export function save(name, content) {
  const link = element("a", null, { download: name });
  link.href = URL.createObjectURL(content);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  say(text.downloaded);
}

// askBeforeLeaving has the browser ask, as long as something is shown that cannot be shown
// again.
export function askBeforeLeaving(on) {
  if (on) window.addEventListener("beforeunload", warn);
  else window.removeEventListener("beforeunload", warn);
}

function warn(event) {
  event.preventDefault();
}
