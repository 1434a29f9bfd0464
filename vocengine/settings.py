"""One way to set a thing: defaults here ← profile (YAML) ← environment (VOCENGINE_…) ← command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from vocengine import pairs
from vocengine.errors import SettingsError
from vocengine.paths import resource

PREFIX = "VOCENGINE_"
SEPARATOR = "__"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(_Section):
    """The broker, and what vocengine calls its topics and groups there."""

    bootstrap: str = "127.0.0.1:9092"
    topic_prefix: str = "voc"
    group_prefix: str = "vocengine"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None = None
    # A member that dies inside a transaction holds up read_committed readers for this long at the most.
    transaction_timeout_ms: Annotated[int, Field(ge=1_000, le=900_000)] = 15_000
    session_timeout_ms: Annotated[int, Field(ge=6_000, le=300_000)] = 10_000

    def topic(self, name: str) -> str:
        """Full name of a topic: `feedback` → `voc.feedback`."""
        return f"{self.topic_prefix}.{name}"

    def group(self, role: str) -> str:
        """Consumer group of a role: `enrich` → `vocengine.enrich`."""
        return f"{self.group_prefix}.{role}"


class DatabaseSettings(_Section):
    """PostgreSQL; without a URL the embedded server is started under the data folder."""

    url: SecretStr | None = None


class EncoderSettings(_Section):
    """Which weights read the text, and how."""

    model: str = "voc-encoder"
    backend: str = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None


class TextSettings(_Section):
    """How text is made ready."""

    mask_names: bool = False
    # For texts too short to tell ("great!") that declare no language; null abstains from scoring them.
    assumed_language: str | None = "en"


class MonitorSettings(_Section):
    """Which keys are followed: each gets rollups, trends and a detector of its own."""

    topics: bool = True
    customers: bool = True
    products: bool = True
    channels: bool = True
    journey_stages: bool = True
    segments: tuple[str, ...] = ("region",)
    # Each kind of pairs takes a part of the budget, and every event gives more mentions.
    pairs: tuple[str, ...] = ()

    @field_validator("pairs")
    @classmethod
    def _pairs_of_followed(cls, found: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for place, pair in enumerate(found):
            fault = pairs.fault_of(pair) or _not_followed(pair, info.data)
            if pair in found[:place]:
                fault = "it stands there twice; leave one out"
            if fault is not None:
                raise ValueError(f"{pair!r}: {fault}")
        return found


def _not_followed(pair: str, followed: Mapping[str, Any]) -> str | None:
    for dimension in pairs.dimensions_of(pair):
        kind, _, field = dimension.partition(":")
        if field and field not in followed.get("segments", ()):
            return f"{dimension} is not followed by itself; add {field} to monitor.segments"
        if not field and not followed.get(f"{kind}s", True):
            return f"{kind} is not followed by itself; set monitor.{kind}s to true"
    return None


class StreamSettings(_Section):
    """How much a role takes in one transaction, and how long it waits for more."""

    batch_max_records: Annotated[int, Field(ge=1, le=10_000)] = 512
    poll_timeout_ms: Annotated[int, Field(ge=1)] = 100
    retry_max_s: Annotated[float, Field(gt=0)] = 5.0


class EmergingSettings(_Section):
    """The search for new topics between two fits."""

    every_s: Annotated[float, Field(gt=0)] = 30.0
    # A topic shows on pages, in trends and in alerts of everybody: a person says that it is one, and what it is called.
    adopt: Literal["by_people", "automatic"] = "by_people"
    one_false_in_spans: Annotated[float, Field(ge=100)] = 10_000.0
    min_authors: Annotated[int, Field(ge=3)] = 8
    most_spans: Annotated[int, Field(ge=10, le=4_000)] = 1_000


class TopicSettings(_Section):
    """Discovery of topics, and their assignment to spans."""

    sample_spans: Annotated[int, Field(ge=100)] = 20_000
    min_topic_spans: Annotated[int, Field(ge=5)] = 15
    seed: int = 7
    refresh_s: Annotated[float, Field(gt=0)] = 0.5
    # An OpenAI-compatible endpoint that names topics by keywords and masked examples; without a URL none is asked.
    naming_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    naming_model: str = "gpt-4o-mini"
    naming_api_key: SecretStr | None = None
    refit_every_h: Annotated[float, Field(ge=0)] = 0.0
    emerging: EmergingSettings = EmergingSettings()


class AlertSettings(_Section):
    """The budget of false alarms, and what counts as a fall.

    The budget is for the whole installation and is shared among the monitored keys by their traffic.
    """

    policies: Path | None = None
    at_most_false_alarms: Annotated[float, Field(gt=0)] = 1.0
    per_days: Annotated[float, Field(gt=0)] = 7.0
    min_effect: Annotated[float, Field(ge=0, lt=1)] = 0.05
    min_history_mentions: Annotated[int, Field(ge=5)] = 50
    customer_min_history_mentions: Annotated[int, Field(ge=1)] = 4
    min_observed_mentions: Annotated[int, Field(ge=1)] = 8
    cool_down_h: Annotated[float, Field(ge=0)] = 24.0
    allowed_lateness_h: Annotated[float, Field(ge=0)] = 48.0
    signals: tuple[Literal["anger", "cancel_intent"], ...] = ()


class DeadlineSettings(_Section):
    """Hours in which a case is to be resolved, by its severity."""

    critical: Annotated[float, Field(gt=0)] = 24.0
    high: Annotated[float, Field(gt=0)] = 24.0
    medium: Annotated[float, Field(gt=0)] = 24.0
    low: Annotated[float, Field(gt=0)] = 24.0


class CaseSettings(_Section):
    """The work behind alerts: by when, and who is reminded."""

    deadline_h: DeadlineSettings = DeadlineSettings()
    warn_at_share: Annotated[float, Field(gt=0, lt=1)] = 0.75
    reopen_within_days: Annotated[float, Field(ge=0)] = 14.0


class NotifySettings(_Section):
    """Where alerts are sent; without routes nowhere."""

    routes: Path | None = None
    max_attempts: Annotated[int, Field(ge=1, le=50)] = 10
    max_age_h: Annotated[float, Field(gt=0)] = 24.0
    keep_days: Annotated[float, Field(gt=0)] = 90.0


class WebSettings(_Section):
    """Where the pages and the API listen."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: Annotated[str, Field(pattern=r"^https?://")] | None = None
    # The API has no log-in: whoever reaches it could rename and retire.
    edits: bool = False


