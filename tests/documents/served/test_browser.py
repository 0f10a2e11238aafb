"""The client in a real browser: a page shows a live list, which changes as others write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from documents.served.javascript import HERE, MODULES, environment, node, package
from objects.servers import SERVERS, left_out

from dynafile.documents import Increment, Montybase, doc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNPACKED = SERVERS / "chromium"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def executable() -> tuple[str, dict[str, str]]:
    """Return the browser and its environment; skip the test if there is none, but not in CI."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return found, environment()
    below = UNPACKED / "usr" / "lib" / "chromium" / "chromium"
    if not below.exists():
        left_out("chromium is missing: apt-get install chromium, or make .venv/.browser")
    libraries = sorted({str(path.parent) for path in UNPACKED.rglob("*.so*")})
    return str(below), {**environment(), "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


class Browser:
    """A browser with one page."""

    def __init__(self, profile: Path) -> None:
        package("playwright-core")
        program, environment = executable()
        self._process = subprocess.Popen(
            [*node(), str(HERE / "browser.mjs"), str(MODULES), program, str(profile)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._read() == "ready"

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the browser did not start: what it said is above"
        return json.loads(line)

    def __call__(self, command: str, argument: Any = None) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, argument]) + "\n")
        self._process.stdin.flush()
        answer = self._read()
        assert "error" not in answer, answer["error"]
        return answer["answer"]

    def shows(self, selector: str, *texts: str) -> None:
        """Wait until a page shows these texts, and no others."""
        assert self("texts", [selector, list(texts)]) == list(texts)

    def close(self) -> None:
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(20)
            finally:
                self._process.kill()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.close()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and does not say so."""

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """The origin of a site with the page, which is another one than the server's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=HERE)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def admit(folder: Path, origin: str) -> str:
    """Make the configuration of a server that pages of a site may ask; return the key."""
    Montybase(folder, endpoint=True).close()
    path = folder / "db.config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"origins": [origin]}))
    key: str = json.loads((folder / "client-config.json").read_text())["apiKey"]
    return key


def test_a_live_list(browser: Browser, site: str, run: Any, tmp_path: Path) -> None:
    """A page of another site, with a key, while other clients write and the server starts anew."""
    key = admit(tmp_path / "db", site)
    server = run(endpoint=True)
    client = writer(server.url, tmp_path, key)
    users = doc(client, "users")
    users.add({"name": "Ann", "score": 100}, key="ann")
    browser("goto", f"{site}/live.html?" + urlencode({"server": server.url, "apiKey": key}))
    browser.shows("#connection", "connected")
    browser.shows("#all li", "Ann: 100")
    browser.shows("#high li")
    users.add({"name": "<b>Bob</b>", "score": 130}, key="bob")
    browser.shows("#all li", "Ann: 100", "<b>Bob</b>: 130")
    browser.shows("#high li", "<b>Bob</b>: 130")
    users.update({"score": Increment(1)}, key="ann")
    browser.shows("#high li", "<b>Bob</b>: 130", "Ann: 101")
    browser("click", "#more")
    browser.shows("#all li", "Ann: 102", "<b>Bob</b>: 130")
    assert users.document("ann").get()["score"] == 102
    users.delete(key="bob")
    browser.shows("#all li", "Ann: 102")
    browser.shows("#high li", "Ann: 102")

    server.stop()
    browser.shows("#connection", "connecting again")
    with Montybase(tmp_path / "db") as beside:
        doc(beside, "users").add({"name": "Cid", "score": 7}, key="cid")
        doc(beside, "users").update({"score": 5}, key="ann")
    server = run(port=server.port, endpoint=True)
    browser.shows("#connection", "connected")
    browser.shows("#all li", "Ann: 5", "Cid: 7")
    browser.shows("#high li")
    users.add({"name": "Dora", "score": 500}, key="dora")
    browser.shows("#all li", "Ann: 5", "Cid: 7", "Dora: 500")
    browser.shows("#high li", "Dora: 500")
    browser.shows(
        "#refused",
        "InvalidDocument: a Date at made cannot be stored: store text, such as toISOString()",
    )
    assert browser("errors") == []
    if shots := os.environ.get("SCREENSHOTS"):
        browser("screenshot", f"{shots}/live.png")
    client.close()


def writer(url: str, folder: Path, key: str) -> Montybase:
    """Return a client in Python."""
    here = os.getcwd()
    try:
        os.chdir(folder)
        (folder / "client-config.json").write_text(json.dumps({"apiKey": key}))
        return Montybase(api=url)
    finally:
        os.chdir(here)


def test_a_key_that_does_not_count_is_told(
    browser: Browser, site: str, run: Any, tmp_path: Path
) -> None:
    admit(tmp_path / "db", site)
    server = run(endpoint=True)
    wrong = "mb-" + "A" * 43
    browser("goto", f"{site}/live.html?" + urlencode({"server": server.url, "apiKey": wrong}))
    code = (
        f"import('{server.url}/client.js').then(async ({{ connect }}) => {{\n"
        f"  const db = connect({{ url: '{server.url}', apiKey: '{wrong}' }});\n"
        "  const asked = await db.doc('users').get().catch((error) => error.code);\n"
        "  return new Promise((resolve) => db.doc('users').onSnapshot(resolve, {\n"
        "    onError: (error) => resolve([asked, error.status, error.code]) })); })"
    )
    assert browser("evaluate", code) == ["InvalidApiKey", 401, "InvalidApiKey"]


def test_the_page_to_try_it(browser: Browser, run: Any) -> None:
    """The server's own page: under its policy nothing fails, and what it does is shown."""
    server = run()
    doc(server.db, "users").add({"name": "Amor"}, key="amor")
    browser("goto", f"{server.url}/")
    browser("evaluate", "document.querySelector('#method').value = 'WATCH'")
    browser("click", "button[type=submit]")
    browser.shows("#events li", 'state users {"amor":{"name":"Amor"}}')
    doc(server.db, "users").add({"name": "Toriel"}, key="toriel")
    browser.shows(
        "#events li",
        'added users/toriel {"name":"Toriel"}',
        'state users {"amor":{"name":"Amor"}}',
    )
    links = browser("evaluate", "[...document.links].map((each) => each.getAttribute('href'))")
    assert {"client.js", "client.d.ts"} <= set(links)
    code = (
        "import('/client.js').then(async ({ connect, serverTimestamp }) => {\n"
        "  const db = connect(); const users = db.doc('users');\n"
        "  const id = await users.add({ at: serverTimestamp() });\n"
        "  const found = await users.get(); db.close();\n"
        "  return [Object.keys(found).includes(id), typeof found[id].at]; })"
    )
    assert browser("evaluate", code) == [True, "string"]
    assert browser("errors") == []
    if shots := os.environ.get("SCREENSHOTS"):
        browser("screenshot", f"{shots}/page.png")
