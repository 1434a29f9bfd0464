"""The whole stream measured, from Kafka to Kafka and PostgreSQL, beside the peer: `python -m benchmarks.stream`.

Starts its own broker, database and roles in a temporary folder and ends them. The last line is one JSON object;
`benchmarks/README.md` says what each figure means.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from benchmarks.installation import Installation, installed
from benchmarks.texts import Texts, load_texts
from benchmarks.usage import PeakMemory, busy_s, cpu_s
from benchmarks.watcher import Mentions, Watcher
from benchmarks.workload import Record, Stock, history, live, set_apart, warm_up
from vocengine.errors import StreamError
from vocengine.stream import clients
from vocengine.stream.supervisor import environment_of

_ROLES = ("enrich", "store", "detect", "web")
_TIMEOUT_S = 400.0
_DISCOVER_ON = 2_000
_WARM_UP_EVENTS = 600
_FOREIGN_MOST = 0.05


@dataclass(frozen=True, slots=True)
class Throughput:
    """Rates in events a second, CPU in milliseconds an event by process group.

    `foreign_share` is the part (0..1) of all cores' time that other programs took meanwhile: above a few hundredths
    the figures say less than the machine can do.
    """

    events: int
    burst_per_s: float
    steady_per_s: float
    cpu_ms: dict[str, float]
    foreign_share: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from when an event was due to be sent until it, or the alert it completed, could be read."""

    rate_per_s: float
    events: int
    enriched_s: list[float]
    alert_s: list[float]
    producer_lag_s: float
    falls: int
    falls_alerted: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    given = _parser().parse_args(arguments)
    # On a request to end, leave through every `with`, which ends what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    texts = load_texts(given.events + given.latency_s * 400 + _WARM_UP_EVENTS)
    _say(f"texts: {texts.source}")
    with installed() as installation:
        result = _measure(installation, texts, given)
    for what, share in (("stream", result["foreign_cpu_share"]), ("peer", result["peer"]["foreign_cpu_share"])):
        if share > _FOREIGN_MOST:
            _say(f"NOT A QUIET MACHINE: others took {share:.0%} of it while the {what} was measured; run it again")
    _say("the command was: python -m benchmarks.stream " + " ".join(sys.argv[1:] if arguments is None else arguments))
    print(orjson.dumps(result).decode())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=8_000, help="events of the throughput run")
    parser.add_argument("--latency-s", type=int, default=40, help="seconds of the run at half load")
    parser.add_argument("--falls", type=int, default=25, help="products that fall during the run at half load")
    parser.add_argument("--peer-messages", type=int, default=60)
    parser.add_argument("--peer-fit-on", type=int, default=1_500)
    return parser


def _measure(installation: Installation, texts: Texts, given: argparse.Namespace) -> dict[str, Any]:
    stock = set_apart(texts.verbatims, falls=given.falls)
    first = warm_up(stock, min(_WARM_UP_EVENTS, given.events), prefix="w", seed=3)
    records = history(stock, given.events, prefix="h", seed=1)
    file = installation.folder / "history.jsonl"
    file.write_bytes(b"\n".join(record.value for record in records))
    _discover(installation, records)
    with (
        Watcher(installation.settings.kafka) as watcher,
        installation.roles(),
        PeakMemory(installation.pids) as memory,
    ):
        _say("throughput: starting the roles and sending a warm-up through them")
        _send(installation, first)
        _until_through(installation, len(first))
        throughput = _throughput(installation, watcher, records, len(first))
        _say(f"throughput: {throughput.steady_per_s:.0f} events/s ({throughput.burst_per_s:.0f} from first to last)")
        latency = _latency(installation, watcher, stock, throughput.steady_per_s / 2, given.latency_s)
        _say(f"latency: {len(latency.alert_s)} alerts, {latency.falls_alerted} of {latency.falls} falls")
    _say("encoder alone, machine and peer, each in a process of its own")
    environment = environment_of(installation.settings)
    alone = _json_of(["benchmarks.encoder_cpu", str(file)], environment)
    machine = _json_of(["benchmarks.machine"])
    peer_options = ["--messages", str(given.peer_messages), "--fit-on", str(given.peer_fit_on)]
    peer = _json_of(["benchmarks.peer", str(file), *peer_options])
    return _result(throughput, latency, memory, alone, machine, peer, texts)


