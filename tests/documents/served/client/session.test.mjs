// Users: tokens that are made anew once for all who ask, kept where that is wanted, and told to the
// WebSocket. Against a server over HTTP that speaks what the real one does of it.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, beforeEach, test } from "node:test";

const { connect } = await import(process.env.CLIENT);
const opened = [];

/** What a server of users says; tokens are numbered, and each refresh token counts once. */
class Server {
  expiresIn = 900;
  count = 0;
  asked = [];
  open = null;
  failing = 0;
  refusal = "ExpiredToken";
  uid = "u1";
  hold = null;

  async answer(method, url, headers, body) {
    this.asked.push(`${method} ${url}`);
    if (this.failing > 0 && url !== "/v1/documents/a/b") {
      this.failing--;
      return [503, problem(503, "LockTimeout")];
    }
    const tokens = () => {
      this.count++;
      this.open = { access: `access-${this.count}`, refresh: `refresh-${this.count}` };
      const { access, refresh } = this.open;
      return { uid: this.uid, email: "ann@example.com", claims: { role: "admin" }, accessToken: access, refreshToken: refresh, expiresIn: this.expiresIn };
    };
    switch (url) {
      case "/v1/auth/signup":
        return [201, tokens()];
      case "/v1/auth/login":
        if (body.password !== "right") return [401, problem(401, "InvalidLogin")];
        return [200, tokens()];
      case "/v1/auth/refresh":
        for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate); // for others to come
        if (body.refreshToken !== this.open?.refresh) return [401, problem(401, "TokenReused")];
        return [200, tokens()];
      case "/v1/auth/password":
        return [200, tokens()];
      case "/v1/auth/logout":
        this.open = null;
        return [204];
      default: {
        const token = headers.authorization?.replace("Bearer ", "");
        await this.hold?.();
        if (!token || token === this.open?.access) return [200, { value: token ?? "nobody" }];
        return [401, problem(401, this.refusal)];
      }
    }
  }
}

function problem(status, code) {
  return { status, code, detail: `${code}: it is so` };
}

