"""Signed webhooks, after Standard Webhooks (standardwebhooks.com, specification 1.0).

`webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`. A repetition has the same
`webhook-id`, by which a receiver drops it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import http.client
import ssl
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from vocengine.notify.outcome import Outcome
from vocengine.notify.words import Message

TIMEOUT_S = 10.0
LEAST_KEY_BYTES = 24
_PREFIX = "whsec_"
# What the receiver may say and we read of it.
_READ_BYTES = 2_000
_AGAIN = {408, 425, 429}


def fault_of(url: str, *, allow_http: bool = False) -> str | None:
    """Why a URL cannot be a webhook's, None where it can; without the URL, whose path may be secret."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "is not a URL; write https://host/path"
    if parts.username or parts.password:
        return "has a user or password in it; the signature takes their place"
    if port == 0:
        return "has port 0"
    if any(not 33 <= ord(sign) < 127 for sign in url):
        return "has a blank, a control character or a letter outside ASCII in it; escape it"
    if parts.scheme == "http" and not allow_http and not _is_loopback(parts.hostname):
        return "is not encrypted; use https, or say allow_http: true where the network is your own"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def key_of(secret: str) -> bytes:
    """The signing key of a secret: base64 behind `whsec_`, otherwise its own bytes. Raises ValueError where short."""
    if secret.startswith(_PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise ValueError(f"has something behind {_PREFIX} that is not base64") from None
    else:
        key = secret.encode()
    if len(key) < LEAST_KEY_BYTES:
        raise ValueError(f"has {len(key)} bytes; at least {LEAST_KEY_BYTES} are needed: openssl rand -base64 32")
    return key


def signature(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(url: str, key: bytes, message: Message, delivery_id: str) -> Outcome:
    """Post a message once; redirects are not followed. A receiver that is away or busy is worth another attempt."""
    parts = urlsplit(url)
    assert parts.hostname
    now = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "vocengine",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(key, delivery_id, now, message.payload),
    }
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, body=message.payload, headers=headers)
        response = connection.getresponse()
        status, asked = response.status, response.getheader("Retry-After")
        response.read(_READ_BYTES)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Outcome(f"{parts.hostname} cannot be reached: {str(error) or type(error).__name__}")
    finally:
        connection.close()
    if 200 <= status < 300:
        return Outcome()
    if 300 <= status < 400:
        return Outcome(f"{parts.hostname} answered {status}, a redirect, which is not followed", again=False)
    again = status >= 500 or status in _AGAIN
    return Outcome(f"{parts.hostname} answered {status}", again=again, after_s=_seconds(asked) if again else 0.0)


def _seconds(asked: str | None) -> float:
    """The wait of a `Retry-After`, in seconds or as a date."""
    if not asked:
        return 0.0
    if asked.strip().isdigit():
        return float(asked.strip()[:9])
    try:
        at = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
