"""Those who get messages, on loopback: a mail server that speaks SMTP (RFC 5321), and a receiver of webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "an authentic secret of over 24 bytes"


@dataclass
class Mail:
    """A mail as the server took it."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    def part(self, kind: str) -> str:
        """The text of the `plain` or the `html` part."""
        found = self.message.get_body((kind,))
        assert found is not None
        return str(found.get_content())


@dataclass
class MailServer:
    """What came in; the next `refuse` mails are put off with a 451."""

    port: int
    mails: list[Mail] = field(default_factory=list)
    refuse: int = 0


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server on a free port."""

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(line.encode() + b"\r\n")

        def handle(self) -> None:
            sender, recipients = "", []
            self.say("220 mail.test ESMTP")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                verb = verb.upper()
                if verb in ("EHLO", "HELO"):
                    self.say("250-mail.test\r\n250-8BITMIME\r\n250 SMTPUTF8" if verb == "EHLO" else "250 mail.test")
                elif verb == "MAIL":
                    sender, recipients = rest.partition(":")[2].split(">")[0].strip("< "), []
                    self.say("250 ok")
                elif verb == "RCPT" and sender:
                    recipients.append(rest.partition(":")[2].split(">")[0].strip("< "))
                    self.say("250 ok")
                elif verb == "DATA" and recipients:
                    if server.refuse:
                        server.refuse -= 1
                        self.say("451 try again later")
                        continue
                    self.say("354 go on, end with a dot")
                    raw = b""
                    while (data := self.rfile.readline()) != b".\r\n":
                        raw += data[1:] if data.startswith(b".") else data
                    message = message_from_bytes(raw, policy=policy.default)
                    server.mails.append(Mail(sender, recipients, message))  # type: ignore[arg-type]
                    self.say("250 taken")
                elif verb in ("RSET", "NOOP"):
                    self.say("250 ok")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("503 not now")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as listening:
        server = MailServer(listening.server_address[1])
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            listening.shutdown()


@dataclass
class Hook:
    """A webhook as it came in."""

    webhook_id: str
    signed: bool
    body: dict[str, Any]
    path: str


@dataclass
class HookServer:
    """What came in and was taken; before that `answers` are given, in order, and what they refuse is in `refused`."""

    port: int
    hooks: list[Hook] = field(default_factory=list)
    refused: list[Hook] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    # While it is clear, what has come in is not answered.
    answering: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answering.set()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hooks/voc?from=test"


@contextmanager
def hook_server(secret: str = SECRET) -> Iterator[HookServer]:
    """A receiver on a free port that checks signatures as the specification of Standard Webhooks says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            told, at = self.headers["webhook-id"], self.headers["webhook-timestamp"]
            digest = hmac.new(secret.encode(), f"{told}.{at}.".encode() + raw, hashlib.sha256).digest()
            signed = self.headers["webhook-signature"] == "v1," + base64.b64encode(digest).decode()
            hook = Hook(told, signed, json.loads(raw), self.path)
            status, headers = server.answers.pop(0) if server.answers else (204 if signed else 401, {})
            (server.hooks if status < 300 else server.refused).append(hook)
            if not server.answering.wait(30):
                return
            self.send_response(status)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            return  # a sender that was killed no longer listens

    with Server(("127.0.0.1", 0), Handler) as listening:
        server = HookServer(listening.server_address[1])
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            listening.shutdown()
