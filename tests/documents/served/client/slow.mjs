// Listens twice while it writes, once without taking anything until the other has all; prints what each
// made of the changes, and how often one of them left and came back.

const { connect } = await import(process.env.CLIENT);
const MANY = 1000;
let left = 0;

class Counting extends WebSocket {
  send(text) {
    if ("unsubscribe" in JSON.parse(text)) left++;
    super.send(text);
  }
}

const db = connect({ url: process.argv[2], WebSocket: Counting });
const users = db.doc("users");

async function follow(begun, until) {
  const found = new Map();
  for await (const { type, id, value } of users.watch()) {
    if (type === "state") {
      begun();
      await until;
    } else if (found.has(id) !== (type !== "added")) {
      throw new Error(`${id} was missed, or told twice`);
    } else if (type === "removed") {
      found.delete(id);
    } else {
      found.set(id, value);
    }
    if (found.has("end")) return [...found].map(([id, { n }]) => [id, n]);
  }
}

let release = () => {};
const all = new Promise((resolve) => (release = resolve));
const following = [];
for (const until of [null, all]) {
  await new Promise((begun) => following.push(follow(begun, until)));
}
for (let first = 0; first < MANY; first += 100) {
  const batch = db.batch();
  for (let n = first; n < first + 100; n++) batch.add(users, { n }, { key: `u${n}` });
  await batch.commit();
  await users.update({ n: -1 }, { key: `u${first}` });
  await users.delete({ key: `u${first + 1}` });
}
await users.add({}, { key: "end" });
const quick = await following[0];
release();
const slow = await following[1];
console.log(JSON.stringify({ quick, slow, left }));
db.close();
