"""The topics as declared in `streams/topics.yaml`, made so on the broker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic

from vocengine.errors import SettingsError, TopicsMissing
from vocengine.paths import resource
from vocengine.settings import KafkaSettings
from vocengine.stream import clients

_VISIBLE_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be; `name` without the prefix."""

    name: str
    purpose: str
    partitions: int
    replication: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What apply did, or would do."""

    topic: str
    action: str
    detail: str


def declared(path: Path | None = None) -> list[TopicSpec]:
    """The declared topics. Raises SettingsError naming what is wrong."""
    path = path or resource("streams", "topics.yaml")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    defaults = document.get("defaults", {})
    specs = []
    for name, entry in document["topics"].items():
        unknown = set(entry) - {"purpose", "partitions", "replication", "config"}
        if unknown:
            raise SettingsError(f"{path}: topic {name} has {sorted(unknown)[0]!r}; known are purpose, partitions, …")
        config = {**defaults.get("config", {}), **entry.get("config", {})}
        specs.append(
            TopicSpec(
                name,
                entry["purpose"],
                int(entry.get("partitions", defaults.get("partitions", 1))),
                int(entry.get("replication", defaults.get("replication", 1))),
                {key: str(value) for key, value in config.items()},
            )
        )
    return specs


def apply(settings: KafkaSettings, *, partitions: int | None = None) -> list[Change]:
    """Create what is missing, add partitions, set the declared configuration. Never deletes, never shrinks.

    `partitions` overrides the declared count of topics that have more than one.
    """
    admin = clients.admin(settings)
    try:
        brokers = _brokers(admin)
        existing = {t["name"]: t for t in admin.describe_topics()}
        changes: list[Change] = []
        for spec in declared():
            name = settings.topic(spec.name)
            wanted = partitions if partitions and spec.partitions > 1 else spec.partitions
            replication = min(spec.replication, brokers)
            config = dict(spec.config)
            if replication < spec.replication:
                config["min.insync.replicas"] = str(min(int(config.get("min.insync.replicas", 1)), replication))
            lowered = f"; replication {replication} of {spec.replication}, {brokers} broker(s)"
            detail = f"{wanted} partitions{lowered if replication < spec.replication else ''}"
            if name not in existing:
                admin.create_topics([NewTopic(name, wanted, replication, topic_configs=config)])
                changes.append(Change(name, "created", detail))
                continue
            changes.append(_adjust(admin, name, len(existing[name]["partitions"]), wanted, config, detail))
    finally:
        admin.close()
    _wait_until_visible(settings)
    return changes


def _brokers(admin: Any) -> int:
    try:
        return len(admin.describe_cluster()["brokers"])
    except KeyError:
        # kafka-python 3.0.12 wants a field of the answer that brokers before Apache Kafka 3.7 do not send; what its
        # connections are made by knows the brokers too.
        return len(admin._manager.cluster.brokers())


def _wait_until_visible(settings: KafkaSettings) -> None:
    """The controller answers before every broker tells of a new topic."""
    deadline = time.monotonic() + _VISIBLE_TIMEOUT_S
    while True:
        try:
            check(settings)
            return
        except TopicsMissing:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def check(settings: KafkaSettings) -> dict[str, int]:
    """Partitions of each declared topic (names without prefix). Raises TopicsMissing where one is not there."""
    admin = clients.admin(settings)
    try:
        found = {t["name"]: len(t["partitions"]) for t in admin.describe_topics()}
    finally:
        admin.close()
    missing = [settings.topic(spec.name) for spec in declared() if settings.topic(spec.name) not in found]
    if missing:
        raise TopicsMissing(f"topics {', '.join(missing)} do not exist: run `vocengine streams apply`")
    return {spec.name: found[settings.topic(spec.name)] for spec in declared()}


def _adjust(admin: Any, name: str, have: int, wanted: int, config: dict[str, str], detail: str) -> Change:
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=config)])
    if have < wanted:
        admin.create_partitions({name: NewPartitions(wanted)})
        # Keys move to other partitions: order by key holds again only for what comes from now on.
        return Change(name, "extended", f"{have} → {wanted} partitions")
    if have > wanted:
        return Change(name, "kept", f"has {have} partitions, {wanted} declared: partitions are never removed")
    return Change(name, "unchanged", detail)
