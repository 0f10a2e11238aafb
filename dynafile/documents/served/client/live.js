// Listening: one WebSocket for all who listen, which is made again and goes on where each was.

import { DocumentsError, errorOf } from "./errors.js";
import { isOfToken } from "./requests.js";

/** @import { Requests } from "./requests.js" */
/** @typedef {{type: string, id: string | null, path: string, value: any, position: string}} Change */
/** @typedef {{told(change: Change): void, failed(error: Error): void}} Listener */

const SHORTEST_PAUSE = 100; // milliseconds
const LONGEST_PAUSE = 10_000;
const SILENCE = 15_000; // after which the server is asked whether it is still there
const MOST_WAITING = 256; // changes that nobody has taken; more stay at the server
const OPEN = 1;
const PASSING = new Set([408, 429]);

/** One who listens, and the position after which to go on. */
class Subscription {
  /**
   * @param {Record<string, unknown>} target
   * @param {string | undefined} since
   * @param {Listener} listener
   */
  constructor(target, since, listener) {
    this.target = target;
    this.position = since;
    this.listener = listener;
    /** @type {number | null} */
    this.number = null;
    this.paused = false;
  }
}

/** The connection of all who listen. */
export class Live {
  #requests;
  #make;
  #onConnection;
  /** @type {Set<Subscription>} */
  #all = new Set();
  /** @type {Map<number, Subscription>} */
  #numbers = new Map();
  #lastNumber = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {string | null} */
  #token = null;
  /** @type {string | undefined} */
  #refused;
  #connecting = false;
  #connected = false;
  #closed = false;
  #asked = false;
  #pause = SHORTEST_PAUSE;
  /** @type {{retry?: Timer, renew?: Timer, ask?: Timer}} */
  #timers = {};

