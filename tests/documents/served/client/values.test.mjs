// What the client sends, and what it refuses before anything is sent.

import assert from "node:assert/strict";
import { test } from "node:test";

const module = await import(process.env.CLIENT);
const { connect, increment, arrayUnion, arrayRemove, serverTimestamp, deleteField } = module;

/** A client whose requests are kept, and answered as a batch of one is. */
function recorded(answer = { results: ["id"] }) {
  const sent = [];
  const fetch = async (url, { method, headers, body }) => {
    sent.push({ url: String(url), method, headers, body: body && JSON.parse(body) });
    return new Response(JSON.stringify(answer));
  };
  const db = connect({ url: "http://host/base", apiKey: "mb-key", fetch });
  return { db, sent, users: db.doc("users"), change: () => sent.at(-1).body.changes[0] };
}

function refused(code, words) {
  return (error) => {
    assert.equal(error.constructor, module.DocumentsError);
    assert.deepEqual([error.code, error.status, error.name], [code, 0, "DocumentsError"]);
    assert.match(error.detail, words);
    assert.equal(error.message, error.detail);
    return true;
  };
}

test("paths are percent-encoded, and the key goes along", async () => {
  const { db, sent } = recorded({ value: 1 });
  await db.doc("users", "a b?#%", "ä+ö", "x'&=").get();
  const [{ url, headers }] = sent;
  assert.equal(url, "http://host/base/v1/documents/users/a%20b%3F%23%25/%C3%A4%2B%C3%B6/x'%26%3D");
  assert.equal(headers["x-api-key"], "mb-key");
  assert.equal(headers.authorization, undefined);
});

test("references never change", () => {
  const { db, users } = recorded();
  const posts = users.document("ann").collection("posts");
  assert.deepEqual([posts.path, posts.id, posts.parent.path], ["users/ann/posts", "posts", "users/ann"]);
  assert.equal(String(posts.append("p1")), "users/ann/posts/p1");
  assert.equal(db.doc().path, "");
  assert.throws(() => posts.segments.push("x"), TypeError);
  assert.throws(() => (posts.other = 1), TypeError);
  assert.throws(() => users.collection("posts"), refused("InvalidDocumentArgument", /collection/));
  assert.throws(() => users.document("ann").document(), refused("InvalidDocumentArgument", /document/));
  const ids = Array.from({ length: 500 }, () => users.document().id);
  assert.ok(ids.every((id) => /^[-0-9A-Z_a-z]{20}$/.test(id)));
  assert.deepEqual([...new Set(ids)].sort(), ids);
});

test("segments that cannot be are refused", () => {
  const { db } = recorded();
  for (const segment of ["", ".", "..", "a/b", "\0", "\ud800", 5, null, undefined, ["a"]]) {
    assert.throws(() => db.doc("users", segment), refused("InvalidDocumentPath", /segment/));
  }
});

test("transforms go beside the value, by the paths of their fields", async () => {
  const { users, change } = recorded();
  const ann = users.document("ann");
  await ann.set({ n: increment(2), deep: { "a.b": serverTimestamp(), x: 1 }, plain: [1] });
  assert.deepEqual(change(), {
    kind: "set",
    path: ["users", "ann"],
    value: { deep: { x: 1 }, plain: [1] },
    transforms: { n: { increment: 2 }, "deep.`a.b`": "serverTime" },
  });
  await ann.update({
    "tags.`a.b`": arrayUnion(1, "x"),
    "a.b": { c: arrayRemove(null) },
    gone: deleteField(),
    "x.y": 1,
  });
  assert.deepEqual(change().value, { "a.b": {}, "x.y": 1 });
  assert.deepEqual(change().transforms, {
    "tags.`a.b`": { arrayUnion: [1, "x"] },
    "a.b.c": { arrayRemove: [null] },
    gone: "delete",
  });
});

