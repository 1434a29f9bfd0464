"""Write `configs/default.yaml` and `docs/reference/settings.md` from `vocengine.settings`: `python docs/generate.py`.

Names, types, limits and defaults come from the code; only the sentences stand here. A setting without a sentence,
or a sentence without a setting, is an error. `--check` writes nothing and fails where a file is out of date.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vocengine.settings import PREFIX, SEPARATOR, Settings

ROOT = Path(__file__).resolve().parent.parent
_NO_BREAK = "\u00a0"

SECTIONS = {
    "": "General",
    "kafka": "The broker, and what vocengine calls its topics and groups there",
    "database": "PostgreSQL",
    "encoder": "Which weights read the text, and how",
    "text": "How text is made ready",
    "monitor": "Which keys are followed: each gets rollups, trends and a detector of its own",
    "stream": "How much a role takes in one transaction, and how long it waits",
    "topics": "Discovery of topics, and their assignment to spans",
    "alerts": "The budget of false alarms, and what counts as a fall",
    "cases": "The work behind alerts: by when, and when it is escalated",
    "notify": "Where alerts are sent",
    "web": "Where the pages and the API listen",
    "metrics": "Where a role answers Prometheus and health checks",
}

SENTENCES = {
    "data_dir": "Folder for what is kept on this machine: the embedded PostgreSQL, the timing of the encoder's "
    "backends, how far imports have come.",
    "instance": "Name of this member, the same after each restart and used by no other member of its role. Its "
    "successor then ends an unfinished transaction at once; without it that waits for `kafka.transaction_timeout_ms`.",
    "log_level": "How much is logged, on standard error.",
    "kafka.bootstrap": "Brokers to begin with, HOST:PORT, separated by commas.",
    "kafka.topic_prefix": "What stands before the dot in topic names: `voc` makes `voc.feedback`.",
    "kafka.group_prefix": "What stands before the dot in consumer groups and transactional ids: `vocengine.enrich`.",
    "kafka.security_protocol": "How the connection is protected.",
    "kafka.sasl_mechanism": "How the log-in is made, for the two SASL protocols.",
    "kafka.sasl_username": "User of the log-in.",
    "kafka.sasl_password": "Password of the log-in. Give it by the environment, not in a file.",
    "kafka.ssl_cafile": "Certificates of the authorities to trust, PEM. Without it those of the system.",
    "kafka.transaction_timeout_ms": "A member that dies inside a transaction holds up read_committed readers for this "
    "long at the most.",
    "kafka.session_timeout_ms": "A member that is silent for this long loses its partitions to the others.",
    "database.url": "`postgresql://user:password@host:5432/name`. Without it the embedded server is started under "
    "`data_dir`. Give it by the environment, not in a file.",
    "encoder.model": "A bundled model, or the path of a model folder.",
    "encoder.backend": "`auto` (timed once for each kind of processor), `torch-fp32`, `torch-bf16` or `torch-int8`.",
    "encoder.threads": "Threads of a matrix product. Without it as many as there are cores.",
    "text.mask_names": "Mask people's names too, by spaCy. Costs milliseconds a text.",
    "text.assumed_language": 'For texts too short to tell ("great!") that declare no language. With null they are '
    "kept as `undetermined_language` and not scored.",
    "monitor.topics": "Follow each topic, discovered or of the taxonomy.",
    "monitor.customers": "Follow each customer.",
    "monitor.products": "Follow each product.",
    "monitor.channels": "Follow each channel.",
    "monitor.journey_stages": "Follow each stage of the journey.",
    "monitor.segments": "Fields of `segments` whose values are followed, each apart.",
    "monitor.pairs": "What is followed together: `topic~product`, `topic~segment:region`. Each kind of "
    "[pairs](../concepts.md#pairs) takes a part of the budget.",
    "stream.batch_max_records": "Most records in one transaction. More is faster and later, less the other way round.",
    "stream.poll_timeout_ms": "How long a member waits for a first record before it looks again.",
    "stream.retry_max_s": "Longest pause between two tries while the broker or the database is away.",
    "topics.sample_spans": "Most clauses that topics are discovered in.",
    "topics.min_topic_spans": "Clauses that a topic has at least.",
    "topics.seed": "The same seed and the same clauses give the same topics.",
    "topics.refresh_s": "How often an enrich member looks for a new version of the topics.",
    "topics.naming_url": "An OpenAI-compatible endpoint (`https://HOST/v1`) that names new topics; it is sent the "
    "keywords and masked examples of each, nothing else. Without it topics are named by their own phrases.",
    "topics.naming_model": "The language model that is asked there.",
    "topics.naming_api_key": "Its key. Give it by the environment, not in a file.",
    "topics.refit_every_h": "Hours after which the role discover refits by itself; 0 leaves refits to you.",
    "topics.emerging.every_s": "How often the role discover reads what is new and looks for new topics in it.",
    "topics.emerging.adopt": "Whether a candidate becomes a topic by a person's word or at once.",
    "topics.emerging.one_false_in_spans": "The budget: at most one false candidate in so many clauses of an unchanged "
    "stream.",
    "topics.emerging.min_authors": "Different authors, and different wordings, that a candidate has at least.",
    "topics.emerging.most_spans": "Most clauses that are read anew in one look; what comes beyond is passed over.",
    "alerts.policies": "The file of [policies](../concepts/alert-policies.md), or the folder whose `.yaml` files are "
    "read together. What they leave out, and without them everything, is as said here.",
    "alerts.at_most_false_alarms": "The budget: at most so many false alarms, over all monitored keys together …",
    "alerts.per_days": "… in so many days.",
    "alerts.min_effect": "The smallest rise of negativity (0 to 1) worth an alert.",
    "alerts.min_history_mentions": "Mentions on earlier days that a key needs before it is tested.",
    "alerts.customer_min_history_mentions": "The same for a customer, whose baseline leans on that of all customers.",
    "alerts.min_observed_mentions": "Mentions within the fall that an alert needs (three for a customer, or fewer if "
    "this is lower).",
    "alerts.cool_down_h": "Hours of event time after an alert in which the key raises no other.",
    "alerts.signals": "What is watched beside sentiment on every key but customers': any of `anger` and "
    "`cancel_intent`, each a kind that takes its part of the budget.",
    "alerts.allowed_lateness_h": "A mention older than the newest of its key by more than this moves no detector.",
    "cases.deadline_h.critical": "Hours in which a case of this severity is to be resolved.",
    "cases.deadline_h.high": "The same for high.",
    "cases.deadline_h.medium": "The same for medium.",
    "cases.deadline_h.low": "The same for low.",
    "cases.warn_at_share": "The part of that time after which the case is escalated for the first time; when all of it "
    "has passed it is for the second.",
    "cases.reopen_within_days": "A new alert on the same key reopens a case that was resolved or closed no longer ago; "
    "later it opens another.",
    "notify.routes": "The file of [routes](../concepts/notifications.md#routes). Without it nothing is sent, and "
    "`vocengine run` leaves the role notify out.",
    "notify.max_attempts": "Attempts to deliver a message before it counts as failed.",
    "notify.max_age_h": "What happened longer ago than this, as when the role was away or reads its topics for the "
    "first time, is written down and not sent.",
    "notify.keep_days": "What was sent, suppressed or given up is deleted from the table `notifications` so many days "
    "after it was written down; never sooner than `notify.max_age_h`.",
    "web.host": "Address to listen on. The pages have no log-in: open them to others only behind a proxy that has one.",
    "web.port": "Port to listen on; 0 takes a free one.",
    "web.public_url": "Where people reach the pages, such as `https://voc.example.org`: for links in messages.",
    "web.edits": "Let topics and cases be edited by the API. It has no log-in: only behind a proxy that has one.",
    "metrics.host": "Address to listen on.",
    "metrics.port": "Port of `/metrics` and `/healthz`; "
    "0 is off. `vocengine run` counts up from it, a port for each process.",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `default` in the form that YAML takes."""

    name: str
    default: Any
    allowed: str
    says: str


