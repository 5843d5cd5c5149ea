// QR codes (ISO/IEC 18004) for links: bytes at error correction level M, up to version 10, which holds
// 213 bytes.
import { utf8 } from "./format.js";

// Of each version: how many error correction codewords a block has, and how many blocks there are
// (table 9, level M).
const blocks = [[10, 1], [16, 1], [26, 1], [18, 2], [24, 2], [16, 4], [18, 4], [22, 4], [22, 5], [26, 5]];

// modules returns the symbol of a text: rows of modules, true for a dark one, without the quiet zone.
export function modules(text) {
  const data = utf8(text);
  const version = blocks.findIndex((_, i) => data.length <= capacity(i + 1)) + 1;
  if (version === 0) throw new Error("the text is too long for a QR code");
  const codewords = interleaved(padded(data, version), version);
  const fixed = functionPatterns(version);
  let best = null;
  for (let mask = 0; mask < 8; mask++) {
    const symbol = fixed.map((row) => [...row]);
    fill(symbol, codewords, masks[mask]);
    writeFormat(symbol, mask);
    const cost = penalty(symbol);
    if (!best || cost < best.cost) best = { cost, symbol };
  }
  return best.symbol;
}

// draw draws the symbol of a text, dark on light in any colour scheme, with the quiet zone that readers
// need. label is its text alternative.
export function draw(text, label) {
  const symbol = modules(text);
  const size = symbol.length + 8;
  const path = symbol.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x + 4} ${y + 4}h1v1h-1z` : ""))).join("");
  const make = (name, attributes, ...children) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
    e.append(...children);
    return e;
  };
  return make("svg", { viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    make("rect", { width: size, height: size, fill: "#fff" }), make("path", { d: path, fill: "#000" }));
}

// ---- the codewords

// total is how many codewords a version has, data how many of them are not for error correction.
function total(version) {
  const aligned = version < 2 ? 0 : version < 7 ? 1 : 2; // alignment patterns along an edge, less one
  const alignment = aligned === 0 ? 0 : 25 * (aligned + 1) ** 2 - 10 * (aligned + 1) - 55;
  return (16 * version * version + 128 * version + 64 - alignment - (version < 7 ? 0 : 36)) >> 3;
}

const dataCodewords = (version) => total(version) - blocks[version - 1][0] * blocks[version - 1][1];
const countBits = (version) => (version < 10 ? 8 : 16);
const capacity = (version) => (dataCodewords(version) * 8 - 4 - countBits(version)) >> 3;

// padded is the data with its mode and length before it, and after it what fills the version.
function padded(data, version) {
  const bits = [];
  const put = (value, length) => { for (let i = length - 1; i >= 0; i--) bits.push((value >> i) & 1); };
  put(0b0100, 4); // bytes
  put(data.length, countBits(version));
  for (const b of data) put(b, 8);
  const room = dataCodewords(version) * 8;
  put(0, Math.min(4, room - bits.length));
  put(0, -bits.length & 7);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
  const bytes = [];
  for (let i = 0; i < bits.length; i += 8) bytes.push(parseInt(bits.slice(i, i + 8).join(""), 2));
  return bytes;
}

// interleaved divides the data into blocks, adds the error correction of each, and takes one codeword
// of each in turn. The first blocks may be one shorter than the last.
function interleaved(data, version) {
  const [correction, count] = blocks[version - 1];
  const length = Math.floor(data.length / count);
  const longer = count - (data.length % count); // the first of these
  const parts = [];
  for (let i = 0, at = 0; i < count; i++) {
    const end = at + length + (i >= longer ? 1 : 0);
    parts.push(data.slice(at, end));
    at = end;
  }
  const turns = (lists, most) => Array.from({ length: most }, (_, i) => lists.filter((l) => i < l.length).map((l) => l[i])).flat();
  return [...turns(parts, length + 1), ...turns(parts.map((p) => remainder(p, correction)), correction)];
}

// Powers of 2 and their logarithms in the field of 256 elements.
const power = [1];
for (let i = 1; i < 255; i++) power.push((power[i - 1] << 1) ^ (power[i - 1] & 0x80 ? 0x11d : 0));
const logarithm = Object.fromEntries(power.map((value, i) => [value, i]));
const times = (a, b) => (a && b ? power[(logarithm[a] + logarithm[b]) % 255] : 0);

// remainder is the Reed-Solomon error correction of a block.
function remainder(data, length) {
  let generator = [1];
  for (let i = 0; i < length; i++) {
    generator = [...generator, 0].map((c, at) => c ^ times(generator[at - 1] || 0, power[i]));
  }
  const rest = [...data, ...new Array(length).fill(0)];
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i];
    generator.forEach((c, at) => { rest[i + at] ^= times(c, factor); });
  }
  return rest.slice(data.length);
}

// ---- the symbol

// functionPatterns is a symbol with everything but the data, where there is null. Its format is that of
// the first mask.
function functionPatterns(version) {
  const size = 17 + 4 * version;
  const symbol = Array.from({ length: size }, () => new Array(size).fill(null));
  const set = (x, y, dark) => { if (symbol[y]?.[x] !== undefined) symbol[y][x] = dark; };
  const square = (x, y, radius, light) => {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) set(x + dx, y + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  };
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  const last = size - 7;
  const centres = version < 2 ? [] : version < 7 ? [6, last] : [6, (last + 6) / 2, last];
  const corner = (x, y) => x + y === 12 || (x + y === last + 6 && (x === 6 || y === 6));
  for (const x of centres) for (const y of centres) if (!corner(x, y)) square(x, y, 2, [1]);
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, [2, 4]);
  if (version >= 7) {
    const bits = withCheck(version, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
      const [near, far] = [Math.floor(i / 3), size - 11 + (i % 3)];
      symbol[near][far] = symbol[far][near] = ((bits >> i) & 1) === 1;
    }
  }
  writeFormat(symbol, 0);
  return symbol;
}

// writeFormat writes level M and the mask twice, and the module that is always dark.
function writeFormat(symbol, mask) {
  const size = symbol.length;
  const bits = withCheck(mask, 10, 0x537) ^ 0x5412; // level M is 00
  for (let i = 0; i < 15; i++) {
    const dark = ((bits >> i) & 1) === 1;
    const down = i < 6 ? i : i < 8 ? i + 1 : size - 15 + i;
    const across = i < 8 ? size - 1 - i : i === 8 ? 7 : 14 - i;
    symbol[down][8] = dark;
    symbol[8][across] = dark;
  }
  symbol[size - 8][8] = true;
}

// withCheck is a value followed by its BCH code of so many bits.
function withCheck(value, bits, polynomial) {
  let rest = value << bits;
  for (let i = 31 - Math.clz32(rest); i >= bits; i = 31 - Math.clz32(rest)) rest ^= polynomial << (i - bits);
  return (value << bits) | rest;
}

const masks = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

// fill writes the codewords where nothing is yet: in columns of two, from the right, up and down in turn.
function fill(symbol, codewords, mask) {
  const size = symbol.length;
  let at = 0;
  let up = true;
  for (let right = size - 1; right > 0; right -= 2, up = !up) {
    if (right === 6) right = 5; // the timing pattern is no part of a column
    for (let i = 0; i < size; i++) {
      const y = up ? size - 1 - i : i;
      for (const x of [right, right - 1]) {
        if (symbol[y][x] !== null) continue;
        const bit = (codewords[at >> 3] >> (7 - (at & 7))) & 1; // none is left for the last few
        symbol[y][x] = (bit === 1) !== mask(x, y);
        at++;
      }
    }
  }
}

// penalty is high for symbols that readers may find hard (section 7.8.3).
function penalty(symbol) {
  const size = symbol.length;
  const columns = symbol.map((_, x) => symbol.map((row) => row[x]));
  let cost = 0;
  for (const line of [...symbol, ...columns]) {
    const text = line.map(Number).join("");
    for (const run of text.match(/0{5,}|1{5,}/gu) || []) cost += run.length - 2;
    for (const _ of text.matchAll(/(?=00001011101|10111010000)/gu)) cost += 40;
  }
  let dark = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const is = symbol[y][x];
      dark += is;
      if (x && y && is === symbol[y - 1][x] && is === symbol[y][x - 1] && is === symbol[y - 1][x - 1]) cost += 3;
    }
  }
  return cost + 10 * Math.floor(Math.abs((dark * 20) / (size * size) - 10));
}
