// Listening: each goes on where it was when the connection breaks, with a WebSocket that breaks as
// the tests say.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

const { connect } = await import(process.env.CLIENT);

/** A WebSocket whose server is the test. */
class Socket {
  static made = [];
  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = String(url);
    Socket.made.push(this);
  }
  open() {
    this.readyState = 1;
    this.onopen?.();
    return this;
  }
  tell(message) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  break() {
    this.readyState = 3;
    this.onclose?.();
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
}

function opened(options = {}) {
  Socket.made = [];
  const states = [];
  const db = connect({ url: "https://host/base/", WebSocket: Socket, onConnection: (state) => states.push(state), ...options });
  return { db, states };
}

function event(of, type, position, id = null, value = {}) {
  return { of, type, id, path: id === null ? "users" : `users/${id}`, value, position };
}

/** Let what waits for promises come to its turn. */
async function settle() {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

test("all who listen share a connection, which is made for the first and left by the last", async () => {
  const { db, states } = opened();
  assert.equal(Socket.made.length, 0);
  const told = [];
  const stops = [
    db.doc("users").onSnapshot((change) => told.push(["users", change.type, change.id])),
    db.doc("users", "ann").onSnapshot((change) => told.push(["ann", change.type, change.id])),
    db.doc("users").where("n", ">", 1).onSnapshot((change) => told.push(["query", change.type, change.id])),
  ];
  await settle();
  const [socket, ...others] = Socket.made;
  assert.deepEqual([socket.url, others.length], ["wss://host/base/v1/live", 0]);
  socket.open();
  assert.deepEqual(socket.sent, [
    { subscribe: 1, path: ["users"] },
    { subscribe: 2, path: ["users", "ann"] },
    { subscribe: 3, query: { path: ["users"], where: [{ field: "n", op: ">", value: 1 }] } },
  ]);
  socket.tell(event(1, "state", "1"));
  socket.tell(event(3, "state", "1"));
  socket.tell(event(1, "added", "2", "ann"));
  assert.deepEqual(told, [["users", "state", null], ["query", "state", null], ["users", "added", "ann"]]);
  stops[0]();
  stops[0]();
  assert.deepEqual(socket.sent.at(-1), { unsubscribe: 1 });
  socket.tell(event(1, "added", "3", "bob")); // was under way
  assert.equal(told.length, 3);
  stops[1]();
  assert.equal(socket.readyState, 1);
  stops[2]();
  assert.equal(socket.readyState, 3);
  assert.deepEqual(states, [true, false]);
  db.close();
});

test("after a break each goes on at its position, after pauses that grow", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  t.mock.method(Math, "random", () => 1);
  const { db, states } = opened();
  const told = [];
  db.doc("users").onSnapshot((change) => told.push(change.position));
  db.doc("news").onSnapshot((change) => told.push(change.position), { since: "77" });
  await settle();
  Socket.made[0].open();
  Socket.made[0].tell(event(1, "state", "10"));
  Socket.made[0].tell(event(1, "added", "11+1", "ann"));
  Socket.made[0].break();
  let waited = 0;
  for (const pause of [100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000]) {
    const before = Socket.made.length;
    t.mock.timers.tick(pause - 1);
    await settle();
    assert.equal(Socket.made.length, before, `too early, after ${waited}`);
    t.mock.timers.tick(1);
    await settle();
    assert.equal(Socket.made.length, before + 1, `not after ${pause}`);
    Socket.made.at(-1).break();
    waited += pause;
  }
  t.mock.timers.tick(10000);
  await settle();
  const socket = Socket.made.at(-1).open();
  assert.deepEqual(socket.sent, [
    { subscribe: 3, path: ["users"], since: "11+1" },
    { subscribe: 4, path: ["news"], since: "77" },
  ]);
  socket.tell(event(1, "added", "99", "old")); // a number of the connection before
  socket.tell(event(3, "added", "12", "bob"));
  assert.deepEqual(told, ["10", "11+1", "12"]);
  assert.deepEqual(states, [true, false, true]);
  socket.break();
  t.mock.timers.tick(100); // what was told made the pauses short again
  await settle();
  assert.notEqual(Socket.made.at(-1), socket);
  db.close();
});

test("a connection of which nothing is heard is broken", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { db } = opened();
  db.doc("users").onSnapshot(() => {});
  await settle();
  const socket = Socket.made[0].open();
  t.mock.timers.tick(15_000);
  assert.deepEqual(socket.sent.at(-1), { ping: 1 });
  socket.tell({ pong: 1 });
  t.mock.timers.tick(15_000);
  assert.equal(socket.readyState, 1);
  t.mock.timers.tick(15_000);
  assert.equal(socket.readyState, 3);
  t.mock.timers.tick(100);
  await settle();
  assert.equal(Socket.made.length, 2);
  db.close();
});

