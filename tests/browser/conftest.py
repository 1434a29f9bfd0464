"""The application served for real, and a real browser that may talk to nothing else."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from tests.web.conftest import story as story  # the same six weeks of feedback
from vocengine.web import create_app

Open = Callable[..., Any]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Address of the application, running on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def site(story: Any) -> Iterator[str]:
    """Address of the running application."""
    with served(create_app(story)) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium of the system."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        # Containers run as root, where Chromium's own sandbox cannot start.
        started = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any, site: str) -> Iterator[Open]:
    """Opens pages, and fails the test at its end on any complaint of the browser or any request elsewhere."""
    complaints: list[str] = []
    contexts = []

    def go(address: str, *, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 850}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((site, "data:", "blob:")) else complaints.append(r.url))
        page.goto(site + address)
        return page

    yield go
    for context in contexts:
        context.close()
    refusals = ("404 (Not Found)", "409 (Conflict)")
    assert [c for c in complaints if not any(refusal in c for refusal in refusals)] == []
