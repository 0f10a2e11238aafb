// The page to try the documents: sends what the form says, and shows what comes.

const root = new URL(".", import.meta.url).pathname; // ".../v1/"
const at = (id) => document.getElementById(id);
const verbs = new Set(["query", "watch", "aggregate", "explain", "batch"]);
const samples = {
  PUT: { name: "Amor", score: 100 },
  POST: { name: "Amor", score: 100 },
  PATCH: { score: 120 },
  query: { query: { path: ["users"], where: [{ field: "score", op: ">", value: 100 }] } },
  watch: { query: { path: ["users"], where: [{ field: "score", op: ">", value: 100 }] } },
  aggregate: { query: { path: ["users"] }, kind: "count" },
  explain: { query: { path: ["users"], where: [{ field: "score", op: ">", value: 100 }] } },
  batch: { changes: [{ kind: "update", path: ["users", "ann"], transforms: { score: { increment: 1 } } }] },
};
const mostEvents = 200;
let watching = null;
let filled = "";

function chosen() {
  return at("method").value;
}

function adapt() {
  const method = chosen();
  at("path-row").hidden = verbs.has(method);
  at("body-row").hidden = !(method in samples);
  if (at("body").value === filled && method in samples) {
    filled = JSON.stringify(samples[method], null, 2);
    at("body").value = filled;
  }
}

function address(method) {
  if (verbs.has(method)) return `${root}documents:${method}`;
  const segments = at("path").value.split("/").filter((each) => each !== "");
  return [`${root}documents`, ...segments.map(encodeURIComponent)].join("/");
}

function headers(method) {
  const found = {};
  const key = at("key").value.trim();
  if (key) found.authorization = `Bearer ${key}`;
  if (method in samples) found["content-type"] = "application/json";
  if (isLive(method)) found.accept = "text/event-stream";
  return found;
}

function isLive(method) {
  return method === "WATCH" || method === "watch";
}

function say(text) {
  at("status").textContent = text;
}

function show(text) {
  try {
    at("output").textContent = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    at("output").textContent = text;
  }
}

function stop() {
  watching?.abort();
  watching = null;
  at("stop").hidden = true;
}

async function send() {
  stop();
  const method = chosen();
  const control = new AbortController();
  const http = verbs.has(method) ? "POST" : method === "WATCH" ? "GET" : method;
  say("Sent; waiting for the answer …");
  const began = performance.now();
  try {
    const answer = await fetch(address(method), {
      method: http,
      headers: headers(method),
      body: method in samples ? at("body").value : undefined,
      signal: control.signal,
    });
    say(`${answer.status} ${answer.statusText}, after ${Math.round(performance.now() - began)} ms`);
    if (isLive(method) && answer.ok) {
      watching = control;
      at("stop").hidden = false;
      await follow(answer);
      say("It ended: the server stopped, or the connection broke.");
      stop();
    } else {
      show(await answer.text());
    }
  } catch (error) {
    if (error.name !== "AbortError") say(`No answer: ${error.message}`);
    else say("You stopped watching.");
  }
}

async function follow(answer) {
  at("live-section").hidden = false;
  at("events").replaceChildren();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) tell(part);
  }
}

function tell(part) {
  const line = part.split("\n").find((each) => each.startsWith("data: "));
  if (line === undefined) return;
  const change = JSON.parse(line.slice(6));
  const item = document.createElement("li");
  const word = document.createElement("strong");
  word.textContent = change.type;
  item.append(word, ` ${change.path} ${JSON.stringify(change.value)}`);
  at("events").prepend(item);
  while (at("events").children.length > mostEvents) at("events").lastChild.remove();
}

at("method").addEventListener("change", adapt);
at("stop").addEventListener("click", stop);
at("request").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
adapt();
