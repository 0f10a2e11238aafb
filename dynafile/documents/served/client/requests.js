// Requests: JSON over HTTP, with who asks, and with errors that tell what was refused.

import { DocumentsError, errorOf } from "./errors.js";

/** @import { Session } from "./session.js" */

const TOKEN_CODES = new Set(["ExpiredToken", "InvalidToken"]);

/** Asks a server. */
export class Requests {
  #url;
  #key;
  #fetch;
  /** @type {Set<AbortController>} */
  #underWay = new Set();
  #closed = false;

  /**
   * @param {URL} url
   * @param {string | undefined} key
   * @param {typeof globalThis.fetch} fetch
   */
  constructor(url, key, fetch) {
    this.#url = url;
    this.#key = key;
    this.#fetch = fetch;
    /** @type {Session | null} */
    this.session = null;
  }

  /** The API key, if there is one. */
  get key() {
    return this.#key;
  }

  /**
   * Return the address of a WebSocket.
   * @param {string} address
   */
  socketUrl(address) {
    const url = new URL(address, this.#url);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    return url;
  }

  /**
   * Return what the server answers; throws what it refuses. With the token of the user, which is
   * made anew once where it was refused: what is refused for that was not done.
   * @param {string} method
   * @param {string} address
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async ask(method, address, body) {
    const token = (await this.session?.token()) ?? null;
    const uid = this.session?.user?.uid;
    try {
      return await this.askAs(token, method, address, body);
    } catch (error) {
      if (!token || !isOfToken(error)) throw error;
      const another = (await this.session?.token(token)) ?? null;
      // Not as somebody who has logged in since, nor as who only has the key.
      if (another === null || this.session?.user?.uid !== uid) throw error;
      return this.askAs(another, method, address, body);
    }
  }

  /**
   * @param {string | null} token of the user who asks.
   * @param {string} method
   * @param {string} address
   * @param {unknown} [body]
   * @returns {Promise<any>}
   */
  async askAs(token, method, address, body) {
    this.checkOpen();
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (this.#key) headers["x-api-key"] = this.#key;
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    const control = new AbortController();
    this.#underWay.add(control);
    let answer, text;
    try {
      answer = await this.#fetch(new URL(address, this.#url), {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: control.signal,
        credentials: "omit",
        redirect: "error",
      });
      text = await answer.text();
    } catch (cause) {
      this.checkOpen();
      const detail =
        `${this.#url.origin} did not answer: ${cause instanceof Error ? cause.message : cause}. ` +
        "Where a change was sent, it may have been made all the same";
      throw new DocumentsError("ServerNotReachable", detail, { cause });
    } finally {
      this.#underWay.delete(control);
    }
    const found = parsed(text);
    if (!answer.ok || (found === undefined && answer.status !== 204)) {
      throw errorOf(found, answer.status);
    }
    return found;
  }

  /** Throw HandleClosed once it was closed. */
  checkOpen() {
    if (this.#closed) {
      throw new DocumentsError("HandleClosed", "this client of documents was closed: make another");
    }
  }

  /** End what is under way. */
  close() {
    this.#closed = true;
    for (const control of this.#underWay) control.abort();
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Say whether an access token was refused: it is too old, or its session was closed, which another
 * page may know of.
 * @param {unknown} error
 */
export function isOfToken(error) {
  return error instanceof DocumentsError && error.status === 401 && TOKEN_CODES.has(error.code);
}
