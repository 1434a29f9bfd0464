"""What a role tells Prometheus, and its health answer, on a port of its own."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from vocengine.settings import MetricsSettings

# A role polls several times a second; silence for this long means that it hangs.
HEALTHY_S = 120.0


class RoleMetrics:
    """Counts steps and records; serves `/metrics` and `/healthz` while open, where a port is set."""

    def __init__(self, role: str, settings: MetricsSettings) -> None:
        self._settings = settings
        self.registry = CollectorRegistry()
        self._records = Counter(
            "vocengine_records", "Records taken through a transaction", ["role"], registry=self.registry
        ).labels(role)
        self._batches = Counter(
            "vocengine_batches", "Transactions with records in them", ["role"], registry=self.registry
        ).labels(role)
        self._last = Gauge(
            "vocengine_last_step_timestamp_seconds", "When the role last stepped", ["role"], registry=self.registry
        ).labels(role)
        self._stepped_at = time.monotonic()
        self._server: ThreadingHTTPServer | None = None

    def stepped(self, records: int) -> None:
        """Take note of a step."""
        self._stepped_at = time.monotonic()
        self._last.set_to_current_time()
        if records:
            self._records.inc(records)
            self._batches.inc()

    @property
    def healthy(self) -> bool:
        """Whether the role has stepped lately."""
        return time.monotonic() - self._stepped_at < HEALTHY_S

    def __enter__(self) -> RoleMetrics:
        if self._settings.port:
            self._server = ThreadingHTTPServer((self._settings.host, self._settings.port), _handler(self))
            threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _handler(metrics: RoleMetrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(metrics.registry), "text/plain; version=0.0.4")
            elif self.path == "/healthz":
                self._answer(200 if metrics.healthy else 503, b"ok\n" if metrics.healthy else b"hangs\n", "text/plain")
            else:
                self._answer(404, b"not found; there are /metrics and /healthz\n", "text/plain")

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return  # scrapes every few seconds are no news

    return Handler
