"""Names from an OpenAI-compatible endpoint: asked over real HTTP, and refused where they are no names."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from vocengine.errors import RegistryError
from vocengine.topics.discover import Discovered
from vocengine.topics.naming import Endpoint, named


def topic(label: str) -> Discovered:
    return Discovered(label, (label, "more"), np.eye(4, dtype=np.float32)[0], 0.5, 20, (f"an example of {label}",))


class Server(HTTPServer):
    """Answers each request with the next of `answers`, and keeps what it was asked."""

    answers: list[str | int]
    asked: list[tuple[dict[str, str], dict[str, object]]]


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((dict(self.headers), body | {"path": self.path}))
        answer = self.server.answers.pop(0)
        if isinstance(answer, int):
            self.send_error(answer)
            return
        told = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), _Handler) as running:
        running.answers, running.asked = [], []
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def endpoint(server: Server, key: str | None = None) -> Endpoint:
    return Endpoint(f"http://127.0.0.1:{server.server_port}/v1/", "any", key, timeout_s=5)


def test_new_topics_take_the_names_that_come_back(server: Server) -> None:
    server.answers = ['"Late flights."', "Lost bags"]
    found = named([topic("late"), topic("old"), topic("bag")], {"late", "bag"}, endpoint(server, "s3cret"))
    assert [t.label for t in found] == ["Late flights", "old", "Lost bags"]
    assert len(server.asked) == 2, "a topic that keeps its label is not asked about"
    headers, body = server.asked[0]
    assert headers["Authorization"] == "Bearer s3cret" and body["path"] == "/v1/chat/completions"
    assert "an example of late" in str(body["messages"])
    assert "s3cret" not in repr(endpoint(server, "s3cret"))


def test_what_is_no_name_or_taken_or_fails_leaves_the_label(server: Server) -> None:
    server.answers = ["Bags", "This topic seems to be about several things at once", "bags", 500]
    found = named([topic(name) for name in ("a", "b", "c", "d")], set("abcd"), endpoint(server))
    assert [t.label for t in found] == ["Bags", "b", "c", "d"]


def test_an_endpoint_that_refuses_at_once_is_an_error_that_names_it(server: Server) -> None:
    server.answers = [401]
    with pytest.raises(RegistryError, match=r"topics.naming_url is 'http.*it answered 401"):
        named([topic("a")], {"a"}, endpoint(server))
    with pytest.raises(RegistryError, match="Connection refused"):
        named([topic("a")], {"a"}, Endpoint("http://127.0.0.1:9/v1", "any"))
