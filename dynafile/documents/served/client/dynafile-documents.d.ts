/** Documents of a server, for browsers and Node.js from 20 on. */

/** What JSON can say. Integers beyond 2^53 are read rounded, as JavaScript has no others. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A document that was found. */
export interface Found<T = any> {
  readonly id: string;
  readonly path: string;
  readonly value: T;
  /** For `lastUpdate` of a change that is to be made only if nobody has changed it since. */
  readonly lastUpdate: string;
}

/** What one who listens is told: the state first, and then each change. */
export type Change<T = any> =
  | {
      readonly type: "state";
      readonly id: null;
      readonly path: string;
      /** What `get()` gives; of a document that is not there null. */
      readonly value: any;
      readonly position: string;
    }
  | {
      readonly type: "added" | "modified" | "removed";
      readonly id: string;
      readonly path: string;
      /** Of a document that was removed: as it was. */
      readonly value: T;
      /** For `since`, to go on after this change. */
      readonly position: string;
    };

export type Operator =
  | "==" | "!=" | "<" | "<=" | ">" | ">="
  | "in" | "not-in" | "array-contains" | "array-contains-any";

/** What a change supposes; where it is not so, it is refused as "PreconditionFailed". */
export interface Preconditions {
  /** On a collection: the id of the document. */
  key?: string;
  exists?: boolean;
  lastUpdate?: string;
}

export interface Deletion extends Preconditions {
  /** On a collection: delete the documents that have these fields. */
  matching?: object;
}

/** A value that the server works out; see `increment` and the like. */
export interface Transform {
  readonly said: unknown;
}

interface Queryable<T> {
  readonly db: Documents;
  /** Those documents whose field is as the condition says; one without the field is not. */
  where(field: string, op: Operator, value: unknown): Query<T>;
  orderBy(field: string, direction?: "asc" | "desc"): Query<T>;
  limit(count: number): Query<T>;
  /** Begin with values of the fields of `orderBy`, and then an id; or with what `stream()` gave. */
  startAt(...values: unknown[]): Query<T>;
  startAfter(...values: unknown[]): Query<T>;
  endAt(...values: unknown[]): Query<T>;
  endBefore(...values: unknown[]): Query<T>;
  /** The documents in their order. */
  stream(): Promise<Found<T>[]>;
  exists(): Promise<boolean>;
  count(): Promise<number>;
  sum(field: string): Promise<number>;
  average(field: string): Promise<number | null>;
  /** How the query is executed: the index it uses, or those that would serve. */
  explain(): Promise<{ index: string | null; missing: string[]; text: string }>;
  /**
   * Call `callback` with the state, and then with each change: in order, none missed, none twice,
   * also where the connection breaks. Who was away for too long is told the state anew.
   * @returns what ends it.
   */
  onSnapshot(
    callback: (change: Change<T>) => void,
    options?: { since?: string; onError?: (error: Error) => void },
  ): () => void;
  /** The same for `for await`; ends where the signal aborts, or the database is closed. */
  watch(options?: { since?: string; signal?: AbortSignal }): AsyncGenerator<Change<T>, void, void>;
}

/** A query. Each method that narrows it returns another one. */
export interface Query<T = any> extends Queryable<T> {
  /** The documents by id, in a group of collections by path; for their order call `stream()`. */
  get(): Promise<{ [id: string]: T }>;
}

/** The path of a collection, a document, or a field inside a document. It never changes. */
export interface Reference<T = any> extends Queryable<T> {
  readonly segments: readonly string[];
  readonly path: string;
  readonly id: string;
  readonly parent: Reference;
  append(...segments: string[]): Reference;
  /** A document of this collection; without an id one with a new id. */
  document(id?: string): Reference<T>;
  /** A collection of this document. */
  collection(name: string): Reference;
  /** A document, all of a collection by id, or a field; undefined where there is nothing. */
  get(): Promise<any>;
  lastUpdate(): Promise<string | undefined>;
  /** Write a document or a field; a collection becomes this one document. Returns the id. */
  set(value: unknown, options?: Preconditions): Promise<string>;
  /** Add a document to a collection; one with that key is replaced. Returns the id. */
  add(value: unknown, options?: Preconditions): Promise<string>;
  /** Set fields, also "address.city", and keep the others. Returns the id. */
  update(value: object, options?: Preconditions): Promise<string>;
  /** Delete what is there, with all beneath it; returns what that was, or null. */
  delete(options?: Deletion): Promise<any>;
  toString(): string;
}

/** Changes that are made all or none. */
export interface Batch {
  readonly size: number;
  set(ref: Reference, value: unknown, options?: Preconditions): this;
  add(ref: Reference, value: unknown, options?: Preconditions): this;
  update(ref: Reference, value: object, options?: Preconditions): this;
  delete(ref: Reference, options?: Deletion): this;
  /** Make them, once; returns what each returns. */
  commit(): Promise<any[]>;
}

export interface User {
  readonly uid: string;
  readonly email: string;
  /** What the server's rules are told of the user besides. */
  readonly claims: { readonly [name: string]: any };
}

/** The documents of a server. */
export interface Documents {
  /** What is at a path: `db.doc("users", "ann")`. */
  doc<T = any>(...path: string[]): Reference<T>;
  /** The documents of all collections of a name. */
  collectionGroup<T = any>(name: string): Query<T>;
  batch(): Batch;
  /** Who is logged in; null where nobody is. */
  readonly user: User | null;
  signup(email: string, password: string): Promise<User | null>;
  login(email: string, password: string): Promise<User | null>;
  /** Log out: here in any case, and at the server. */
  logout(): Promise<void>;
  changePassword(password: string, newPassword: string): Promise<void>;
  /** End all who listen, and the requests under way. */
  close(): void;
}

export interface Options {
  /** Of the server; by default the one that this module came from. */
  url?: string | URL;
  apiKey?: string;
  /** Where the user's tokens are kept, such as `localStorage`; by default in memory only. */
  storage?: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Called where the connection of those who listen is made, or breaks. */
  onConnection?: (connected: boolean) => void;
  fetch?: typeof fetch;
  WebSocket?: typeof WebSocket;
}

/** Return the documents of a server; nothing is sent yet. */
export function connect(options?: Options): Documents;

/** An error of the server, or of a request that was refused before it was sent (status 0). */
export class DocumentsError extends Error {
  constructor(
    code: string,
    detail: string,
    more?: { status?: number; problem?: Record<string, unknown>; cause?: unknown },
  );
  readonly status: number;
  /** The name of the error in Python, such as "DocumentNotFound". */
  readonly code: string;
  readonly detail: string;
  /** All that the server said of it. */
  readonly problem: Record<string, unknown>;
}

/** Add a number to a field; where it is missing, it becomes the number. */
export function increment(by?: number): Transform;
/** Append those values that an array does not have. */
export function arrayUnion(...values: unknown[]): Transform;
/** Remove all that equals one of some values from an array. */
export function arrayRemove(...values: unknown[]): Transform;
/** The time of the commit, as text in UTC. */
export function serverTimestamp(): Transform;
/** In an update: no such field any more. */
export function deleteField(): Transform;
