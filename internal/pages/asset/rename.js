// Another name for a credential of one's own.
import { ask } from "./ask.js";
import { text } from "./accountmessages.js";
import { button } from "./parts.js";

const longest = 100; // characters, as on the server

// nameField is the field for a credential's name, as ask takes it.
export function nameField(value) {
  const problem = (name) => (name === "" ? text.nameMissing : Array.from(name).length > longest ? text.nameTooLong : "");
  return { label: text.name, value, problem };
}

// renameButton has another name for a credential signed when pressed. called is the name that tells it
// from others; change is as for credentialCard.
export function renameButton(c, called, change) {
  const key = `rename:${c.uuid}`;
  return button(text.rename, async () => {
    const name = await ask({ ...text.renaming(called), field: nameField(c.name) });
    if (name === null || name === c.name) return;
    change({
      key, credential: c, summary: text.changes.rename(called, name),
      method: "PUT", path: `/countersign/account/credentials/${encodeURIComponent(c.uuid)}`, body: { name },
    });
  }, { key, named: `${text.rename}: ${called}` });
}
