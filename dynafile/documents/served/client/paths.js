// Paths of documents and of fields, and ids that are made up.

import { DocumentsError, shown } from "./errors.js";

const HALF_SURROGATE = /\p{Surrogate}/u;
const NAMES = /`((?:[^`\\]|\\.)*)`|([^.`]+)/suy;
const LETTERS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const TIME_LETTERS = 9; // of microseconds
const RANDOM_LETTERS = 11;

/**
 * Say whether UTF-8 can express a text: whether it has no half of a surrogate pair.
 * @param {string} text
 */
export function isText(text) {
  return !HALF_SURROGATE.test(text);
}

/**
 * Return the segments of a path; throws InvalidDocumentPath.
 * @param {readonly unknown[]} path
 * @returns {readonly string[]}
 */
export function checkPath(path) {
  return Object.freeze(path.map(checkSegment));
}

/**
 * @param {unknown} segment
 * @returns {string}
 */
export function checkSegment(segment) {
  if (typeof segment !== "string") {
    throw wrongPath(`a segment of a path is text, not ${shown(segment)}`);
  }
  if (segment === "" || segment === "." || segment === "..") {
    throw wrongPath(`a segment of a path cannot be ${shown(segment)}: give a name or an id`);
  }
  if (segment.includes("/") || segment.includes("\0") || !isText(segment)) {
    throw wrongPath(
      `a segment of a path has no slash, no zero byte and no half of a surrogate pair, and ` +
        `${shown(segment)} has: give each segment by itself, db.doc("users", "ann")`,
    );
  }
  return segment;
}

/**
 * Return the address of a path, below the server's.
 * @param {readonly string[]} path
 */
export function addressOf(path) {
  return ["v1/documents", ...path.map(encodeURIComponent)].join("/");
}

/**
 * Return the names in the path of a field: `prices.\`1.5\`` has two.
 * @param {unknown} text
 * @returns {string[]}
 */
export function parseField(text) {
  /** @type {string[]} */
  const names = [];
  if (typeof text === "string" && isText(text)) {
    for (let at = 0; ; at++) {
      NAMES.lastIndex = at;
      const match = NAMES.exec(text);
      const name = match?.[1]?.replace(/\\(.)/gsu, "$1") ?? match?.[2];
      if (!name) break;
      names.push(name);
      at = NAMES.lastIndex;
      if (at === text.length) return names;
      if (text[at] !== ".") break;
    }
  }
  throw wrongPath(
    `${shown(text)} is no name of a field: names are not empty, and dots part them; put a name ` +
      "with a dot in backticks, as in 'prices.`1.5`'",
  );
}

/**
 * Return a name of a field as it stands in the path of a field.
 * @param {string} name
 */
export function quoteField(name) {
  if (name !== "" && !name.includes(".") && !name.includes("`")) return name;
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

let last = 0n;

/**
 * Return a new id: the time in microseconds and then chance, so that those made here grow.
 * @returns {string}
 */
export function newId() {
  let chance = 0n;
  for (const word of crypto.getRandomValues(new Uint32Array(3))) chance = (chance << 32n) | BigInt(word);
  const bits = BigInt(6 * RANDOM_LETTERS);
  let number = (BigInt(Date.now()) * 1000n << bits) | BigInt.asUintN(Number(bits), chance);
  if (number >> bits <= last >> bits) number = last + 1n + BigInt.asUintN(Number(bits) - 12, chance);
  last = number;
  let text = "";
  for (let left = TIME_LETTERS + RANDOM_LETTERS; left > 0; left--) {
    text = LETTERS[Number(number & 63n)] + text;
    number >>= 6n;
  }
  return text;
}

/** @param {string} detail */
function wrongPath(detail) {
  return new DocumentsError("InvalidDocumentPath", detail);
}