def settings() -> list[Setting]:
    """All settings, in the order of the code. Raises ValueError where the sentences do not fit them."""
    schema = Settings.model_json_schema()
    defaults = Settings().model_dump(mode="json")
    found = list(_walk(schema, schema, defaults, ""))
    names = {name for name, _, _ in found}
    if names != SENTENCES.keys():
        raise ValueError(f"SENTENCES and settings differ in {sorted(names ^ SENTENCES.keys())}")
    return [Setting(name, default, _allowed(shape), SENTENCES[name]) for name, default, shape in found]


def _walk(
    root: Mapping[str, Any], section: Mapping[str, Any], defaults: Mapping[str, Any], before: str
) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    for name, shape in section["properties"].items():
        reference = shape.get("$ref")
        if reference:
            yield from _walk(root, root["$defs"][reference.rsplit("/", 1)[1]], defaults[name], f"{before}{name}.")
        else:
            yield f"{before}{name}", defaults[name], shape


def _allowed(shape: Mapping[str, Any]) -> str:
    if "anyOf" in shape:
        return ", ".join("null" if part == {"type": "null"} else _allowed(part) for part in shape["anyOf"])
    if "enum" in shape:
        return ", ".join(map(str, shape["enum"]))
    low, high = shape.get("minimum"), shape.get("maximum")
    if low is not None and high is not None:
        limits = f" from {low} to {high}"
    else:
        signs = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        limits = "".join(f" {sign} {shape[name]:g}" for name, sign in signs if name in shape)
    kinds = {"integer": "whole number", "number": "number", "boolean": "true, false", "array": "list of names"}
    kind = {"path": "path", "password": "secret"}.get(shape.get("format", ""), kinds.get(shape["type"], "text"))
    return kind + limits


