"""What the documentation says is so: commands, settings, codes, messages, metrics, schemas, examples, links."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from vocengine.cli.main import COMMANDS, cli
from vocengine.contracts import Feedback, Rejected, decode_feedback
from vocengine.contracts.schemas import MESSAGES, VERSION, schema_of
from vocengine.intake import ListSink, import_file, load_mapping
from vocengine.metrics import RoleMetrics
from vocengine.settings import MetricsSettings, Settings, load_settings
from vocengine.stream import topology

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(
    [*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "models").rglob("README.md"), *ROOT.glob("benchmarks/*.md")]
)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command by its words, also a group that does something by itself."""
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            words = (*before, name)
            if not isinstance(command, click.Group) or command.invoke_without_command:
                yield words, command
            if isinstance(command, click.Group):
                yield from commands(command, words)


# Commands


def test_every_command_and_option_is_in_the_reference() -> None:
    page = text_of("docs/reference/commands.md")
    sections = re.split(r"^### ", page, flags=re.M)[1:]
    missing = []
    for words, command in commands(cli):
        name = f"vocengine {' '.join(words)}"
        section = next((s for s in sections if re.search(rf"`{name}[` ]", s.splitlines()[0])), None)
        if section is None:
            missing.append(name)
            continue
        options = [option for p in command.params if isinstance(p, click.Option) for option in p.opts]
        missing += [f"{name} {option}" for option in options if f"`{option}" not in section]
    assert not missing
    assert all(f"`{option}" in page for p in cli.params for option in p.opts)


def test_the_reference_has_no_command_that_is_gone() -> None:
    known = {" ".join(words) for words, _ in commands(cli)}
    named = re.findall(
        r"`vocengine ([a-z -]+?)(?= \[?[A-Z]|`)",
        "\n".join(re.findall(r"^### .*$", text_of("docs/reference/commands.md"), re.M)),
    )
    assert named and set(named) == known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_call_in_a_page_is_one_that_the_program_takes(page: Path) -> None:
    calls = [line for block in blocks(page, "sh") for line in block.splitlines() if line.startswith("vocengine ")]
    for call in calls:
        words = shlex.split(call.split(" > ")[0], comments=True)[1:]
        command: click.Command = cli
        known = {option for p in cli.params for option in (*p.opts, *p.secondary_opts)}
        for word in words:
            if isinstance(command, click.Group) and (found := command.get_command(click.Context(command), word)):
                command = found
                known |= {option for p in command.params for option in p.opts}
            assert not word.startswith("-") or word in known, f"{page.name}: {call!r} has {word}"
        assert command is not cli, f"{page.name}: {call!r} names no command"


def test_the_help_of_the_program_lists_what_each_module_has() -> None:
    with click.Context(cli) as context:
        assert all(cli.get_command(context, name) for name in COMMANDS)


# Settings


def test_settings_pages_are_what_the_code_gives() -> None:
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_the_default_profile_holds_every_setting_with_its_default() -> None:
    assert load_settings(profile="default", environ={}) == Settings()

    def names(section: dict[str, Any], before: str = "") -> set[str]:
        return {
            name
            for key, value in section.items()
            for name in (names(value, f"{before}{key}.") if isinstance(value, dict) else {f"{before}{key}"})
        }

    everything = names(Settings().model_dump())
    assert names(yaml.safe_load(text_of("configs/default.yaml"))) == everything
    page = text_of("docs/reference/settings.md")
    assert not [name for name in everything if f"`{name}`" not in page]


@pytest.mark.parametrize("profile", sorted(p.stem for p in (ROOT / "configs").glob("*.yaml")))
def test_every_profile_can_be_loaded(profile: str) -> None:
    load_settings(profile=profile, environ={})


def test_settings_that_pages_name_exist() -> None:
    sections = {name for name, field in Settings.model_fields.items() if hasattr(field.annotation, "model_fields")}
    for page in PAGES:
        for section, name in re.findall(r"`(\w+)\.(?!json|yaml|py\b)(\w+)`", page.read_text(encoding="utf-8")):
            if section in sections:
                fields = Settings.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
                assert name in fields, f"{page.name} names {section}.{name}"


# Bad input


def codes_in_the_code() -> set[str]:
    """Every code that a Rejected can carry: literals, and names that are bound to literals in the same file."""
    found: set[str] = set()
    for path in (ROOT / "vocengine").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Rejected", "RowFault"):
                given = node.args[:1] if node.func.id == "Rejected" else []  # type: ignore[attr-defined]
                given += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
                found |= {value for expression in given for value in literals(expression)}
            elif isinstance(node, ast.Assign) and [getattr(t, "id", "") for t in node.targets] == ["code"]:
                found |= set(literals(node.value))
            elif isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in node.args.kwonlyargs]
                defaults = dict(zip(names, node.args.kw_defaults, strict=True))
                if defaults.get("code") is not None:
                    found |= set(literals(defaults["code"]))  # type: ignore[arg-type]
    return {code for code in found if re.fullmatch(r"[a-z0-9_]+", code)}


def literals(expression: ast.expr) -> list[str]:
    if isinstance(expression, ast.IfExp):
        return literals(expression.body) + literals(expression.orelse)
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return [expression.value]
    return []


def test_every_code_of_a_dead_letter_is_explained() -> None:
    codes = codes_in_the_code()
    assert codes >= {
        "invalid_json",
        "no_text",
        "text_too_long",
        "processing_failed",
        "conflicting_duplicate",
        "invalid_csv",
    }
    page = text_of("docs/bad-input.md")
    assert not [code for code in codes if f"`{code}`" not in page]


