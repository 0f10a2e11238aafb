// Queries: descriptions of which documents, in which order, how many; they never change.

import { shown, wrongArgument } from "./errors.js";
import { changesOf, isClosed } from "./live.js";
import { checkSegment, parseField } from "./paths.js";
import { checkValue, isPlainObject } from "./values.js";

/** @import { Live } from "./live.js" */
/** @import { Requests } from "./requests.js" */
/** @typedef {{requests: Requests, live: Live, documents: any}} Home */
/** @typedef {{values: any[], last?: string[]}} Cursor */
/** @typedef {{field: string, descending: boolean}} Order */
/** @typedef {{path: readonly string[], group?: boolean, where?: object[], orderBy?: Order[], limit?: number, startAt?: Cursor, startAfter?: Cursor, endAt?: Cursor, endBefore?: Cursor}} Description */
/** @typedef {"startAt" | "startAfter" | "endAt" | "endBefore"} CursorName */
/** @typedef {{since?: string, signal?: AbortSignal}} WatchOptions */
/** @typedef {{since?: string, onError?: (error: Error) => void}} SnapshotOptions */

const OPERATORS = new Set([
  "==", "!=", "<", "<=", ">", ">=", "in", "not-in", "array-contains", "array-contains-any",
]);
const LISTS = new Set(["in", "not-in", "array-contains-any"]);

/** What collections, documents, groups of collections and queries have of queries. */
export class Queryable {
  /** @type {Home} */
  _home;

  /** @param {Home} home */
  constructor(home) {
    this._home = home;
  }

  /** The database. */
  get db() {
    return this._home.documents;
  }

  /** @returns {Description} */
  _description() {
    throw new Error("not for this class");
  }

  /**
   * What is watched, as the server is told.
   * @returns {Record<string, unknown>}
   */
  _target() {
    return { query: this._description() };
  }

  /** @param {Partial<Description>} more */
  #with(more) {
    return new Query(this._home, { ...this._description(), ...more });
  }

  // -- describing --------------------------------------------------------------------------------

  /**
   * @param {string} field
   * @param {string} op
   * @param {unknown} value
   */
  where(field, op, value) {
    parseField(field);
    if (!OPERATORS.has(op)) {
      throw wrongArgument(`${shown(op)} is no condition: there are ${[...OPERATORS].join(", ")}`);
    }
    if (LISTS.has(op) && !(Array.isArray(value) && value.length > 0)) {
      throw wrongArgument(`${op} compares with an array of at least one value`);
    }
    const condition = { field, op, value: checkValue(value, "the value of the condition") };
    return this.#with({ where: [...(this._description().where ?? []), condition] });
  }

  /**
   * @param {string} field
   * @param {"asc" | "desc"} [direction]
   */
  orderBy(field, direction = "asc") {
    parseField(field);
    if (direction !== "asc" && direction !== "desc") {
      throw wrongArgument(`direction is "asc" or "desc", not ${shown(direction)}`);
    }
    const { orderBy = [], startAt, startAfter, endAt, endBefore } = this._description();
    if (startAt || startAfter || endAt || endBefore) {
      throw wrongArgument("orderBy comes before startAfter, endBefore and the like");
    }
    return this.#with({ orderBy: [...orderBy, { field, descending: direction === "desc" }] });
  }

  /** @param {number} count */
  limit(count) {
    if (!Number.isSafeInteger(count) || count < 1) {
      throw wrongArgument(`limit is an integer from 1 on, not ${shown(count)}`);
    }
    return this.#with({ limit: count });
  }

  /** @param {...unknown} values */
  startAt(...values) {
    return this.#cut("startAt", values);
  }

  /** @param {...unknown} values */
  startAfter(...values) {
    return this.#cut("startAfter", values);
  }

  /** @param {...unknown} values */
  endAt(...values) {
    return this.#cut("endAt", values);
  }

  /** @param {...unknown} values */
  endBefore(...values) {
    return this.#cut("endBefore", values);
  }

  /**
   * @param {CursorName} name
   * @param {unknown[]} values
   */
  #cut(name, values) {
    return this.#with({ [name]: cursorOf(this._description(), values) });
  }

  // -- executing ---------------------------------------------------------------------------------

  /** @returns {Promise<any[]>} */
  async stream() {
    const { documents } = await this._verb("query", {});
    return documents;
  }

  /** @returns {Promise<number>} */
  async count() {
    return (await this._verb("aggregate", { kind: "count" })).value;
  }

  /**
   * @param {string} field
   * @returns {Promise<number>}
   */
  async sum(field) {
    parseField(field);
    return (await this._verb("aggregate", { kind: "sum", field })).value;
  }

  /**
   * @param {string} field
   * @returns {Promise<number | null>}
   */
  async average(field) {
    parseField(field);
    return (await this._verb("aggregate", { kind: "average", field })).value;
  }

  /** @returns {Promise<any>} */
  async explain() {
    return this._verb("explain", {});
  }

  /**
   * @param {string} verb
   * @param {object} more
   */
  _verb(verb, more) {
    const body = { query: this._description(), ...more };
    return this._home.requests.ask("POST", `v1/documents:${verb}`, body);
  }

  // -- listening ---------------------------------------------------------------------------------

  /**
   * @param {(change: any) => void} callback
   * @param {SnapshotOptions} [options]
   * @returns {() => void}
   */
  onSnapshot(callback, options = {}) {
    checkOptions(options, ["since", "onError"]);
    if (typeof callback !== "function") throw wrongArgument("onSnapshot takes a function");
    const { live } = this._home;
    const subscription = live.subscribe(this._target(), options.since, {
      told: (change) => guarded(callback, change),
      failed: (error) => {
        if (isClosed(error)) return;
        if (options.onError) guarded(options.onError, error);
        else report(error);
      },
    });
    return () => live.unsubscribe(subscription);
  }

  /**
   * @param {WatchOptions} [options]
   * @returns {AsyncGenerator<any, void, void>}
   */
  watch(options = {}) {
    checkOptions(options, ["since", "signal"]);
    return changesOf(this._home.live, this._target(), options);
  }
}

