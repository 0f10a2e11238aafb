// A user's way through a real server; prints what it came to.

const { connect } = await import(process.env.CLIENT);
const [url, apiKey] = process.argv.slice(2);
const kept = new Map();
const storage = {
  getItem: (name) => kept.get(name) ?? null,
  setItem: (name, text) => kept.set(name, text),
  removeItem: (name) => kept.delete(name),
};
const found = {};
const code = (asked) => asked.then(() => "done", (error) => `${error.status} ${error.code}`);

const db = connect({ url, apiKey, storage });
found.unknown = await code(db.login("ann@example.com", "correct horse"));
found.signup = await db.signup("Ann@Example.com", "correct horse");
found.twice = await code(db.signup("ann@example.com", "correct horse"));
await db.doc("users").add({ n: 1 }, { key: "ann" });

const watched = db.doc("users").watch();
found.state = (await watched.next()).value.value;

// As after a while: the token is too old, and all who ask wait for one that is made anew.
const [[name, text]] = kept;
kept.set(name, JSON.stringify({ ...JSON.parse(text), renewAt: 0 }));
const later = connect({ url, apiKey, storage });
found.later = await Promise.all([1, 2, 3].map(() => later.doc("users", "ann").get()));
found.anew = JSON.parse(kept.get(name)).refreshToken !== JSON.parse(text).refreshToken;

await later.changePassword("correct horse", "another horse");
await later.doc("users", "ann").update({ n: 2 });
found.change = (await watched.next()).value.value;
await later.logout();
found.left = [later.user, kept.size];
found.old = await code(later.login("ann@example.com", "correct horse"));
found.new = (await later.login("ann@example.com", "another horse")).uid === found.signup.uid;
console.log(JSON.stringify(found));
db.close();
later.close();