let server;
const http = createServer(async (request, response) => {
  let text = "";
  for await (const part of request) text += part;
  const { method, url, headers } = request;
  const [status, body] = await server.answer(method, url, headers, text && JSON.parse(text));
  response.writeHead(status, { "content-type": "application/json" });
  response.end(body === undefined ? "" : JSON.stringify(body));
});
await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${http.address().port}/`;

beforeEach(() => (server = new Server()));
after(() => {
  for (const db of opened) db.close();
  http.closeAllConnections();
  http.close();
});

function client(options = {}) {
  opened.push(connect({ url, apiKey: "mb-key", ...options }));
  return opened.at(-1);
}

class Storage {
  kept = new Map();
  getItem(name) {
    return this.kept.get(name) ?? null;
  }
  setItem(name, text) {
    this.kept.set(name, text);
  }
  removeItem(name) {
    this.kept.delete(name);
  }
}

test("a request is not sent again as somebody else, nor as nobody", async () => {
  const db = client();
  for (const next of [() => db.logout(), () => db.login("bob@example.com", "right")]) {
    await db.login("ann@example.com", "right");
    let release;
    const held = new Promise((resolve) => (release = resolve));
    let came;
    const coming = new Promise((resolve) => (came = resolve));
    server.hold = () => {
      came();
      return held;
    };
    const asked = assert.rejects(db.doc("a", "b").get(), { status: 401, code: "ExpiredToken" });
    await coming;
    server.hold = null;
    server.uid = "u2";
    await next();
    release();
    await asked;
    server.uid = "u1";
  }
});

const refreshes = () => server.asked.filter((each) => each === "POST /v1/auth/refresh").length;

test("who signs up or logs in asks with a token, until the logout", async () => {
  const db = client();
  assert.equal(db.user, null);
  assert.deepEqual(await db.signup("ann@example.com", "right"), { uid: "u1", email: "ann@example.com", claims: { role: "admin" } });
  assert.equal(await db.doc("a", "b").get(), "access-1");
  await db.logout();
  assert.equal(db.user, null);
  assert.equal(server.open, null);
  assert.equal(await db.doc("a", "b").get(), "nobody");
  await assert.rejects(db.login("ann@example.com", "wrong"), { status: 401, code: "InvalidLogin" });
  assert.equal(db.user, null);
  await db.login("ann@example.com", "right");
  await db.changePassword("right", "another");
  assert.equal(await db.doc("a", "b").get(), "access-3");
  assert.equal(refreshes(), 0);
});

test("a token that the server takes for expired is made anew once, for all who ask", async () => {
  const db = client();
  await db.login("ann@example.com", "right");
  server.open.access = "another";
  const found = await Promise.all(Array.from({ length: 10 }, () => db.doc("a", "b").get()));
  assert.deepEqual(new Set(found), new Set(["access-2"]));
  assert.equal(refreshes(), 1);
});

test("a token is made anew before it expires, once", async () => {
  server.expiresIn = 0.05;
  const db = client();
  await db.login("ann@example.com", "right");
  server.expiresIn = 900;
  await new Promise((resolve) => setTimeout(resolve, 60));
  await Promise.all([db.doc("a", "b").get(), db.doc("a", "b").get(), db.doc("a", "b").get()]);
  assert.equal(refreshes(), 1);
  assert.equal(server.asked.filter((each) => each === "GET /v1/documents/a/b").length, 3);
});

test("a session that has ended is over, and a server that fails ends none", async () => {
  const db = client();
  await db.login("ann@example.com", "right");
  server.open.access = "another";
  server.failing = 1;
  await assert.rejects(db.doc("a", "b").get(), { status: 503, code: "LockTimeout" });
  assert.equal(db.user.uid, "u1");
  assert.equal(await db.doc("a", "b").get(), "access-2");
  server.open = { access: "x", refresh: "y" };
  server.refusal = "InvalidToken"; // the session was closed
  await assert.rejects(db.doc("a", "b").get(), { status: 401, code: "TokenReused" });
  assert.equal(db.user, null);
  assert.equal(await db.doc("a", "b").get(), "nobody");
});

test("tokens are kept only where that is wanted, and pages of a site share them", async () => {
  const storage = new Storage();
  const one = client({ storage });
  await one.login("ann@example.com", "right");
  const two = client({ storage });
  assert.deepEqual(two.user, one.user);
  server.open.access = "another"; // expired: one makes it anew, and two finds that
  assert.equal(await one.doc("a", "b").get(), "access-2");
  assert.equal(await two.doc("a", "b").get(), "access-2");
  assert.equal(refreshes(), 1);
  await one.logout();
  assert.equal(storage.kept.size, 0);
  server.open = { access: "x" };
  await assert.rejects(two.doc("a", "b").get(), { code: "InvalidToken", detail: /elsewhere/ });
  assert.equal(two.user, null);
  storage.setItem = () => {
    throw new Error("no room");
  };
  const full = client({ storage });
  await full.login("ann@example.com", "right");
  assert.equal(await full.doc("a", "b").get(), server.open.access);
  storage.kept.set(`dynafile-documents:${url}`, "no JSON");
  assert.equal(client({ storage }).user, null);
  assert.equal(client().user, null);
});

/** A WebSocket that keeps what it was sent, and accepts whatever comes. */
class Socket {
  static made = [];
  readyState = 0;
  sent = [];

  constructor() {
    Socket.made.push(this);
    queueMicrotask(() => {
      this.readyState = 1;
      this.onopen?.();
    });
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
}

async function until(holds) {
  while (!holds()) await new Promise(setImmediate);
}

/** Asks the server without a network, for tests that turn the clock. */
async function directly(address, { method, headers, body }) {
  const { pathname } = new URL(address);
  const [status, answer] = await server.answer(method, pathname, headers, body && JSON.parse(body));
  return new Response(answer && JSON.stringify(answer), { status });
}

test("the WebSocket is told who asks, each new token, and another user begins anew", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  Socket.made = [];
  const db = client({ WebSocket: Socket, fetch: directly });
  await db.login("ann@example.com", "right");
  const stop = db.doc("a").onSnapshot(() => {});
  await until(() => Socket.made[0]?.sent.length >= 2);
  const [{ sent }] = Socket.made;
  assert.deepEqual(sent[0], { key: "mb-key", token: "access-1" });
  assert.deepEqual(sent[1], { subscribe: 1, path: ["a"] });
  const hear = (message) => Socket.made[0].onmessage({ data: JSON.stringify(message) });
  const turn = (seconds) => {
    for (let second = 0; second < seconds; second++) {
      t.mock.timers.tick(1000);
      hear({ ready: true }); // so that it is not taken for broken
    }
  };
  turn(869);
  assert.equal(refreshes(), 0);
  turn(1); // half a minute before it expires
  await until(() => sent.at(-1).token === "access-2");
  assert.equal(refreshes(), 1);
  assert.equal(sent.at(-1).key, "mb-key");
  turn(870);
  await until(() => sent.at(-1).token === "access-3");
  hear({ of: 1, type: "state", id: null, path: "a", value: {}, position: "7" });
  await db.logout();
  await until(() => Socket.made[1]?.sent.length >= 2);
  assert.equal(Socket.made[0].readyState, 3);
  assert.deepEqual(Socket.made[1].sent, [{ token: "mb-key" }, { subscribe: 2, path: ["a"] }]);
  stop();
  assert.equal(Socket.made[1].readyState, 3);
});

test("a WebSocket that finds the token expired is made again with a new one", async () => {
  Socket.made = [];
  const db = client({ WebSocket: Socket });
  await db.login("ann@example.com", "right");
  const errors = [];
  db.doc("a").onSnapshot(() => {}, { onError: (error) => errors.push(error.code) });
  await until(() => Socket.made[0]?.sent.length >= 2);
  Socket.made[0].onmessage({ data: JSON.stringify({ problem: problem(401, "ExpiredToken") }) });
  await until(() => Socket.made[1]?.sent.length >= 2);
  assert.deepEqual(Socket.made[1].sent[0], { key: "mb-key", token: "access-2" });
  assert.deepEqual(errors, []);
  Socket.made[1].onmessage({ data: JSON.stringify({ problem: problem(401, "InvalidApiKey") }) });
  assert.deepEqual(errors, ["InvalidApiKey"]);
});