/** A query. Each method that narrows it returns another one. */
export class Query extends Queryable {
  #described;

  /**
   * @param {Home} home
   * @param {Description} described
   */
  constructor(home, described) {
    super(home);
    this.#described = Object.freeze(described);
    Object.freeze(this);
  }

  _description() {
    return this.#described;
  }

  /** @returns {Promise<any>} */
  async get() {
    const found = await this.stream();
    const name = this.#described.group ? "path" : "id";
    return Object.fromEntries(found.map((each) => [each[name], each.value]));
  }

  async exists() {
    return (await this.count()) > 0;
  }
}

/**
 * Refuse options that are not known, lest one be overlooked that was meant.
 * @param {object} options
 * @param {readonly string[]} known
 */
export function checkOptions(options, known) {
  if (!isPlainObject(options)) throw wrongArgument(`options are an object, not ${shown(options)}`);
  const other = Object.keys(options).find((name) => !known.includes(name));
  if (other !== undefined) {
    throw wrongArgument(`${shown(other)} is no option here: there are ${known.join(", ")}`);
  }
}

/**
 * Return a place in the order of a query: values of its fields and an id, or what stream() gave.
 * @param {Description} query
 * @param {unknown[]} values
 * @returns {Cursor}
 */
function cursorOf(query, values) {
  const fields = (query.orderBy ?? []).map(({ field }) => field);
  const [first] = values;
  if (values.length === 1 && isPlainObject(first) && "id" in first && "value" in first) {
    const place = fields.map((field) => checkValue(valueAt(first.value, field), field));
    return { values: place, last: lastOf(query, query.group ? first.path : first.id) };
  }
  if (values.length === 0 || values.length > fields.length + 1) {
    throw wrongArgument(
      `a cursor has a value for each orderBy, here ${fields.length}, and then an id: call orderBy ` +
        "first",
    );
  }
  const place = values.slice(0, fields.length).map((value) => checkValue(value, "the cursor"));
  if (values.length <= fields.length) return { values: place };
  return { values: place, last: lastOf(query, values[fields.length]) };
}

/**
 * @param {Description} query
 * @param {unknown} last
 */
function lastOf(query, last) {
  if (typeof last !== "string") throw wrongArgument(`a cursor ends with an id, not ${shown(last)}`);
  return query.group ? last.split("/").map(checkSegment) : [checkSegment(last)];
}

/**
 * @param {any} value
 * @param {string} field
 */
function valueAt(value, field) {
  for (const name of parseField(field)) {
    if (!isPlainObject(value) || !Object.hasOwn(value, name)) {
      throw wrongArgument(`the element has no ${field}, by which orderBy orders`);
    }
    value = value[name];
  }
  return value;
}

/**
 * Call what a user gave; what it throws is reported, and stops nobody else.
 * @template T
 * @param {(value: T) => void} call
 * @param {T} value
 */
function guarded(call, value) {
  try {
    call(value);
  } catch (error) {
    report(error);
  }
}

/** @param {unknown} error */
function report(error) {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}