def _discover(installation: Installation, records: Sequence[Record]) -> None:
    sample = installation.folder / "sample.jsonl"
    step = max(1, len(records) // _DISCOVER_ON)
    sample.write_bytes(b"\n".join(record.value for record in records[::step]))
    _say(f"topics: discovering on {len(records[::step]):,} of the texts")
    installation.command("topics", "refit", "--from-file", str(sample))


def _throughput(installation: Installation, watcher: Watcher, records: Sequence[Record], before: int) -> Throughput:
    """Send everything at once and follow it until the last event is stored and detected on."""
    expected = before + len(records)
    cpu_before, own_before_s, busy_before_s = cpu_s(installation.pids()), time.process_time(), busy_s()
    began = time.perf_counter()
    _send(installation, records)
    _until(lambda: installation.stored() >= before + len(records) // 10, installation, "a tenth is stored")
    # What is enriched already is work done ahead: it does not count from here.
    steady_began, ahead = time.perf_counter(), len(watcher.enriched_at_s) - before
    _until_through(installation, expected)
    ended = time.perf_counter()
    cpu_after, own_s, all_busy_s = cpu_s(installation.pids()), time.process_time(), busy_s()
    accounted_s = sum(cpu_after.values()) - sum(cpu_before.values()) + own_s - own_before_s
    cores_s = (ended - began) * len(os.sched_getaffinity(0))
    burst_per_s = len(records) / (ended - began)
    # A run of a few batches has no steady part: then it is the whole of it, which is less.
    steady = ahead < len(records) / 2
    return Throughput(
        events=len(records),
        burst_per_s=burst_per_s,
        steady_per_s=(len(records) - ahead) / (ended - steady_began) if steady else burst_per_s,
        cpu_ms={name: (cpu_after[name] - cpu_before[name]) / len(records) * 1e3 for name in cpu_after},
        foreign_share=max(0.0, all_busy_s - busy_before_s - accounted_s) / cores_s,
    )


def _latency(
    installation: Installation, watcher: Watcher, stock: Stock, rate_per_s: float, duration_s: float
) -> Latency:
    """Send at a steady rate, products falling one after the other, and see when the results can be read."""
    records = live(stock, rate_per_s=rate_per_s, duration_s=duration_s, prefix="l", seed=2)
    producer = clients.producer(installation.settings.kafka, client_id="benchmark")
    topic = installation.settings.kafka.topic("feedback")
    lag_s, first_alert = 0.0, len(watcher.alerts)
    # An event counts from when it was due, so that a producer held up does not hide a delay.
    start_s = time.time() + 0.2
    for record in records:
        if (wait_s := start_s + record.due_s - time.time()) > 0:
            time.sleep(wait_s)
        lag_s = max(lag_s, time.time() - start_s - record.due_s)
        producer.send(topic, record.value, key=record.event_id.encode())
    producer.flush()
    producer.close()
    _until(lambda: all(r.event_id in watcher.enriched_at_s for r in records), installation, "all of it is enriched")
    _until_detected(installation)
    _until(lambda: len(watcher.alerts) >= installation.raised(), installation, "all alerts have left")
    due_s = {record.occurred_at: start_s + record.due_s for record in records}
    alerts = [alert for alert in watcher.alerts[first_alert:] if alert.opened_at in due_s]
    return Latency(
        rate_per_s=rate_per_s,
        events=len(records),
        enriched_s=[watcher.enriched_at_s[r.event_id] - start_s - r.due_s for r in records],
        alert_s=[alert.at_s - due_s[alert.opened_at] for alert in alerts],
        producer_lag_s=lag_s,
        falls=len({key for r in records if (key := orjson.loads(r.value)["product"]).startswith("falling")}),
        falls_alerted=len({alert.key for alert in alerts if alert.key.startswith("product:falling")}),
    )


def _send(installation: Installation, records: Sequence[Record]) -> None:
    producer = clients.producer(installation.settings.kafka, client_id="benchmark")
    topic = installation.settings.kafka.topic("feedback")
    for record in records:
        producer.send(topic, record.value, key=record.event_id.encode())
    producer.flush()
    producer.close()


def _until_through(installation: Installation, events: int) -> None:
    _until(lambda: installation.stored() >= events, installation, f"{events} events are stored")
    _until_detected(installation)


def _until_detected(installation: Installation) -> None:
    mentions = Mentions(installation.settings.kafka)
    try:
        _until(lambda: mentions.all_before(installation.positions("detect")), installation, "all mentions are tested")
    finally:
        mentions.close()


def _until(condition: Any, installation: Installation, what: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while not condition():
        installation.check_alive()
        if time.monotonic() > deadline:
            raise StreamError(f"waited {_TIMEOUT_S:g} s in vain until {what}")
        time.sleep(0.1)


def _json_of(module: list[str], environment: dict[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", *module],
        env={**os.environ, **(environment or {})},
        cwd=Path(__file__).resolve().parent.parent,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StreamError(f"{' '.join(module)} failed: {done.stderr[-2_000:]}")
    found: dict[str, Any] = orjson.loads(done.stdout.splitlines()[-1])
    return found


def _result(
    throughput: Throughput,
    latency: Latency,
    memory: PeakMemory,
    alone: dict[str, Any],
    machine: dict[str, Any],
    peer: dict[str, Any],
    texts: Texts,
) -> dict[str, Any]:
    roles_cpu_ms = sum(throughput.cpu_ms[role] for role in _ROLES)
    return {
        "events_per_s": round(throughput.steady_per_s, 1),
        "peer_events_per_s": round(peer["events_per_s"], 2),
        "ratio": round(throughput.steady_per_s / peer["events_per_s"], 1),
        "overhead_cpu_ms_per_event": round(roles_cpu_ms - alone["encoder_cpu_ms"], 3),
        "enriched_p50_ms": _percentile_ms(latency.enriched_s, 50),
        "enriched_p99_ms": _percentile_ms(latency.enriched_s, 99),
        "alert_p50_ms": _percentile_ms(latency.alert_s, 50),
        "alert_p99_ms": _percentile_ms(latency.alert_s, 99),
        "peak_rss_mb": round(memory.together),
        "enrich_peak_rss_mb": round(memory.by_group["enrich"]),
        "fp32_gflops": machine.pop("fp32_gflops"),
        "bf16_gflops": machine.pop("bf16_gflops"),
        "first_to_last_events_per_s": round(throughput.burst_per_s, 1),
        "cpu_ms_per_event": {name: round(ms, 3) for name, ms in sorted(throughput.cpu_ms.items())},
        "cpu_ms_per_event_total": round(sum(throughput.cpu_ms.values()), 3),
        "encoder_cpu_ms_per_event": round(alone["encoder_cpu_ms"], 3),
        "encoder_alone_texts_per_s": round(alone["encoder_texts_per_s"]),
        "enrich_alone_peak_rss_mb": round(alone["peak_rss_mb"]),
        "pipeline_cpu_ms_per_event": round(alone["pipeline_cpu_ms"], 3),
        "encoder": alone["encoder"],
        "encoder_backend": alone["backend"],
        "foreign_cpu_share": round(throughput.foreign_share, 3),
        "events": throughput.events,
        "half_load_events_per_s": round(latency.rate_per_s, 1),
        "half_load_events": latency.events,
        "alerts": len(latency.alert_s),
        "falls": latency.falls,
        "falls_alerted": latency.falls_alerted,
        "producer_lag_ms": round(latency.producer_lag_s * 1e3),
        "peak_rss_mb_by_process": {name: round(mb) for name, mb in sorted(memory.by_group.items())},
        "peer": peer,
        "texts": texts.source,
        **machine,
    }


def _percentile_ms(values_s: list[float], percent: float) -> float | None:
    """The percentile in whole milliseconds; None where nothing was seen."""
    return round(float(np.percentile(values_s, percent)) * 1e3) if values_s else None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