def default_yaml() -> str:
    """`configs/default.yaml`."""
    lines = [
        "# Every setting with its default. Written by docs/generate.py: change vocengine/settings.py, not this file.",
        "# Nothing reads it unless it is named (--profile default); copy from it into a profile of your own.",
    ]
    section, inner = "", [""]
    for setting in settings():
        *parts, last = setting.name.split(".")
        if parts and parts[0] != section:
            section = parts[0]
            lines += ["", f"# {SECTIONS[section]}.", f"{section}:"]
        if parts[1:] and parts != inner:
            lines.append(f"{'  ' * (len(parts) - 1)}{parts[-1]}:")
        inner = parts
        indent = "  " * len(parts)
        # What is allowed stays on one line: blanks that do not break, until the text is wrapped.
        allowed = setting.allowed.replace(" ", _NO_BREAK)
        says = f"{setting.says} [{allowed}]"
        if not parts:
            lines.append("")
        wrapped = textwrap.wrap(says, 110, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ")
        lines += [line.replace(_NO_BREAK, " ") for line in wrapped]
        lines.append(f"{indent}{last}: {_yaml(setting.default)}")
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """`docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Written by `python docs/generate.py` from `vocengine/settings.py`.",
        "",
        "There is one way to set a thing, in four layers; a later one wins:",
        "",
        "1. the default, below and in [`configs/default.yaml`](../../configs/default.yaml);",
        "2. a profile, a YAML file in `configs/` or anywhere: `--profile production`, `--profile my.yaml` or "
        f"`{PREFIX}PROFILE`;",
        f"3. the environment: `kafka.bootstrap` is `{PREFIX}KAFKA{SEPARATOR}BOOTSTRAP`; lists and numbers are written "
        "as in YAML (`[region, plan]`), an empty value is null;",
        "4. the command line: `--set kafka.bootstrap=broker:9092`, as often as needed, before the command.",
        "",
        "`vocengine settings` prints what is in force, without secrets. An unknown name in a profile or in a known "
        "section, and a value that is not allowed, stop the program with a sentence that names the setting, the value "
        "and the layer it came from.",
    ]
    section = None
    for setting in settings():
        name, dot, _ = setting.name.partition(".")
        heading = name if dot else ""
        if heading != section:
            section = heading
            title = f"`{heading}`: {_lower(SECTIONS[heading])}" if heading else SECTIONS[heading]
            lines += ["", f"## {title}", "", "| setting | default | allowed | meaning |", "|---|---|---|---|"]
        lines.append(f"| `{setting.name}` | `{_yaml(setting.default)}` | {setting.allowed} | {setting.says} |")
    return "\n".join(lines) + "\n"


def _lower(text: str) -> str:
    return text if text.split()[0].isupper() or text.startswith("PostgreSQL") else text[0].lower() + text[1:]


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=1_000).removesuffix("\n...\n").strip()


FILES = {"configs/default.yaml": default_yaml, "docs/reference/settings.md": settings_page}


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell which are out of date."""
    stale = [name for name, made in FILES.items() if not _is(ROOT / name, made())]
    if "--check" in arguments:
        sys.stderr.writelines(f"{name} is out of date: python docs/generate.py\n" for name in stale)
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(FILES[name](), encoding="utf-8")
    return 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