class MetricsSettings(_Section):
    """Where a role answers Prometheus and health checks; port 0 is off."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class Settings(_Section):
    """Everything that can be set. `vocengine settings` prints what is in force and where it came from."""

    data_dir: Path = Path(".vocengine")
    # Names a member for good, so that its successor takes over an unfinished transaction at once.
    instance: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    encoder: EncoderSettings = EncoderSettings()
    text: TextSettings = TextSettings()
    monitor: MonitorSettings = MonitorSettings()
    stream: StreamSettings = StreamSettings()
    topics: TopicSettings = TopicSettings()
    alerts: AlertSettings = AlertSettings()
    cases: CaseSettings = CaseSettings()
    notify: NotifySettings = NotifySettings()
    web: WebSettings = WebSettings()
    metrics: MetricsSettings = MetricsSettings()


def load_settings(
    *,
    profile: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Settings in force: defaults ← profile ← environment ← `overrides` (dotted names, `kafka.bootstrap`).

    `profile` is a name in `configs/` or a path; `VOCENGINE_PROFILE` names one too. Raises SettingsError, naming
    the setting, the value and where it came from.
    """
    environ = os.environ if environ is None else environ
    profile = profile or environ.get(f"{PREFIX}PROFILE") or None
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    if profile is not None:
        path = _profile_path(profile)
        _merge(merged, _flatten(_read_yaml(path)), f"profile {path}", origins)
    from_environment = {
        name[len(PREFIX) :].lower().replace(SEPARATOR, "."): yaml.safe_load(value) if value else None
        for name, value in environ.items()
        if name.startswith(PREFIX) and _is_setting(name[len(PREFIX) :].lower().split(SEPARATOR)[0])
    }
    _merge(merged, from_environment, "the environment", origins)
    _merge(merged, {k: v for k, v in (overrides or {}).items() if v is not None}, "the command line", origins)
    try:
        return Settings.model_validate(_nest(merged))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in fault["loc"])
        origin = next((o for n, o in origins.items() if n == name or name.startswith(n + ".")), "the defaults")
        # Our own sentences quote names as they are written.
        own = fault["msg"].removeprefix("Value error, ")
        said = own if fault["type"] == "value_error" else own.lower()
        raise SettingsError(f"{name} from {origin} is {fault.get('input')!r}: {said}") from None


def _is_setting(section: str) -> bool:
    return section in Settings.model_fields


def _profile_path(profile: str | Path) -> Path:
    path = Path(profile)
    if path.suffix in (".yaml", ".yml") or path.exists():
        if not path.is_file():
            raise SettingsError(f"profile {path} is not a file")
        return path
    folder = resource("configs")
    found = folder / f"{profile}.yaml"
    if not found.is_file():
        names = ", ".join(sorted(p.stem for p in folder.glob("*.yaml")))
        raise SettingsError(f"no profile named {str(profile)!r}; there are {names}, or give the path of a YAML file")
    return found


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise SettingsError(f"profile {path} is not valid YAML: {error}") from None
    if not isinstance(document, dict):
        raise SettingsError(f"profile {path} holds a {type(document).__name__}; a mapping of settings is expected")
    return document


def _flatten(document: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{before}{name}.")
        else:
            flat[f"{before}{name}"] = value
    return flat


def _merge(into: dict[str, Any], values: Mapping[str, Any], origin: str, origins: dict[str, str]) -> None:
    for name, value in values.items():
        into[name] = value
        origins[name] = origin


def _nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, last = name.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
        place[last] = value
    return nested
