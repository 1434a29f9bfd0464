"""The demo, step by step, with progress; what it prints is read back from Kafka and the database."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from vocengine.contracts import Alert, Feedback, Rejected, decode_feedback
from vocengine.demo.casework import work_off
from vocengine.demo.incidents import Outcome, judge, load_incidents
from vocengine.demo.people import Outlived, outlive_a_refit
from vocengine.errors import StreamError, VocengineError
from vocengine.intake import replay
from vocengine.paths import resource
from vocengine.settings import Settings
from vocengine.signals import stop_on_signals
from vocengine.store import counts, schema
from vocengine.store import engine as store_engine
from vocengine.store.reads import CaseDetail, Precision
from vocengine.stream import letters, topology
from vocengine.stream.broker import WHEEL_LIMITS, LocalBroker, choose
from vocengine.stream.sink import FeedbackSink
from vocengine.stream.supervisor import Supervisor
from vocengine.stream.topic_discovery import Report, refit
from vocengine.terminal import table

# What became of a case, by what was done to it.
_STEPS = {
    "open": "opened",
    "amend": "another alert",
    "take": "acknowledged",
    "start": "in progress",
    "resolve": "resolved",
    "judge": "judged",
    "close": "closed",
    "reopen": "reopened",
}
# Alerts leave a moment after the last event is stored; two quiet looks in a row mean that all are out.
_QUIET_S = 3.0
_TIMEOUT_S = 600.0
# The sample is history, and in history nothing emerges.
_WITHOUT = frozenset({"discover"})


def run_demo(
    settings: Settings,
    *,
    broker: Literal["auto", "apache", "wheel"],
    own_broker: bool,
    speed: float | None,
    stay: bool,
) -> bool:
    """Run the demo; returns whether a planted incident or its case is missing, or a refit undid what people did.

    Raises VocengineError.
    """
    console = Console()
    folder = settings.data_dir
    _check_port(settings)
    if own_broker:
        shutil.rmtree(folder, ignore_errors=True)  # a demo begins with nothing
    folder.mkdir(parents=True, exist_ok=True)
    stop = stop_on_signals()
    feedback = list(_sample(resource("streams", "sample", "feedback.jsonl")))
    incidents = load_incidents(resource("streams", "sample", "ground_truth.json"))
    with contextlib.ExitStack() as stack:
        if own_broker:
            settings = _with_broker(settings, stack, choose(broker), console)
        with console.status("preparing PostgreSQL and the topics"):
            engine = store_engine.connect(settings)
            schema.upgrade(engine)
            topology.apply(settings.kafka, partitions=3)
        with console.status("discovering topics in the days before the first incident"):
            found = refit(
                settings,
                from_file=resource("streams", "sample", "feedback.jsonl"),
                before=min(incident.started_at for incident in incidents),
            )
        supervisor = stack.enter_context(Supervisor(settings, without=_WITHOUT, log_file=folder / "roles.log"))
        began = time.monotonic()
        _stream(settings, engine, feedback, speed, supervisor, console)
        took_s = time.monotonic() - began
        with store_engine.transaction(engine) as connection:
            raised = counts.raised_alerts(connection)
        dead = sum(1 for _ in letters.read(settings.kafka))
        outcomes = judge(incidents, raised)
        _summary(console, feedback, engine, dead, found, raised, outcomes, took_s)
        cases, precision = work_off(settings, outcomes)
        _cases(console, outcomes, cases, precision)
        with console.status("naming a topic, merging two, and discovering topics again in everything stored"):
            outlived = outlive_a_refit(settings)
        _people(console, outlived)
        url = f"http://{settings.web.host}:{settings.web.port}"
        if stay:
            console.print(f"\nThe page is on [bold]{url}[/] until Ctrl-C.", highlight=False)
            supervisor.watch(stop)
        missed = any(outcome.alert is None or outcome.alert.alert_id not in cases for outcome in outcomes)
        return missed or not outlived.holds


def _with_broker(
    settings: Settings, stack: contextlib.ExitStack, kind: Literal["apache", "wheel"], console: Console
) -> Settings:
    name = "Apache Kafka" if kind == "apache" else "the wheel broker"
    if kind == "wheel":
        console.print(f"[yellow]{WHEEL_LIMITS}[/]", highlight=False)
    with console.status(f"starting {name}"):
        local = stack.enter_context(LocalBroker(settings.data_dir / "kafka", kind=kind))
    console.print(f"{name} on {local.bootstrap}", highlight=False)
    kafka = settings.kafka.model_copy(update={"bootstrap": local.bootstrap})
    return settings.model_copy(update={"kafka": kafka})


def _sample(path: Path) -> Iterator[Feedback]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            event = decode_feedback(line)
            if isinstance(event, Rejected):
                raise VocengineError(f"{path}:{number}: {event.message}")
            yield event


def _stream(
    settings: Settings,
    engine: store_engine.Engine,
    feedback: list[Feedback],
    speed: float | None,
    supervisor: Supervisor,
    console: Console,
) -> None:
    """Send everything and follow it until it has arrived and no alert is on its way."""
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        contextlib.closing(FeedbackSink(settings.kafka, origin="sample")) as sink,
        Progress(*columns, console=console) as bar,
    ):
        sent = bar.add_task("sent", total=len(feedback))
        stored = bar.add_task("stored", total=len(feedback))
        look = _Look(engine, lambda n: bar.update(stored, completed=n), supervisor)
        for n, (delay_s, event) in enumerate(replay(feedback, speed=speed), 1):
            look.while_waiting(delay_s)
            sink.send(event)
            bar.update(sent, completed=n)
        sink.flush()
        deadline = time.monotonic() + _TIMEOUT_S
        quiet_since = time.monotonic()
        seen = (-1, -1)
        while time.monotonic() - quiet_since < _QUIET_S or seen[0] < len(feedback):
            if time.monotonic() > deadline:
                raise StreamError(
                    f"only {seen[0]} of {len(feedback)} events arrived; see {settings.data_dir}/roles.log"
                )
            now = look.now()
            if now != seen:
                seen, quiet_since = now, time.monotonic()
            time.sleep(0.2)


class _Look:
    """Counts what has arrived, and keeps the roles alive meanwhile."""

    def __init__(self, engine: store_engine.Engine, show: Callable[[int], None], supervisor: Supervisor) -> None:
        self._engine, self._show, self._supervisor = engine, show, supervisor

    def now(self) -> tuple[int, int]:
        """Events and alerts in the database."""
        self._supervisor.tend()
        with store_engine.transaction(self._engine) as connection:
            stored, raised = counts.stored_events(connection), len(counts.raised_alerts(connection))
        self._show(stored)
        return stored, raised

    def while_waiting(self, delay_s: float) -> None:
        """Look now and then while the next event is not yet due."""
        until = time.monotonic() + delay_s
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            self.now()


def _summary(
    console: Console,
    feedback: list[Feedback],
    engine: store_engine.Engine,
    dead: int,
    found: Report,
    raised: list[Alert],
    outcomes: list[Outcome],
    took_s: float,
) -> None:
    with store_engine.transaction(engine) as connection:
        stored = counts.stored_events(connection)
    console.print()
    table(
        ["", ""],
        [
            ["events in", f"{len(feedback):,}"],
            ["enriched and stored", f"{stored:,} in {took_s:.0f} s"],
            ["dead letters", f"{dead:,}"],
            ["topics found", f"{found.topics} in {found.spans:,} clauses ({found.outlier_share:.0%} in none)"],
            ["alerts raised", f"{len(raised)}"],
        ],
    )
    console.print()
    table(
        ["planted incident", "reported by", "after (event time)", "after it was said"],
        [
            [
                o.incident.title,
                f"{o.alert.key} “{o.alert.label}”" if o.alert else "[red]missed[/]",
                _hours(o.delay) if o.delay is not None else "–",
                f"{_reaction_s(engine, o.alert):.1f} s" if o.alert else "–",
            ]
            for o in outcomes
        ],
    )


def _cases(console: Console, outcomes: list[Outcome], cases: dict[str, CaseDetail], precision: Precision) -> None:
    told = [(o, cases.get(o.alert.alert_id) if o.alert else None) for o in outcomes]
    console.print()
    table(
        ["case of", "from alert to close", "by"],
        [
            [
                outcome.incident.title,
                " → ".join(_STEPS.get(entry.action, entry.action) for entry in found.history),
                ", ".join(dict.fromkeys(entry.by for entry in found.history)),
            ]
            if found
            else [outcome.incident.title, "[red]none[/]", ""]
            for outcome, found in told
        ],
    )
    console.print(f"{precision.real} of {precision.judged} judged cases were real problems", highlight=False)


def _people(console: Console, outlived: Outlived) -> None:
    o = outlived
    console.print()
    table(
        ["done by a person", "after a refit on everything stored"],
        [
            [f"topic {o.named_id} named “{o.name}”", f"topic {o.named_id} is called “{o.name_after}”"],
            [
                f"topic {o.merged_id} “{o.merged_label}” merged into {o.into_id}",
                f"it counts in topic {o.into_after}" if o.into_after else "[red]it stands alone again[/]",
            ],
            [f"{o.before} topics in force", f"{o.kept} kept their ids, {o.born} new"],
        ],
    )


def _hours(delay: timedelta) -> str:
    return f"{delay.total_seconds() / 3600:.1f} h"


def _reaction_s(engine: store_engine.Engine, alert: Alert) -> float:
    """Seconds from the arrival of the event that completed the evidence until the alert was raised."""
    with store_engine.transaction(engine) as connection:
        arrived = counts.first_arrival(connection, alert.opened_at)
    return (alert.raised_at - arrived).total_seconds() if arrived else float("nan")


def _check_port(settings: Settings) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.web.host, settings.web.port))
        except OSError as error:
            raise VocengineError(
                f"port {settings.web.port} on {settings.web.host} cannot be used ({error.strerror}): "
                "choose another with --port"
            ) from None