test("options are sent, and unknown ones refused, lest a precondition be lost", async () => {
  const { users, sent, change } = recorded();
  await users.add({ n: 1 }, { key: "ann", exists: false, lastUpdate: undefined });
  assert.deepEqual(change(), { kind: "add", path: ["users"], value: { n: 1 }, key: "ann", exists: false });
  await users.delete({ matching: { "a.b": 1 } });
  assert.deepEqual(change(), { kind: "delete", path: ["users"], value: { "a.b": 1 } });
  await users.document("ann").delete({ lastUpdate: "17" });
  assert.deepEqual(change(), { kind: "delete", path: ["users", "ann"], lastUpdate: "17" });
  const count = sent.length;
  for (const options of [{ exist: false }, { exists: 1 }, { lastUpdate: 5 }, { matching: {} }, null]) {
    await assert.rejects(users.add({}, options), refused("InvalidDocumentArgument", /./));
  }
  await assert.rejects(users.add({}, { key: "a/b" }), refused("InvalidDocumentPath", /slash/));
  assert.equal(sent.length, count);
  assert.throws(() => connect({ url: "http://host", key: "mb-" }), refused("InvalidDocumentArgument", /"key"/));
  for (const url of ["ftp://host", "host", 5, ""]) {
    assert.throws(() => connect({ url }), refused("InvalidDocumentArgument", /url/));
  }
  assert.throws(() => connect({ url: "http://host", apiKey: "a\nb" }), refused("InvalidDocumentArgument", /apiKey/));
});

test("what JSON cannot say is refused with its place, and nothing is sent", async () => {
  const { users, sent } = recorded();
  const around = { in: {} };
  around.in.again = around;
  let deep = {};
  for (let level = 0; level < 101; level++) deep = { deep };
  const cases = [
    [{ a: { b: undefined } }, /undefined at a\.b .*leave it out/],
    [{ a: [1, , 2] }, /undefined at a\[1\]/],
    [{ a: new Date() }, /a Date at a .*toISOString/],
    [{ a: [{ f: () => 1 }] }, /function at a\[0\]\.f/],
    [{ a: Symbol("s") }, /symbol at a/],
    [{ [Symbol("s")]: 1 }, /symbol/],
    [{ a: 1n }, /bigint at a/],
    [{ a: NaN }, /NaN at a/],
    [{ a: -Infinity }, /-Infinity at a/],
    [{ a: 2 ** 53 }, /9007199254740992 at a .*2\^53/],
    [{ a: -(10 ** 20) }, /at a .*2\^53/],
    [{ a: new Map() }, /a Map at a/],
    [{ a: new (class Own {})() }, /a Own at a/],
    [{ a: new Uint8Array(1) }, /a Uint8Array at a/],
    [around, /at in\.again contains itself/],
    [deep, /100 levels/],
    [{ a: "\udc00" }, /text at a has half/],
    [{ "\ud800": 1 }, /half/],
    [{ a: { "": 1 } }, /empty name at a/],
    [{ a: [increment(1)] }, /transform at a\[0\]/],
    [{ a: [{ b: deleteField() }] }, /transform at a\[0\]\.b/],
    [new Date(), /a Date at the top/],
    [undefined, /undefined at the top/],
  ];
  for (const [value, words] of cases) {
    await assert.rejects(users.add(value), refused("InvalidDocument", words));
  }
  for (const [value, words] of [[{}, /a field/], [[], /an object/], [null, /an object/]]) {
    await assert.rejects(users.update(value, { key: "a" }), refused("InvalidDocument", words));
  }
  await assert.rejects(users.update({ "a..b": 1 }), refused("InvalidDocumentPath", /field/));
  assert.throws(() => increment("1"), refused("InvalidDocument", /number/));
  assert.throws(() => increment(2 ** 60), refused("InvalidDocument", /2\^53/));
  assert.throws(() => arrayUnion(undefined), refused("InvalidDocument", /arrayUnion\[0\]/));
  assert.equal(sent.length, 0);
});

test("all that JSON can say is sent as it is", async () => {
  const { users, change } = recorded();
  const value = JSON.parse('{"__proto__": {"x": 1}, "toJSON": "text", "n": [null, true, 1.5, -0.0]}');
  value.large = [2 ** 53 - 1, 1e21, 1e300];
  value.bare = Object.assign(Object.create(null), { emoji: "😀" });
  value.same = [value.bare, value.bare];
  await users.add(value);
  const sent = change().value;
  assert.deepEqual(Object.keys(sent), Object.keys(value));
  assert.deepEqual(sent.__proto__ === Object.prototype, false);
  assert.deepEqual(sent.large, value.large);
  assert.deepEqual(sent.same, [{ emoji: "😀" }, { emoji: "😀" }]);
});