  /**
   * @param {Requests} requests
   * @param {typeof WebSocket | undefined} make
   * @param {(connected: boolean) => void} onConnection
   */
  constructor(requests, make, onConnection) {
    this.#requests = requests;
    this.#make = make;
    this.#onConnection = onConnection;
    globalThis.addEventListener?.("online", this.#again);
  }

  /**
   * @param {Record<string, unknown>} target a path or a query.
   * @param {string | undefined} since
   * @param {Listener} listener
   */
  subscribe(target, since, listener) {
    this.#requests.checkOpen();
    if (this.#make === undefined) {
      const detail =
        "this runtime has no WebSocket: Node.js has one from 22 on, and 20 with " +
        "--experimental-websocket; or give one, connect({ WebSocket })";
      throw new DocumentsError("InvalidDocumentArgument", detail);
    }
    const subscription = new Subscription(target, since, listener);
    this.#all.add(subscription);
    this.#begin(subscription);
    return subscription;
  }

  /** @param {Subscription} subscription */
  unsubscribe(subscription) {
    this.#leave(subscription);
    this.#all.delete(subscription);
    if (this.#all.size === 0) this.#drop();
  }

  /**
   * Listen no more until resume, and go on there: what is not taken is kept by the server.
   * @param {Subscription} subscription
   */
  pause(subscription) {
    subscription.paused = true;
    this.#leave(subscription);
  }

  /** @param {Subscription} subscription */
  resume(subscription) {
    subscription.paused = false;
    if (this.#all.has(subscription)) this.#begin(subscription);
  }

  /**
   * Hear that there is another token, or another user, who may be told other things.
   * @param {boolean} user
   */
  changed(user) {
    if (!user) {
      void this.#sendToken();
      return;
    }
    for (const subscription of this.#all) subscription.position = undefined;
    if (this.#all.size === 0) return;
    this.#drop();
    this.#again();
  }

  /** End all who listen. */
  close() {
    this.#closed = true;
    globalThis.removeEventListener?.("online", this.#again);
    this.#drop();
    this.#failAll(new DocumentsError("HandleClosed", "this client of documents was closed"));
  }

  // -- the connection ----------------------------------------------------------------------------

  #again = () => {
    clearTimeout(this.#timers.retry);
    void this.#connect();
  };

  async #connect() {
    if (this.#socket || this.#connecting || this.#closed || this.#all.size === 0) return;
    this.#connecting = true;
    let token = null;
    try {
      token = (await this.#requests.session?.token(this.#refused)) ?? null;
    } catch {
      // Without an answer it is asked again below; a session that has ended is told by who refuses.
      token = null;
      if (this.#requests.session?.user) return this.#retry();
    } finally {
      this.#connecting = false;
    }
    if (this.#closed || this.#all.size === 0 || this.#make === undefined) return;
    this.#refused = undefined;
    this.#token = token;
    let socket;
    try {
      socket = new this.#make(this.#requests.socketUrl("v1/live"));
    } catch (cause) {
      // Such as ws: in a page of https:, which no later attempt makes better.
      const detail = `no WebSocket can be made: ${cause instanceof Error ? cause.message : cause}`;
      this.#failAll(new DocumentsError("ServerNotReachable", detail, { cause }));
      return;
    }
    this.#socket = socket;
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#hear(data);
    // In Node.js 20 a connection that is not made has an error, and no end.
    socket.onclose = socket.onerror = () => {
      if (this.#socket !== socket) return;
      this.#drop();
      this.#retry();
    };
  }

  #opened() {
    if (this.#requests.key || this.#token) this.#send(this.#greeting());
    for (const subscription of this.#all) this.#begin(subscription);
    this.#asked = false;
    this.#timers.ask = setInterval(() => this.#ask(), SILENCE);
    this.#planRenewal();
    this.#onConnection((this.#connected = true));
  }

  #greeting() {
    const { key } = this.#requests;
    if (key && this.#token) return { key, token: this.#token };
    return { token: this.#token ?? key };
  }

  #planRenewal() {
    clearTimeout(this.#timers.renew);
    const at = this.#requests.session?.renewAt;
    if (at === null || at === undefined) return;
    const renew = () => this.#requests.session?.token().catch(() => null);
    this.#timers.renew = setTimeout(renew, Math.max(0, at - Date.now()));
  }

  async #sendToken() {
    if (this.#socket?.readyState !== OPEN) return;
    const token = await this.#requests.session?.token().catch(() => null);
    if (!token || token === this.#token || this.#socket?.readyState !== OPEN) return;
    this.#token = token;
    this.#send(this.#greeting());
    this.#planRenewal();
  }

  /** Ask whether the server is there; a connection of which nothing was heard since is broken. */
  #ask() {
    if (this.#asked) {
      this.#drop();
      this.#retry();
      return;
    }
    this.#asked = true;
    this.#send({ ping: 1 });
  }

  /** Let go of the connection; each goes on at its position with the next. */
  #drop() {
    clearInterval(this.#timers.ask);
    clearTimeout(this.#timers.renew);
    clearTimeout(this.#timers.retry);
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    this.#numbers.clear();
    for (const subscription of this.#all) subscription.number = null;
    socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close();
    if (this.#connected) this.#onConnection((this.#connected = false));
  }

  #retry() {
    if (this.#closed || this.#all.size === 0) return;
    clearTimeout(this.#timers.retry);
    this.#timers.retry = setTimeout(this.#again, this.#pause * (0.5 + Math.random() / 2));
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  // -- messages ----------------------------------------------------------------------------------

  /** @param {Record<string, unknown>} message */
  #send(message) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {Subscription} subscription */
  #begin(subscription) {
    if (this.#socket === null) {
      void this.#connect();
      return;
    }
    if (this.#socket.readyState !== OPEN || subscription.paused) return;
    if (subscription.number !== null) return;
    const number = ++this.#lastNumber;
    subscription.number = number;
    this.#numbers.set(number, subscription);
    const since = subscription.position === undefined ? {} : { since: subscription.position };
    this.#send({ subscribe: number, ...subscription.target, ...since });
  }

  /** @param {Subscription} subscription */
  #leave(subscription) {
    if (subscription.number === null) return;
    this.#numbers.delete(subscription.number);
    this.#send({ unsubscribe: subscription.number });
    subscription.number = null;
  }

  /** @param {string} data */
  #hear(data) {
    this.#asked = false;
    const { of, problem, ...rest } = JSON.parse(data);
    if (of === undefined) {
      if (problem) this.#refuse(errorOf(problem, 0));
      return;
    }
    const subscription = this.#numbers.get(of);
    if (subscription === undefined) return; // it has left, and this was under way
    if (problem) {
      this.#refuseOne(subscription, errorOf(problem, 0));
      return;
    }
    this.#pause = SHORTEST_PAUSE;
    subscription.position = rest.position;
    subscription.listener.told(Object.freeze(rest));
  }

  /**
   * Hear that who is connected does not count; other problems are of a message that was late.
   * @param {DocumentsError} error
   */
  #refuse(error) {
    if (error.status !== 401 && error.status !== 403) return;
    if (this.#token && isOfToken(error)) {
      this.#refused = this.#token;
      this.#drop();
      this.#retry();
      return;
    }
    this.#failAll(error);
  }

  /**
   * @param {Subscription} subscription
   * @param {DocumentsError} error
   */
  #refuseOne(subscription, error) {
    if (subscription.number !== null) this.#numbers.delete(subscription.number);
    subscription.number = null;
    if (error.status < 500 && !PASSING.has(error.status)) {
      this.#fail(subscription, error);
      return;
    }
    setTimeout(() => this.#all.has(subscription) && this.#begin(subscription), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  /** @param {Error} error */
  #failAll(error) {
    for (const subscription of [...this.#all]) this.#fail(subscription, error);
  }

  /**
   * @param {Subscription} subscription
   * @param {Error} error
   */
  #fail(subscription, error) {
    this.unsubscribe(subscription);
    subscription.listener.failed(error);
  }
}

/**
 * Yield what one who listens is told. Who takes slowly holds a position, and no long queue.
 * @param {Live} live
 * @param {Record<string, unknown>} target
 * @param {{since?: string, signal?: AbortSignal}} options
 * @returns {AsyncGenerator<any, void, void>}
 */
export async function* changesOf(live, target, { since, signal }) {
  /** @type {Change[]} */
  const waiting = [];
  /** @type {Error | null} */
  let error = null;
  let wake = () => {};
  if (signal?.aborted) return;
  const subscription = live.subscribe(target, since, {
    told(change) {
      waiting.push(change);
      if (waiting.length === MOST_WAITING) live.pause(subscription);
      wake();
    },
    failed(found) {
      error = found;
      wake();
    },
  });
  const stop = () => wake();
  signal?.addEventListener("abort", stop);
  try {
    while (!signal?.aborted) {
      const change = waiting.shift();
      if (change !== undefined) {
        yield change;
        continue;
      }
      if (error !== null) {
        if (isClosed(error)) return;
        throw error;
      }
      if (subscription.paused) live.resume(subscription);
      await new Promise((resolve) => {
        wake = () => resolve(undefined);
      });
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    live.unsubscribe(subscription);
  }
}

/**
 * Say whether an error is that the client was closed, which is no failure to who listened.
 * @param {unknown} error
 */
export function isClosed(error) {
  return error instanceof DocumentsError && error.code === "HandleClosed";
}

/** @typedef {ReturnType<typeof setTimeout>} Timer */
