// Documents of a server, for browsers and Node.js from 20 on: an ES module, without dependencies.

import { shown, wrongArgument } from "./errors.js";
import { Live } from "./live.js";
import { checkPath, checkSegment } from "./paths.js";
import { Query, checkOptions } from "./queries.js";
import { Batch, Reference } from "./references.js";
import { Requests } from "./requests.js";
import { Session } from "./session.js";

export { DocumentsError } from "./errors.js";
export { arrayRemove, arrayUnion, deleteField, increment, serverTimestamp } from "./values.js";

/** @import { Home } from "./queries.js" */
/** @import { Kept } from "./session.js" */
/** @typedef {{url?: string | URL, apiKey?: string, storage?: Kept, onConnection?: (connected: boolean) => void, fetch?: typeof fetch, WebSocket?: typeof WebSocket}} Options */

const OPTIONS = ["url", "apiKey", "storage", "onConnection", "fetch", "WebSocket"];

/** The documents of a server. */
class Documents {
  #home;
  #session;

  /**
   * @param {URL} url
   * @param {Options} options
   */
  constructor(url, options) {
    const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    const requests = new Requests(url, options.apiKey, fetch);
    const socket = options.WebSocket ?? globalThis.WebSocket;
    const live = new Live(requests, socket, options.onConnection ?? (() => {}));
    const name = `dynafile-documents:${url}`;
    this.#session = new Session(requests, options.storage, name, (user) => live.changed(user));
    requests.session = this.#session;
    /** @type {Home} */
    this.#home = Object.freeze({ requests, live, documents: this });
    Object.freeze(this);
  }

  /** @param {...string} path */
  doc(...path) {
    return new Reference(this.#home, checkPath(path));
  }

  /** @param {string} name */
  collectionGroup(name) {
    return new Query(this.#home, { path: [checkSegment(name)], group: true });
  }

  batch() {
    return new Batch(this.#home);
  }

  get user() {
    return this.#session.user;
  }

  /**
   * @param {string} email
   * @param {string} password
   */
  async signup(email, password) {
    return this.#session.enter("signup", email, password);
  }

  /**
   * @param {string} email
   * @param {string} password
   */
  async login(email, password) {
    return this.#session.enter("login", email, password);
  }

  async logout() {
    await this.#session.leave();
  }

  /**
   * @param {string} password
   * @param {string} newPassword
   */
  async changePassword(password, newPassword) {
    await this.#session.changePassword(password, newPassword);
  }

  close() {
    this.#home.live.close();
    this.#home.requests.close();
  }
}

/**
 * Return the documents of a server; nothing is sent yet.
 * @param {Options} [options]
 */
export function connect(options = {}) {
  checkOptions(options, OPTIONS);
  const { url = new URL("..", import.meta.url), apiKey } = options;
  const found = URL.canParse(url) ? new URL(url) : null;
  if (found === null || !/^https?:$/.test(found.protocol)) {
    throw wrongArgument(`url is that of a server, such as "https://example.com/", not ${shown(url)}`);
  }
  if (apiKey !== undefined && !(typeof apiKey === "string" && /^[\x21-\x7e]+$/.test(apiKey))) {
    throw wrongArgument("apiKey is text that begins with mb-, from client-config.json");
  }
  found.search = found.hash = "";
  if (!found.pathname.endsWith("/")) found.pathname += "/";
  return new Documents(found, options);
}
