"""The client in JavaScript, in Node.js: what it sends, refuses and remembers, and its types."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from documents.served.javascript import CLIENT, HERE, environment, node, package

from dynafile.documents import Montybase, doc

DOCS = Path(__file__).parents[3] / "docs"

OPTIONS = {
    "noEmit": True,
    "checkJs": True,
    "allowJs": True,
    "strict": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
    "target": "es2023",
    "lib": ["es2023", "dom", "dom.iterable"],
    "module": "esnext",
    "moduleResolution": "bundler",
    "types": [],
}
DECLARED = 'const declared: typeof import("./types/dynafile-documents.js") = written;\n'
USE = """import { connect, increment, type Change } from "./types/dynafile-documents.js";
interface User { name: string; score: number }
const db = connect({ url: "https://example.com/", apiKey: "mb-", storage: localStorage });
const users = db.doc<User>("users");
const score: number = (await users.where("score", ">", 1).stream())[0].value.score;
users.onSnapshot((change: Change<User>) => { if (change.type === "added") change.value.name; });
for await (const change of users.watch({ since: "1" })) change.position.length;
await users.document("ann").update({ score: increment(score) }, { exists: true });
"""
WRONG = [
    'users.where("score", "=", 1);',
    "users.limit('5');",
    "users.path = 'x';",
    "users.add({}, { exist: true });",
    "connect({ key: 'mb-' });",
    "const n: number = await users.lastUpdate();",
]


@pytest.mark.parametrize("name", ["values", "session", "live"])
def test_in_node(name: str) -> None:
    done = subprocess.run(
        [*node(), "--test", str(HERE / f"{name}.test.mjs")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout.replace("ℹ", "#")
    assert "# pass 0" not in done.stdout.replace("ℹ", "#")


def test_a_listener_misses_nothing_while_the_server_is_started_again(
    run: Any, tmp_path: Path
) -> None:
    server = run(endpoint=True)
    key = json.loads((tmp_path / "db" / "client-config.json").read_text())["apiKey"]
    users = doc(server.db, "users")
    users.add({"n": 0}, key="u0")
    command = [*node(), str(HERE / "follow.mjs"), server.url, key]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            lines = map(json.loads, program.stdout)
            assert next(lines) == {"connected": True}
            assert next(lines)["value"] == {"u0": {"n": 0}}
            users.add({"n": 1}, key="u1")
            assert next(lines)["id"] == "u1"
            for turn in range(3):
                server.stop()
                assert next(lines) == {"connected": False}
                with Montybase(tmp_path / "db") as beside:
                    doc(beside, "users").update({"n": 2 + turn}, key="u0")
                    doc(beside, "users").add({"n": -1}, key=f"hidden{turn}")
                    doc(beside, "users").delete(key=f"u{1 + turn}")
                    doc(beside, "users").add({"n": 1}, key=f"u{2 + turn}")
                server = run(port=server.port, endpoint=True)
                assert next(lines) == {"connected": True}
                told = [next(lines) for _ in range(3)]
                assert [(each["type"], each["id"]) for each in told] == [
                    ("modified", "u0"),
                    ("removed", f"u{1 + turn}"),
                    ("added", f"u{2 + turn}"),
                ]
                assert told[0]["value"] == {"n": 2 + turn}
            doc(server.db, "users").add({"n": 9}, key="last")
            assert [each.get("id", each) for each in lines] == ["last", {"connected": False}]
            assert program.wait(20) == 0
        finally:
            program.kill()


def test_who_takes_slowly_misses_nothing_and_keeps_no_queue(run: Any) -> None:
    command = [*node(), str(HERE / "slow.mjs"), run().url]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    found = {f"u{n}": n for n in range(1000) if n % 100 != 1} | {"end": None}
    found |= {f"u{n}": -1 for n in range(0, 1000, 100)}
    assert dict(told["quick"]) == dict(told["slow"]) == found
    assert told["left"] > 2  # which is both at their ends


def test_a_user_of_a_real_server(run: Any, tmp_path: Path) -> None:
    server = run(endpoint=True)
    key = json.loads((tmp_path / "db" / "client-config.json").read_text())["apiKey"]
    command = [*node(), str(HERE / "users.mjs"), server.url, key]
    done = subprocess.run(
        command, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    uid = found["signup"].pop("uid")
    assert uid
    assert found == {
        "unknown": "401 InvalidLogin",
        "signup": {"email": "ann@example.com", "claims": {}},
        "twice": "409 EmailTaken",
        "state": {"ann": {"n": 1}},
        "later": [{"n": 1}] * 3,
        "anew": True,
        "change": {"n": 2},
        "left": [None, 0],
        "old": "401 InvalidLogin",
        "new": True,
    }


def types(folder: Path, *parts: str) -> str:
    """Check the client and a program in TypeScript; return what the compiler says."""
    tsc = package("typescript") / "bin" / "tsc"
    folder.mkdir()
    for path in CLIENT.glob("*.js"):  # not beside their types, which would stand for them
        shutil.copy(path, folder)
    (folder / "types").mkdir()
    for path in CLIENT.glob("*.d.ts"):
        shutil.copy(path, folder / "types")
    (folder / "use.ts").write_text("\n".join(parts) + "\nexport {};\n")
    files = [path.name for path in sorted(folder.iterdir()) if path.is_file()]
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": files}))
    command = [*node(), str(tsc), "-p", str(folder), "--pretty", "false"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout


def test_the_types_are_those_of_the_code(tmp_path: Path) -> None:
    written = 'import * as written from "./dynafile-documents.js";'
    assert types(tmp_path / "right", USE, written, DECLARED, "export { declared };") == ""
    code = (CLIENT / "dynafile-documents.js").read_text()
    assert "async logout()" in code
    said = types(tmp_path / "wrong", USE, *WRONG)
    for number in range(len(WRONG)):
        assert f"use.ts({USE.count(chr(10)) + 2 + number}," in said


def test_the_examples_of_the_page_run(run: Any, tmp_path: Path) -> None:
    """As one program, which prints what stands behind each console.log."""
    server = run(endpoint=True)
    key = json.loads((tmp_path / "db" / "client-config.json").read_text())["apiKey"]
    text = (DOCS / "documents-javascript.md").read_text()
    parts = re.findall(r"(?<!-->\n)^```js\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    code = "\n".join(parts)
    wanted = re.findall(r"console\.log\(.*\); // (.*)$", code, re.MULTILINE)
    assert len(wanted) == code.count("console.log") > 5
    for said, meant in (
        ("https://example.com/client.js", environment()["CLIENT"]),
        ("https://example.com/", server.url),
        ("mb-...", key),
    ):
        assert said in code
        code = code.replace(said, meant)
    program = tmp_path / "page.mjs"
    program.write_text(code)
    command = [*node(), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == wanted


def test_all_of_it_is_served(guarded: Any) -> None:
    entry = guarded("GET", "/client.js")
    assert entry.status == 200
    assert entry.headers["content-type"] == "text/javascript; charset=utf-8"
    assert './client/dynafile-documents.js"' in entry.body.decode()
    for path in CLIENT.iterdir():
        answer = guarded("GET", f"/client/{path.name}")
        assert answer.status == 200
        assert answer.body == path.read_bytes()
        assert answer.headers["x-content-type-options"] == "nosniff"
        kind = "typescript" if path.suffix == ".ts" else "javascript"
        assert answer.headers["content-type"] == f"text/{kind}; charset=utf-8"
        tag = answer.headers["etag"]
        again = guarded("GET", f"/client/{path.name}", headers=(("if-none-match", tag),))
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    declared = guarded("GET", "/client.d.ts").body
    assert declared == (CLIENT / "dynafile-documents.d.ts").read_bytes()
    for wrong in ("", "x.js", "../page.py", "..%2Fpage.py", "errors.js/"):
        assert guarded("GET", f"/client/{wrong}").status == 404
    assert guarded("POST", "/client.js", {}).status == 405


def test_the_modules_are_short() -> None:
    for path in CLIENT.iterdir():
        assert len(path.read_text().splitlines()) <= 400, path.name
