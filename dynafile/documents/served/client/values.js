// Values of documents: what JSON can say, checked before anything is sent; and transforms.

import { DocumentsError, shown } from "./errors.js";
import { isText, parseField, quoteField } from "./paths.js";

const MOST_LEVELS = 100;
const INTEGERS_WITHOUT_EXPONENT = 1e21; // beyond, JavaScript writes 1e+21, which is no integer

/** A value that is worked out by the server from what a document has. */
export class Transform {
  #said;

  /** @param {unknown} said as JSON says it. */
  constructor(said) {
    this.#said = said;
    Object.freeze(this);
  }

  /** What JSON says of it. */
  get said() {
    return this.#said;
  }
}

/**
 * Add a number to a field.
 * @param {number} [by]
 */
export function increment(by = 1) {
  if (typeof by !== "number") {
    throw refused("", `increment is by a number, not by ${shown(by)}`);
  }
  return new Transform({ increment: checkValue(by, "increment") });
}

/**
 * Append those values that an array does not have.
 * @param {...unknown} values
 */
export function arrayUnion(...values) {
  return new Transform({ arrayUnion: checkValue(values, "arrayUnion") });
}

/**
 * Remove all that equals one of some values from an array.
 * @param {...unknown} values
 */
export function arrayRemove(...values) {
  return new Transform({ arrayRemove: checkValue(values, "arrayRemove") });
}

const SERVER_TIME = new Transform("serverTime");
const DELETE_FIELD = new Transform("delete");

/** The time of the commit, as text. */
export function serverTimestamp() {
  return SERVER_TIME;
}

/** In an update: no such field any more. */
export function deleteField() {
  return DELETE_FIELD;
}

/**
 * Return a copy of a value that JSON can say; throws InvalidDocument, with the place in the value.
 * @param {unknown} value
 * @param {string} where its place, for messages.
 * @returns {any}
 */
export function checkValue(value, where) {
  return copied(value, where, [], null);
}

/**
 * Return a value without its transforms, and these by the paths of their fields.
 * @param {unknown} value
 * @param {boolean} update whether its own names are paths of fields.
 * @returns {{value: any, transforms: Record<string, unknown>}}
 */
export function splitValue(value, update) {
  /** @type {Record<string, unknown>} */
  const transforms = Object.create(null);
  if (!update) return { value: copied(value, "", [], { transforms, field: "" }), transforms };
  if (!isPlainObject(value)) {
    throw refused("", `an update is an object of fields and their values, not ${kindOf(value)}`);
  }
  const names = Object.keys(value);
  if (names.length === 0) throw refused("", "an update needs a field at least, and {} has none");
  /** @type {Record<string, unknown>} */
  const rest = Object.create(null);
  for (const name of names) {
    const field = parseField(name).map(quoteField).join(".");
    const each = value[name];
    if (each instanceof Transform) transforms[field] = each.said;
    else rest[name] = copied(each, name, [value], { transforms, field });
  }
  return { value: rest, transforms };
}

/**
 * Copy a value, and put the transforms of its objects aside where there is a place for them.
 * @param {unknown} value
 * @param {string} where
 * @param {unknown[]} around what it is in.
 * @param {{transforms: Record<string, unknown>, field: string} | null} aside
 * @returns {unknown}
 */
function copied(value, where, around, aside) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return checkText(value, where);
  if (typeof value === "number") return checkNumber(value, where);
  if (value instanceof Transform) {
    throw refused(where, `a transform ${at(where)} is not possible: it is the value of a field`);
  }
  if (!Array.isArray(value) && !isPlainObject(value)) {
    throw refused(where, `${kindOf(value)} ${at(where)} cannot be stored: ${advice(value)}`);
  }
  if (around.includes(value)) {
    throw refused(where, `what is ${at(where)} contains itself, which JSON cannot say`);
  }
  if (around.length >= MOST_LEVELS) {
    throw refused(where, `a document has at most ${MOST_LEVELS} levels, and ${at(where)} are more`);
  }
  const inside = [...around, value];
  if (Array.isArray(value)) {
    return Array.from(value, (each, index) => copied(each, `${where}[${index}]`, inside, null));
  }
  if (Object.getOwnPropertySymbols(value).length > 0) {
    throw refused(where, `the names in an object are text, and ${at(where)} is a symbol`);
  }
  /** @type {Record<string, unknown>} */
  const found = Object.create(null); // in which "__proto__" is a name as any other
  for (const name of Object.keys(value)) {
    if (name === "") throw refused(where, `an empty name ${at(where)} cannot be stored`);
    const place = where ? `${where}.${name}` : name;
    checkText(name, place);
    const each = value[name];
    if (aside === null) {
      found[name] = copied(each, place, inside, null);
      continue;
    }
    const quoted = quoteField(name);
    const field = aside.field ? `${aside.field}.${quoted}` : quoted;
    if (each instanceof Transform) aside.transforms[field] = each.said;
    else found[name] = copied(each, place, inside, { ...aside, field });
  }
  return found;
}

/**
 * @param {string} text
 * @param {string} where
 */
function checkText(text, where) {
  if (isText(text)) return text;
  throw refused(where, `the text ${at(where)} has half of a surrogate pair, which is no Unicode`);
}

/**
 * @param {number} number
 * @param {string} where
 */
function checkNumber(number, where) {
  if (!Number.isFinite(number)) {
    throw refused(where, `${number} ${at(where)} cannot be stored: store null, or text`);
  }
  const whole = Number.isInteger(number) && Math.abs(number) < INTEGERS_WITHOUT_EXPONENT;
  if (whole && !Number.isSafeInteger(number)) {
    throw refused(
      where,
      `${number} ${at(where)} may be another integer than was meant, as JavaScript rounds those ` +
        "beyond 2^53: store text",
    );
  }
  return number;
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isPlainObject(value) {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  // An object of another window has another Object.prototype, above which there is none either.
  return prototype === null || (Object.hasOwn(prototype, "isPrototypeOf") && Object.getPrototypeOf(prototype) === null);
}

/** @param {unknown} value */
function kindOf(value) {
  if (value === undefined || value === null) return String(value);
  if (typeof value === "object") return `a ${value.constructor?.name || "object of a class"}`;
  return `a ${typeof value}`;
}

/** @param {unknown} value */
function advice(value) {
  if (value === undefined) return "leave it out, or store null";
  if (value instanceof Date) return "store text, such as toISOString()";
  if (value instanceof Map) return "give Object.fromEntries(map)";
  if (value instanceof Set) return "give an array, [...set]";
  if (typeof value === "bigint") return "store text";
  return "JSON has text, numbers, true, false, null, arrays and plain objects";
}

/** @param {string} where */
function at(where) {
  return where ? `at ${where.length > 200 ? `${where.slice(0, 200)}…` : where}` : "at the top";
}

/**
 * @param {string} path
 * @param {string} detail
 */
function refused(path, detail) {
  return new DocumentsError("InvalidDocument", detail, { problem: { path } });
}
