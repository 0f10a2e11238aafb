// Prints what a listener is told, a line of JSON each, and whether it is connected.

const { connect } = await import(process.env.CLIENT);
const say = (what) => console.log(JSON.stringify(what));
const db = connect({ url: process.argv[2], apiKey: process.argv[3], onConnection: (connected) => say({ connected }) });
for await (const change of db.doc("users").where("n", ">=", 0).watch()) {
  say(change);
  if (change.id === "last") break;
}
db.close();