test("queries are described, and never change", async () => {
  const { db, users, sent } = recorded({ documents: [], value: 0 });
  const high = users.where("score", ">", 100).where("deep.`a.b`", "in", [1, null]);
  const some = high.orderBy("score", "desc").limit(10).startAfter(50, "ann").endBefore(10);
  await some.stream();
  assert.deepEqual(sent.at(-1).body.query, {
    path: ["users"],
    where: [
      { field: "score", op: ">", value: 100 },
      { field: "deep.`a.b`", op: "in", value: [1, null] },
    ],
    orderBy: [{ field: "score", descending: true }],
    limit: 10,
    startAfter: { values: [50], last: ["ann"] },
    endBefore: { values: [10] },
  });
  await high.average("score");
  assert.deepEqual(sent.at(-1).body.query.orderBy, undefined);
  assert.deepEqual([sent.at(-1).body.kind, sent.at(-1).body.field], ["average", "score"]);
  const found = { id: "p1", path: "users/ann/posts/p1", value: { n: { m: 3 } }, lastUpdate: "1" };
  await db.collectionGroup("posts").orderBy("n.m").startAt(found).stream();
  assert.deepEqual(sent.at(-1).body.query, {
    path: ["posts"],
    group: true,
    orderBy: [{ field: "n.m", descending: false }],
    startAt: { values: [3], last: ["users", "ann", "posts", "p1"] },
  });
  const wrong = [
    () => users.where("a", "=", 1),
    () => users.where("a", "in", []),
    () => users.limit(0),
    () => users.limit(1.5),
    () => users.orderBy("a", "down"),
    () => users.startAfter(),
    () => users.startAfter(1, 2),
    () => users.orderBy("a").startAfter(1).orderBy("b"),
    () => users.orderBy("a").startAfter({ id: "x", value: {} }),
    () => db.doc().where("a", "==", 1),
  ];
  for (const each of wrong) assert.throws(each, refused("InvalidDocumentArgument", /./));
  assert.throws(() => users.where("a..b", "==", 1), refused("InvalidDocumentPath", /field/));
  assert.throws(() => users.where("a", "==", undefined), refused("InvalidDocument", /condition/));
});

test("a batch is sent once, with values as they were when it was told", async () => {
  const { db, users, sent } = recorded({ results: ["ann", "bob"] });
  const value = { n: 1 };
  const batch = db.batch().set(users.document("ann"), value).update(users, { m: increment() }, { key: "bob" });
  value.n = 2;
  assert.equal(batch.size, 2);
  assert.throws(() => batch.set(recorded().users, {}), refused("InvalidDocumentArgument", /own database/));
  assert.throws(() => batch.delete("users/ann"), refused("InvalidDocumentArgument", /references/));
  assert.deepEqual(await batch.commit(), ["ann", "bob"]);
  assert.deepEqual(sent[0].body.changes[0].value, { n: 1 });
  await assert.rejects(batch.commit(), refused("InvalidDocumentArgument", /over/));
  assert.throws(() => batch.add(users, {}), refused("InvalidDocumentArgument", /over/));
  assert.deepEqual(await db.batch().commit(), []);
  assert.equal(sent.length, 1);
});

test("what the server refuses is an error with its words, and no answer is one too", async () => {
  const answers = [];
  const fetch = async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const db = connect({ url: "http://host", fetch });
  const problem = { status: 412, code: "PreconditionFailed", detail: "it is not so", limit: 5 };
  answers.push(new Response(JSON.stringify(problem), { status: 412 }));
  await assert.rejects(db.doc("a", "b").set({}), { status: 412, code: "PreconditionFailed", detail: "it is not so", problem });
  answers.push(new Response("<html>", { status: 502 }));
  await assert.rejects(db.doc("a", "b").get(), { status: 502, code: "ServerFailed" });
  answers.push(new Response("<html>", { status: 200 }));
  await assert.rejects(db.doc("a", "b").get(), { status: 200, code: "ServerFailed" });
  answers.push(new TypeError("failed to fetch"));
  await assert.rejects(db.doc("a", "b").set({}), { status: 0, code: "ServerNotReachable", detail: /may have been made/ });
  answers.push(new Response(JSON.stringify({ status: 404, code: "DocumentNotFound", detail: "no" }), { status: 404 }));
  assert.equal(await db.doc("a", "b").get(), undefined);
  answers.push(new Response(JSON.stringify({ status: 404, code: "AddressNotFound", detail: "no" }), { status: 404 }));
  await assert.rejects(db.doc("a", "b").get(), { code: "AddressNotFound" });
  const waiting = connect({
    url: "http://host",
    fetch: (_, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  const asked = [waiting.doc("a").get(), waiting.doc("b").get()].map((each) => assert.rejects(each, { code: "HandleClosed" }));
  await new Promise((resolve) => setImmediate(resolve));
  waiting.close();
  await Promise.all(asked);
  db.close();
  await assert.rejects(db.doc("a", "b").get(), { code: "HandleClosed" });
});