test("what is refused ends one who listens, and what may pass is tried again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const { db } = opened();
  const errors = [];
  db.doc("users").onSnapshot(() => {}, { onError: (error) => errors.push(["users", error.code, error.status]) });
  db.doc("news").onSnapshot(() => {}, { onError: (error) => errors.push(["news", error.code]) });
  await settle();
  const socket = Socket.made[0].open();
  socket.tell({ of: 1, problem: { status: 403, code: "AccessDenied", detail: "no" } });
  assert.deepEqual(errors, [["users", "AccessDenied", 403]]);
  socket.tell({ of: 2, problem: { status: 503, code: "LockTimeout", detail: "later" } });
  t.mock.timers.tick(100);
  assert.deepEqual(socket.sent.at(-1), { subscribe: 3, path: ["news"] });
  socket.tell({ problem: { status: 400, code: "MalformedRequest", detail: "there is no subscription 9" } });
  assert.equal(errors.length, 1);
  socket.tell({ problem: { status: 401, code: "NotAuthenticated", detail: "a key" } });
  assert.deepEqual(errors.at(-1), ["news", "NotAuthenticated"]);
  assert.equal(socket.readyState, 3);
  db.close();
});

test("where no WebSocket can be made that is told at once", async () => {
  const errors = [];
  class Refusing {
    constructor() {
      throw new SyntaxError("not in a page of https");
    }
  }
  const { db } = opened({ WebSocket: Refusing });
  db.doc("users").onSnapshot(() => {}, { onError: (error) => errors.push([error.code, error.cause.name]) });
  await settle();
  assert.deepEqual(errors, [["ServerNotReachable", "SyntaxError"]]);
});

test("what a callback throws is reported, and stops nobody", async (t) => {
  const reported = t.mock.method(console, "error", () => {});
  const { db } = opened();
  const told = [];
  db.doc("users").onSnapshot((change) => {
    told.push(change.position);
    throw new Error("mine");
  });
  await settle();
  const socket = Socket.made[0].open();
  socket.tell(event(1, "state", "1"));
  socket.tell(event(1, "added", "2", "ann"));
  assert.deepEqual(told, ["1", "2"]);
  assert.equal(reported.mock.callCount(), 2);
  socket.tell({ of: 1, problem: { status: 403, code: "AccessDenied", detail: "no" } });
  assert.equal(reported.mock.calls[2].arguments[0].code, "AccessDenied");
  db.close();
});

test("watch yields the changes, and ends by break, signal and close", async () => {
  const { db } = opened();
  const control = new AbortController();
  const watched = db.doc("users").watch({ since: "5", signal: control.signal });
  await settle();
  assert.equal(Socket.made.length, 0); // until the first is asked for
  const first = watched.next();
  await settle();
  const socket = Socket.made[0].open();
  assert.deepEqual(socket.sent, [{ subscribe: 1, path: ["users"], since: "5" }]);
  for (let n = 6; n < 9; n++) socket.tell(event(1, "added", `${n}`, `u${n}`));
  assert.equal((await first).value.position, "6");
  const found = [];
  for await (const change of watched) {
    found.push(change.position);
    if (change.position === "8") control.abort();
  }
  assert.deepEqual(found, ["7", "8"]);
  assert.equal(socket.readyState, 3);
  assert.deepEqual(await db.doc("users").watch({ signal: control.signal }).next(), { done: true, value: undefined });

  const refused = db.doc("users").watch().next();
  await settle();
  Socket.made[1].open().tell({ of: 2, problem: { status: 400, code: "MalformedRequest", detail: "no" } });
  await assert.rejects(refused, { code: "MalformedRequest" });

  const closed = db.doc("users").watch().next();
  await settle();
  db.close();
  assert.deepEqual(await closed, { done: true, value: undefined });
  await assert.rejects(db.doc("users").watch().next(), { code: "HandleClosed" });
});

test("who takes slowly holds a position, and no queue that grows", async () => {
  const { db } = opened();
  const watched = db.doc("users").watch();
  const first = watched.next();
  await settle();
  const socket = Socket.made[0].open();
  for (let n = 0; n < 1000; n++) socket.tell(event(1, "added", `${n}`, `u${n}`));
  assert.equal((await first).value.position, "0");
  assert.deepEqual(socket.sent.at(-1), { unsubscribe: 1 });
  const sent = socket.sent.length;
  let last = 0;
  while (socket.sent.length === sent) {
    const taken = watched.next();
    await settle();
    if (socket.sent.length === sent) last = Number((await taken).value.position);
    else {
      assert.deepEqual(socket.sent.at(-1), { subscribe: 2, path: ["users"], since: `${last}` });
      socket.tell(event(2, "added", `${last + 1}`, "next"));
      assert.equal((await taken).value.position, `${last + 1}`);
    }
  }
  assert.ok(last >= 200 && last < 300, `${last}`);
  await watched.return();
  db.close();
});

test("a runtime without WebSocket is told what to do", () => {
  const kept = globalThis.WebSocket;
  mock.method(globalThis, "fetch", () => {});
  delete globalThis.WebSocket;
  try {
    const db = connect({ url: "http://host" });
    assert.throws(() => db.doc("a").onSnapshot(() => {}), { detail: /Node\.js has one from 22 on/ });
  } finally {
    if (kept) globalThis.WebSocket = kept;
    mock.restoreAll();
  }
});
