// The user's session: tokens that are kept, and made anew before they are too old.

import { DocumentsError } from "./errors.js";

/** @import { Requests } from "./requests.js" */
/** @typedef {{uid: string, email: string, claims: Record<string, any>, accessToken: string, refreshToken: string, renewAt: number}} Tokens */
/** @typedef {{getItem(name: string): string | null, setItem(name: string, text: string): void, removeItem(name: string): void}} Kept */

const LONGEST_MARGIN = 30_000; // milliseconds before its end at which a token is made anew
const PASSING = new Set([0, 408, 429]);

/** Who is logged in, in this client. */
export class Session {
  #requests;
  #storage;
  #name;
  #changed;
  /** @type {Tokens | null} */
  #tokens;
  /** @type {Promise<string | null> | null} */
  #refreshing = null;

  /**
   * @param {Requests} requests
   * @param {Kept | undefined} storage where tokens outlive the page; otherwise they do not.
   * @param {string} name of what is kept there.
   * @param {(user: boolean) => void} changed called where there is another token, or another user.
   */
  constructor(requests, storage, name, changed) {
    this.#requests = requests;
    this.#storage = storage;
    this.#name = name;
    this.#changed = changed;
    this.#tokens = this.#kept();
  }

  /** The user, or null. */
  get user() {
    if (this.#tokens === null) return null;
    const { uid, email, claims } = this.#tokens;
    return Object.freeze({ uid, email, claims });
  }

  /** When the token is made anew, in milliseconds since 1970; null without one. */
  get renewAt() {
    return this.#tokens?.renewAt ?? null;
  }

  /**
   * Return a token that counts; null where nobody is logged in. Those who ask while it is made anew
   * wait for the same one.
   * @param {string} [refused] a token that the server refused.
   * @returns {Promise<string | null>}
   */
  async token(refused) {
    const tokens = this.#tokens;
    if (tokens === null) return null;
    if (tokens.accessToken !== refused && Date.now() < tokens.renewAt) return tokens.accessToken;
    this.#refreshing ??= locked(this.#name, () => this.#refresh(tokens)).finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /**
   * Sign up or log in.
   * @param {"signup" | "login"} how
   * @param {string} email
   * @param {string} password
   */
  async enter(how, email, password) {
    await this.#settled();
    this.#take(await this.#requests.askAs(null, "POST", `v1/auth/${how}`, { email, password }), true);
    return this.user;
  }

  /**
   * @param {string} password
   * @param {string} newPassword
   */
  async changePassword(password, newPassword) {
    const body = { password, newPassword };
    this.#take(await this.#requests.ask("POST", "v1/auth/password", body), false);
  }

  /** Log out: here in any case, and at the server, unless it does not answer. */
  async leave() {
    await this.#settled();
    const tokens = this.#tokens;
    if (tokens === null) return;
    this.#keep(null);
    this.#changed(true);
    const { refreshToken } = tokens;
    await this.#requests.askAs(null, "POST", "v1/auth/logout", { refreshToken });
  }

  /**
   * @param {Tokens} tokens
   * @returns {Promise<string | null>}
   */
  async #refresh(tokens) {
    const kept = this.#storage ? this.#kept() : tokens;
    if (kept === null || kept.uid !== tokens.uid) {
      this.#end();
      throw new DocumentsError("InvalidToken", "the user was logged out elsewhere; log in again");
    }
    if (kept.refreshToken !== tokens.refreshToken) {
      this.#tokens = tokens = kept; // another page has made it anew; each token is used once
      this.#changed(false);
      if (Date.now() < kept.renewAt) return kept.accessToken;
    }
    const { refreshToken } = tokens;
    try {
      this.#take(await this.#requests.askAs(null, "POST", "v1/auth/refresh", { refreshToken }), false);
    } catch (error) {
      const status = error instanceof DocumentsError ? error.status : 0;
      if (status < 500 && !PASSING.has(status)) this.#end();
      throw error;
    }
    return this.#tokens?.accessToken ?? null;
  }

  async #settled() {
    await this.#refreshing?.catch(() => null);
  }

  #end() {
    this.#keep(null);
    this.#changed(true);
  }

  /**
   * @param {any} answer
   * @param {boolean} user whether it is another one.
   */
  #take(answer, user) {
    const { uid, email, claims = {}, accessToken, refreshToken, expiresIn } = answer ?? {};
    if (typeof accessToken !== "string" || typeof refreshToken !== "string" || !(expiresIn > 0)) {
      throw new DocumentsError("ServerFailed", "the server answered without tokens");
    }
    const margin = Math.min(LONGEST_MARGIN, 100 * expiresIn);
    const renewAt = Date.now() + 1000 * expiresIn - margin;
    this.#keep({ uid, email, claims, accessToken, refreshToken, renewAt });
    this.#changed(user);
  }

  /** @param {Tokens | null} tokens */
  #keep(tokens) {
    this.#tokens = tokens;
    try {
      if (tokens === null) this.#storage?.removeItem(this.#name);
      else this.#storage?.setItem(this.#name, JSON.stringify(tokens));
    } catch {
      this.#storage = undefined; // it has no room, or the user forbids it: in memory only
    }
  }

  /** @returns {Tokens | null} */
  #kept() {
    try {
      const kept = JSON.parse(this.#storage?.getItem(this.#name) ?? "null");
      return typeof kept?.refreshToken === "string" ? kept : null;
    } catch {
      return null;
    }
  }
}

/**
 * Do something while no other page of the site does it.
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} act
 * @returns {Promise<T>}
 */
async function locked(name, act) {
  const locks = globalThis.navigator?.locks;
  return locks ? await locks.request(name, act) : await act();
}
