"""A broker on this machine: for the demo, for development, for the tests. Never for production.

`apache` is Apache Kafka itself (KRaft, one node), its jars fetched once by Maven through `streams/broker/pom.xml`.
`wheel` is a small broker that comes as a Python wheel, for a first look on a machine without Java.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from vocengine.errors import BrokerUnavailable, StreamError
from vocengine.paths import resource

log = logging.getLogger(__name__)

JAVA_MIN = 17
START_TIMEOUT_S = 60.0

WHEEL_LIMITS = (
    "The wheel broker is for a first look only: killed, it can lose up to a second of acknowledged records; it never "
    "evicts a dead member and does not fence stale ones. No guarantee of vocengine holds on it. "
    "Install Java 17 and Maven for Apache Kafka."
)

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={log_dir}
num.partitions=1
auto.create.topics.enable=false
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
message.max.bytes=8388608
replica.fetch.max.bytes=8388608
"""


def free_port() -> int:
    """A TCP port on loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def java_version() -> int | None:
    """Major version of the `java` on the path, None where there is none."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, timeout=20).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else None


def choose(wanted: Literal["auto", "apache", "wheel"] = "auto") -> Literal["apache", "wheel"]:
    """Which broker this machine can run. Raises StreamError where the wanted one is not possible."""
    java, maven = java_version(), shutil.which("mvn")
    possible = (java or 0) >= JAVA_MIN and (maven is not None or any(_libs().glob("kafka_*.jar")))
    if wanted == "apache" and not possible:
        raise StreamError(
            f"--broker apache needs Java {JAVA_MIN} or newer (found {java or 'none'}) and Maven "
            f"(found {maven or 'none'}): install both, or choose --broker wheel"
        )
    if wanted == "auto":
        return "apache" if possible else "wheel"
    return wanted


@dataclass
class LocalBroker:
    """A broker process on loopback, stopped by its process id.

    `start` returns when it answers; `kill` is SIGKILL, after which `start` brings it back on the same port with
    the same data.
    """

    folder: Path
    kind: Literal["apache", "wheel"] = "apache"
    port: int = field(default_factory=free_port)
    heap_mb: int = 512
    _controller_port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Address for clients."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> LocalBroker:
        """Start it and wait until it answers. Raises BrokerUnavailable with the end of its log otherwise."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self._apache_command() if self.kind == "apache" else self._wheel_command()
        self._log = (self.folder / "broker.log").open("ab")
        self._process = subprocess.Popen(
            command, stdout=self._log, stderr=subprocess.STDOUT, cwd=self.folder, start_new_session=True
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                if self.kind == "wheel" or self._reports_started():
                    return self
            time.sleep(0.1)
        self.stop()
        raise BrokerUnavailable(f"the broker did not answer on {self.bootstrap}: {self._log_end()}")

    def stop(self, *, timeout_s: float = 20) -> None:
        """End it in good order; kills it where that takes too long."""
        if self._process and self._process.poll() is None:
            # The wheel's command is a launcher: its group has the server too.
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close_log()

    def kill(self) -> None:
        """SIGKILL, as a crash would end it."""
        if self._process and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._close_log()

    def __enter__(self) -> LocalBroker:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _close_log(self) -> None:
        if self._log:
            self._log.close()
            self._log = None

    def _reports_started(self) -> bool:
        # The port opens a moment before the broker is ready to serve.
        return b"Kafka Server started" in (self.folder / "broker.log").read_bytes()[self._log_mark :]

    @property
    def _log_mark(self) -> int:
        return getattr(self, "_mark", 0)

    def _apache_command(self) -> list[str]:
        libs = fetch_jars()
        properties = self.folder / "server.properties"
        log_dir = self.folder / "data"
        properties.write_text(
            _PROPERTIES.format(port=self.port, controller_port=self._controller_port, log_dir=log_dir),
            encoding="utf-8",
        )
        java = ["java", f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=4", "-cp", f"{libs}/*"]
        if not (log_dir / "meta.properties").exists():
            # Joined to its option by "=": an id may begin with "-".
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            done = subprocess.run(
                [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "-c", str(properties)],
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise BrokerUnavailable(f"Kafka's storage could not be formatted: {done.stderr.strip()[-400:]}")
        written = self.folder / "broker.log"
        self._mark = written.stat().st_size if written.exists() else 0
        return [*java, "-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "kafka.Kafka", str(properties)]

    def _wheel_command(self) -> list[str]:
        program = Path(sys.executable).parent / "noida-db"
        if not program.exists():
            raise StreamError("the wheel broker is not installed: pip install 'vocengine[wheel-broker]'")
        return [
            str(program),
            "start",
            "--only",
            "kafka",
            "--kafka-port",
            str(self.port),
            "--data-dir",
            str(self.folder),
        ]

    def _log_end(self) -> str:
        written = self.folder / "broker.log"
        return written.read_text(errors="replace")[-600:].strip() if written.exists() else "no log"


def fetch_jars() -> Path:
    """Folder with Kafka's jars, fetched by Maven on the first call. Raises StreamError where that fails."""
    libs = _libs()
    if not any(libs.glob("kafka_*.jar")):
        log.info("fetching Apache Kafka by Maven, once")
        done = subprocess.run(
            ["mvn", "-q", "-B", "dependency:copy-dependencies"], cwd=libs.parent, capture_output=True, text=True
        )
        if done.returncode:
            raise StreamError(f"Maven could not fetch Apache Kafka: {(done.stdout + done.stderr).strip()[-600:]}")
    return libs


def _libs() -> Path:
    return resource("streams", "broker") / "libs"
