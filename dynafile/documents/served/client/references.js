// References: paths in a database, which never change and do nothing until they are asked.

import { DocumentsError, wrongArgument } from "./errors.js";
import { addressOf, checkPath, checkSegment, newId } from "./paths.js";
import { Queryable, checkOptions } from "./queries.js";
import { splitValue } from "./values.js";

/** @import { Home } from "./queries.js" */
/** @typedef {{key?: string, exists?: boolean, lastUpdate?: string, matching?: object}} ChangeOptions */
/** @typedef {"set" | "add" | "update" | "delete"} Kind */

const OPTIONS = ["key", "exists", "lastUpdate"];

/** The path of a collection, a document, or a field inside a document. */
export class Reference extends Queryable {
  #path;

  /**
   * @param {Home} home
   * @param {readonly string[]} path
   */
  constructor(home, path) {
    super(home);
    this.#path = path;
    Object.freeze(this);
  }

  // -- where it is -------------------------------------------------------------------------------

  get segments() {
    return this.#path;
  }

  get path() {
    return this.#path.join("/");
  }

  get id() {
    return this.#path.at(-1) ?? "";
  }

  get parent() {
    return new Reference(this._home, Object.freeze(this.#path.slice(0, -1)));
  }

  /** @param {...string} segments */
  append(...segments) {
    return new Reference(this._home, checkPath([...this.#path, ...segments]));
  }

  /** @param {string} [id] */
  document(id) {
    if (this.#path.length % 2 === 0) {
      throw wrongArgument(`document() is for a collection, and ${this.path || "the root"} is none`);
    }
    return this.append(id === undefined ? newId() : id);
  }

  /** @param {string} name */
  collection(name) {
    if (this.#path.length % 2) {
      throw wrongArgument(`collection() is for a document or the root, and ${this.path} is neither`);
    }
    return this.append(name);
  }

  toString() {
    return this.path;
  }

  // -- reading -----------------------------------------------------------------------------------

  /** @returns {Promise<any>} */
  async get() {
    const found = await this.#read("");
    if (found === undefined || !("documents" in found)) return found?.value;
    const documents = found.documents;
    for (let next = found.next; next !== null; ) {
      const page = await this.#read(`?after=${encodeURIComponent(next)}`);
      documents.push(...page.documents);
      next = page.next;
    }
    return Object.fromEntries(documents.map((/** @type {any} */ each) => [each.id, each.value]));
  }

  async exists() {
    const collection = this.#path.length % 2 === 1;
    const found = await this.#read(collection ? "?limit=1" : "");
    if (this.#path.length === 0) return Object.keys(found.value).length > 0;
    return found !== undefined && (!("documents" in found) || found.documents.length > 0);
  }

  /** @returns {Promise<string | undefined>} */
  async lastUpdate() {
    return (await this.#read(""))?.lastUpdate;
  }

  /**
   * Return what the server has; undefined where there is nothing.
   * @param {string} parameters
   */
  async #read(parameters) {
    try {
      return await this._home.requests.ask("GET", addressOf(this.#path) + parameters);
    } catch (error) {
      if (error instanceof DocumentsError && error.code === "DocumentNotFound") return undefined;
      throw error;
    }
  }

  _description() {
    if (this.#path.length > 0) return { path: this.#path };
    throw wrongArgument("a query is of a collection or a document: name the collection");
  }

  _target() {
    return { path: this._description().path };
  }

  // -- writing -----------------------------------------------------------------------------------

  /**
   * @param {unknown} value
   * @param {ChangeOptions} [options]
   * @returns {Promise<string>}
   */
  async set(value, options) {
    return this.#make(changeOf("set", this, value, options));
  }

  /**
   * @param {unknown} value
   * @param {ChangeOptions} [options]
   * @returns {Promise<string>}
   */
  async add(value, options) {
    return this.#make(changeOf("add", this, value, options));
  }

  /**
   * @param {unknown} value
   * @param {ChangeOptions} [options]
   * @returns {Promise<string>}
   */
  async update(value, options) {
    return this.#make(changeOf("update", this, value, options));
  }

  /**
   * @param {ChangeOptions} [options]
   * @returns {Promise<any>}
   */
  async delete(options = {}) {
    return this.#make(deletionOf(this, options));
  }

  /** @param {object} change */
  async #make(change) {
    return (await commit(this._home, [change]))[0];
  }
}

/** Changes that commit() makes all or none of. */
export class Batch {
  #home;
  /** @type {object[]} */
  #changes = [];
  #over = false;

  /** @param {Home} home */
  constructor(home) {
    this.#home = home;
  }

  get size() {
    return this.#changes.length;
  }

  /**
   * @param {Reference} ref
   * @param {unknown} value
   * @param {ChangeOptions} [options]
   */
  set(ref, value, options) {
    return this.#collect(changeOf("set", this.#own(ref), value, options));
  }

  /**
   * @param {Reference} ref
   * @param {unknown} value
   * @param {ChangeOptions} [options]
   */
  add(ref, value, options) {
    return this.#collect(changeOf("add", this.#own(ref), value, options));
  }

  /**
   * @param {Reference} ref
   * @param {unknown} value
   * @param {ChangeOptions} [options]
   */
  update(ref, value, options) {
    return this.#collect(changeOf("update", this.#own(ref), value, options));
  }

  /**
   * @param {Reference} ref
   * @param {ChangeOptions} [options]
   */
  delete(ref, options = {}) {
    return this.#collect(deletionOf(this.#own(ref), options));
  }

  /** @returns {Promise<any[]>} */
  async commit() {
    this.#checkOpen();
    this.#over = true;
    return commit(this.#home, this.#changes);
  }

  /** @param {object} change */
  #collect(change) {
    this.#checkOpen();
    this.#changes.push(change);
    return this;
  }

  /** @param {Reference} ref */
  #own(ref) {
    if (ref instanceof Reference && ref.db === this.#home.documents) return ref;
    throw wrongArgument("a batch changes what references of its own database point to");
  }

  #checkOpen() {
    if (this.#over) throw wrongArgument("the batch is over: make another with db.batch()");
  }
}

/**
 * Return a change as JSON says it; throws before anything is sent.
 * @param {"set" | "add" | "update"} kind
 * @param {Reference} ref
 * @param {unknown} value
 * @param {ChangeOptions} [options]
 */
function changeOf(kind, ref, value, options = {}) {
  const { value: rest, transforms } = splitValue(value, kind === "update");
  const transformed = Object.keys(transforms).length > 0 ? { transforms } : {};
  return { kind, path: ref.segments, value: rest, ...transformed, ...optionsOf(options, OPTIONS) };
}

/**
 * @param {Reference} ref
 * @param {ChangeOptions} options
 */
function deletionOf(ref, options) {
  const { matching, ...more } = optionsOf(options, [...OPTIONS, "matching"]);
  const change = { kind: "delete", path: ref.segments, ...more };
  if (matching === undefined) return change;
  const { value, transforms } = splitValue(matching, true);
  if (Object.keys(transforms).length > 0) throw wrongArgument("matching has values, no transforms");
  return { ...change, value };
}

/**
 * @param {ChangeOptions} options
 * @param {readonly string[]} known
 * @returns {ChangeOptions}
 */
function optionsOf(options, known) {
  checkOptions(options, known);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  if (options.key !== undefined) checkSegment(options.key);
  if (options.exists !== undefined && typeof options.exists !== "boolean") {
    throw wrongArgument("exists is true or false");
  }
  if (options.lastUpdate !== undefined && typeof options.lastUpdate !== "string") {
    throw wrongArgument("lastUpdate is what lastUpdate() or stream() gave");
  }
  return Object.fromEntries(given);
}

/**
 * @param {Home} home
 * @param {object[]} changes
 * @returns {Promise<any[]>}
 */
async function commit(home, changes) {
  if (changes.length === 0) return [];
  return (await home.requests.ask("POST", "v1/documents:batch", { changes })).results;
}