def rows_of(heading: str) -> list[list[str]]:
    """The first table under a heading of the page on bad input, without its head."""
    section = text_of("docs/bad-input.md").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.M)
    assert table
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table[0].splitlines()[2:]]


BASE = json.loads(blocks(DOCS / "bad-input.md", "json")[0])


def test_the_record_that_the_changes_start_from_is_fine() -> None:
    assert isinstance(decode_feedback(json.dumps(BASE).encode()), Feedback)


@pytest.mark.parametrize("row", rows_of("Records that break the contract"), ids=lambda row: row[0])
def test_a_change_is_refused_as_the_page_says(row: list[str]) -> None:
    _, change, code, message = row
    refused = decode_feedback(json.dumps({**BASE, **json.loads(change.strip("`"))}).encode())
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.message) == (code.strip("`"), message)


@pytest.mark.parametrize("row", rows_of("Records that cannot be read"), ids=lambda row: row[0])
def test_bytes_are_refused_as_the_page_says(row: list[str]) -> None:
    _, shown, code, message = row
    plain = {"(nothing)": b"", "(null)": None}
    value = plain[shown] if shown in plain else shown.strip("`").encode().decode("unicode_escape").encode("latin-1")
    refused = decode_feedback(value)
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.message) == (code.strip("`"), message)


@pytest.mark.parametrize("field", ["source", "channel", "occurred_at"])
def test_an_absent_field_is_refused_as_the_page_says(field: str) -> None:
    refused = decode_feedback(json.dumps({key: value for key, value in BASE.items() if key != field}).encode())
    assert isinstance(refused, Rejected) and refused.code == "missing_field"
    assert refused.message.replace(field, "source") in text_of("docs/bad-input.md")


# Examples


def test_json_examples_of_feedback_are_feedback() -> None:
    for page in (ROOT / "README.md", DOCS / "quickstart.md"):
        for block in blocks(page, "json"):
            assert isinstance(decode_feedback(block.encode()), Feedback), f"{page.name}: {block}"


def test_the_import_of_the_quickstart_does_what_it_says(tmp_path: Path) -> None:
    page = DOCS / "quickstart.md"
    [rows], [mapping] = blocks(page, "csv"), blocks(page, "yaml")
    (tmp_path / "reviews.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "reviews.yaml").write_text(mapping, encoding="utf-8")
    sink = ListSink()
    report = import_file(tmp_path / "reviews.csv", load_mapping(tmp_path / "reviews.yaml"), sink=sink)
    assert (report.read, report.sent, report.skipped, report.rejected) == (3, 2, 1, 0)
    first = sink.events[0]
    assert (first.event_id, first.product, first.segments) == ("shop-1001", "Kettle", {"region": "north"})
    assert first.rating and first.rating.value == 2 and (first.customer_id or "").startswith("h-")


def test_the_metrics_that_operations_name_are_those_that_a_role_gives() -> None:
    with RoleMetrics("store", MetricsSettings()) as metrics:
        metrics.stepped(3)
        from prometheus_client import generate_latest

        given = {
            line.split("{")[0]
            for line in generate_latest(metrics.registry).decode().splitlines()
            if line.startswith("vocengine_") and not line.split("{")[0].endswith("_created")
        }
    named = set(re.findall(r"`(vocengine_\w+)`", text_of("docs/operations.md")))
    assert named == given


# Messages


def test_published_schemas_are_those_of_the_code() -> None:
    folder = ROOT / "streams" / "schemas"
    assert {path.name for path in folder.iterdir()} == {f"{name}.v{VERSION}.json" for name in MESSAGES}
    for name in MESSAGES:
        published = json.loads((folder / f"{name}.v{VERSION}.json").read_text(encoding="utf-8"))
        assert published == schema_of(name), f"{name}: run `vocengine streams schemas`"


def test_the_asyncapi_document_has_every_topic_and_every_reference_leads_somewhere() -> None:
    path = ROOT / "streams" / "asyncapi.yaml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    prefix = Settings().kafka.topic_prefix
    addresses = {name: channel["address"] for name, channel in document["channels"].items()}
    assert addresses == {spec.name: f"{prefix}.{spec.name}" for spec in topology.declared()}
    seen = list(references(document))
    for reference in seen:
        file, _, pointer = reference.partition("#")
        if file:
            assert (path.parent / file).is_file(), reference
        place = document
        for part in pointer.strip("/").split("/") if pointer else ():
            place = place[part]
    assert {f"./schemas/{name}.v{VERSION}.json" for name in MESSAGES} <= set(seen)


def test_the_asyncapi_document_names_the_groups_that_the_roles_join() -> None:
    document = yaml.safe_load(text_of("streams/asyncapi.yaml"))
    received = {
        (operation["channel"]["$ref"].rsplit("/", 1)[1], operation["bindings"]["kafka"]["groupId"]["const"])
        for operation in document["operations"].values()
        if operation["action"] == "receive"
    }
    group = Settings().kafka.group
    joined = {
        "enrich": "feedback",
        "store": "enriched",
        "detect": "mentions",
        "discover": "enriched",
        "notify": "alerts",
        "notify-cases": "cases",
    }
    assert received == {(topic, group(role)) for role, topic in joined.items()}


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


# Links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = re.findall(r"^#+ (.+)$", plain, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+://|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.relative_to(ROOT)} → {link}"
        assert not anchor or anchor in anchors(target), f"{page.relative_to(ROOT)} → {link}"


def test_decisions_are_numbered_without_gaps_and_say_what_a_decision_says() -> None:
    found = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(path.name[:3]) for path in found] == list(range(1, len(found) + 1))
    for path in found:
        text = path.read_text(encoding="utf-8")
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequences")), path.name
        assert text.startswith(f"# {path.name[:3]} ")
