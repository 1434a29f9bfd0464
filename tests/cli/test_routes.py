"""vocengine routes: what a file would do, and a test message."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.notify.receivers import SECRET, hook_server
from vocengine.cli.main import cli
from vocengine.errors import RouteError, SettingsError
from vocengine.settings import load_settings
from vocengine.stream.supervisor import ROLES, roles_of


def invoke(*arguments: str) -> Result:
    return CliRunner(env={"VOC_HOOK": SECRET, "COLUMNS": "220"}).invoke(cli, list(arguments))


def written(folder: Path, *urls: str) -> Path:
    to = "".join(f"\n    - {{webhook: '{url}', secret: 'env:VOC_HOOK'}}" for url in urls)
    file = folder / "routes.yaml"
    file.write_text(f"- name: leads\n  kinds: [emerging_topic]\n  severities: [high]\n  digest: daily\n  to:{to}\n")
    return file


def test_check_says_what_goes_where_and_what_goes_nowhere(tmp_path: Path) -> None:
    said = invoke("routes", "check", str(written(tmp_path, "https://example.org/path-is-secret")))
    assert said.exit_code == 0, said.output
    assert "webhook example.org #" in said.output and "daily at 08:00 UTC, not for critical" in said.output
    [emerging] = [line.split() for line in said.output.splitlines() if line.startswith("emerging_topic")]
    assert emerging == ["emerging_topic", "–", "–", "leads", "–"]
    assert "the usual" in said.output
    assert "goes nowhere" in said.output and "path-is-secret" not in said.output and SECRET not in said.output


def test_check_refuses_with_a_sentence(tmp_path: Path) -> None:
    said = invoke("routes", "check", str(written(tmp_path, "http://example.org")))
    assert isinstance(said.exception, RouteError) and "webhook is not encrypted" in str(said.exception)


def test_a_test_message_goes_to_every_target_and_tells_of_the_one_that_is_away(tmp_path: Path) -> None:
    with hook_server() as gone:
        away = gone.url
    with hook_server() as server:
        said = invoke("routes", "test", "leads", "--file", str(written(tmp_path, away, server.url)))
    assert said.exit_code == 1
    assert "cannot be reached" in said.output.splitlines()[0] and said.output.splitlines()[1].endswith(": sent")
    [hook] = server.hooks
    assert hook.signed and hook.body["type"] == "test" and hook.webhook_id.startswith("t-")


def test_a_route_that_is_not_there_and_no_routes_at_all(tmp_path: Path) -> None:
    file = written(tmp_path, "https://example.org")
    assert "there is no route called 'x'; there are leads" in str(
        invoke("routes", "test", "x", "--file", str(file)).exception
    )
    said = invoke("routes", "test", "x")
    assert isinstance(said.exception, SettingsError) and "notify.routes is not set" in str(said.exception)


@pytest.mark.parametrize(("routes", "more"), [(None, ()), ("routes.yaml", ("notify",))])
def test_the_role_runs_where_it_has_routes(routes: str | None, more: tuple[str, ...]) -> None:
    settings = load_settings(environ={}, overrides={"notify.routes": routes})
    assert roles_of(settings) == (*(role for role in ROLES if role != "notify"), *more)
