// Names out of what people paste: one a line or with commas between, addresses as mail programs
// write them, or a table with a column of addresses.

const address = /[^\s@<>()[\]",;:\u201c\u201d\u00ab\u00bb]+@[^\s@<>()[\]",;:\u201c\u201d\u00ab\u00bb]+/gu;
const longest = 100_000; // characters that are looked at
const longestField = 1000;
const separators = ",\uff0c\u3001;\uff1b\t";

// readNames returns the names in a text, each once, and the words beside them that were left out.
export function readNames(text) {
  const lines = linesOf(text).map(fields).filter((row) => row.length > 0);
  const column = columnOf(lines);
  const names = new Map();
  const left = [];
  lines.forEach((row, at) => {
    for (const field of chosen(row, column, at === 0 && lines.length > 1, left)) {
      const key = field.normalize("NFKC").toLowerCase();
      if (!names.has(key)) names.set(key, field);
    }
  });
  return { names: [...names.values()], left };
}

// linesOf divides a text. A line that begins with an address in brackets goes on with the one
// before.
function linesOf(text) {
  const lines = [];
  for (const line of text.slice(0, longest).replaceAll(/[\ufeff\u200b]/gu, "").split(/[\n\r\v\f\u2028\u2029]/u).map((l) => l.trim())) {
    if (line.startsWith("<") && lines.length > 0) lines.push(`${lines.pop()} ${line}`);
    else if (line) lines.push(line);
  }
  return lines;
}

// chosen are the names of a row. It adds to left what is none.
function chosen(row, column, first, left) {
  const plain = (field) => addressesIn(field)[0] === field;
  const bracketed = row.some((f) => /<[^<>]*@[^<>]*>/u.test(f));
  const wanted = row.filter((f, at) => {
    if (bracketed) return addressesIn(f).length > 0;
    if (first && heading.test(f)) return false;
    if (row.length === column?.width) return !first || row.some(plain) ? at === column.at : false;
    return !row.tabular || row.filter(plain).length !== 1 || plain(f);
  });
  left.push(...row.filter((f) => !wanted.includes(f)));
  return wanted.flatMap((f) => {
    const found = addressesIn(f);
    const decorated = /[\s<>()[\]"]|^mailto:/iu.test(f) || bare(f) === found[0];
    return found.length > 0 && decorated ? found : [f];
  });
}

const heading = /^(e-?mails?|mail|e-?mail[ -]?address(es)?|addresses|names?|user ?names?|benutzer(name)?|adressen?)$/iu;

// columnOf finds the column of addresses in a table: at least two rows of the same width, with one
// address each in the same place.
function columnOf(lines) {
  const rows = lines.filter((row) => row.length > 1)
    .map((row) => ({ width: row.length, places: row.flatMap((f, at) => (addressesIn(f)[0] === f ? [at] : [])) }))
    .filter(({ places }) => places.length > 0);
  const [{ width, places: [at] = [] } = {}] = rows;
  const table = rows.length > 1 && rows.every((r) => r.width === width && r.places[0] === at && r.places.length < width);
  return table ? { width, at } : null;
}

// addressesIn are the addresses in a field, without the marks around them.
function addressesIn(field) {
  if (!field.includes("@") || field.length > longestField) return [];
  const inside = field.match(/<[^<>]*@[^<>]*>/gu)?.join(" ");
  return ((inside || field).match(address) || []).map(bare);
}

const bare = (word) => word.replace(/^['\u2018\u201c\u00ab`]+|['\u2019\u201d\u00bb`.]+$/gu, "");

// fields are the parts of a line. Names and comments in quotes or brackets are not divided. A row
// is tabular if its fields stand as in a table, with semicolons or tabs between.
function fields(line) {
  const text = line.replace(/^\s*(?:[-*\u2022\u00b7\u2013]\s+|\d{1,3}[.)]\s+)/u, "");
  let row = divided(text, separators);
  const tabular = /[;\t\uff1b]/u.test(text);
  // "Lovelace, Ada; Babbage, Charles": a mail program's names, with the surname first.
  const people = divided(text, ";\uff1b");
  if (people.length > 1 && people.every((p) => divided(p, separators).length === 2) && !text.includes("@")) row = people;
  return Object.assign(row, { tabular });
}

function divided(text, between) {
  const part = new RegExp(`(?:"(?:\\\\.|""|[^"\\\\])*"|<[^<>]*>|\\([^()]*\\)|[^${between}])+`, "gu");
  return (text.match(part) || []).map(unquoted).filter(Boolean);
}

function unquoted(field) {
  const trimmed = field.trim();
  const whole = /^"((?:\\.|""|[^"\\])*)"$/u.exec(trimmed);
  return whole ? whole[1].replace(/\\(.)|""/gu, (_, c) => c || '"').trim() : trimmed;
}
