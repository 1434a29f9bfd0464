"""The image and the compose file: what can be told, and run, without a container engine."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from vocengine.cli.main import COMMANDS
from vocengine.metrics import HEALTHY_S, RoleMetrics
from vocengine.settings import MetricsSettings, load_settings

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "streams" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
ROLES = ("enrich", "store", "detect", "discover", "notify", "web")
ONE_SHOTS = {"topics": ["streams", "apply"], "schema": ["db", "upgrade"]}
REQUIRED = re.compile(r"\$\{\w+:\?[^}]+\}")


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile; what stands before the first FROM belongs to no stage."""
    lines = [
        line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    found: list[list[tuple[str, str]]] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word and found:
            found[-1].append((word, rest.strip()))
    return found


def instructions(word: str, stage: list[tuple[str, str]]) -> list[str]:
    return [rest for name, rest in stage if name == word]


def environment(stage: list[tuple[str, str]]) -> dict[str, str]:
    return dict(pair.split("=", 1) for rest in instructions("ENV", stage) for pair in shlex.split(rest))


def copied() -> list[str]:
    """What the image takes from the working tree."""
    return [source for rest in instructions("COPY", stages()[0]) for source in rest.split()[:-1]]


def test_the_image_is_built_in_one_stage_and_run_in_another() -> None:
    build, final = stages()
    assert build[0][1].endswith(" AS build") and build[0][1].startswith("python:${PYTHON}-slim")
    assert final[0][1] == "python:${PYTHON}-slim", "the same interpreter, else the environment does not fit"
    assert instructions("COPY", final) == ["--from=build /opt/vocengine /opt/vocengine"]
    assert not any("pip" in run or "apt-get" in run for run in instructions("RUN", final))


def test_the_image_does_not_run_as_root() -> None:
    [user] = instructions("USER", stages()[1])
    assert user.isdigit() and int(user) > 0, "a number, so that Kubernetes can check runAsNonRoot"
    assert f"--uid {user}" in instructions("RUN", stages()[1])[0]


def test_every_path_that_is_copied_exists_and_reaches_the_engine() -> None:
    assert all((ROOT / path).exists() for path in copied())
    ignore = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    assert ignore[0] == "*", "nothing goes to the engine that is not named"
    assert {line[1:] for line in ignore if line.startswith("!")} == {path.removeprefix("./") for path in copied()}


def test_every_folder_that_the_code_looks_for_is_put_where_it_looks() -> None:
    wanted = set()
    for path in (ROOT / "vocengine").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "resource" and node.args:
                assert isinstance(node.args[0], ast.Constant), f"{path}: the first part of a resource is a word"
                wanted.add(node.args[0].value)
    put = {rest.split()[0]: rest.split()[1] for rest in instructions("COPY", stages()[0])}
    assert wanted >= {"configs", "models", "streams"}
    assert {name: put.get(name) for name in wanted} == {
        name: f"/opt/vocengine/share/vocengine/{name}" for name in wanted
    }


def test_versions_are_those_of_the_lock_file_and_the_makefile() -> None:
    runs = "\n".join(instructions("RUN", stages()[0]))
    assert "--constraint requirements.lock --requirement pyproject.toml" in runs
    for tool in ("uv", "torch"):
        [version] = set(re.findall(rf"\b{tool}==([\d.]+)", (ROOT / "Makefile").read_text(encoding="utf-8")))
        assert re.findall(rf"\b{tool}==([\d.]+)", runs) == [version]
    assert not re.search(r"^torch==", (ROOT / "requirements.lock").read_text(encoding="utf-8"), re.M)
    [default] = re.findall(r"^ARG PYTHON=(.+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert default == "3.11"


def test_the_lock_file_pins_each_dependency_with_hashes() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    pinned = {re.split(r"[=\[]", entry)[0].lower() for entry in entries if re.match(r"\S+==\S+", entry)}
    assert all("--hash=sha256:" in entry for entry in entries if re.match(r"\S+==\S+", entry))
    project = re.search(r"\ndependencies = \[(.*?)\n\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.S)
    assert project
    wanted = {name.lower() for name in re.findall(r'"([A-Za-z0-9_.-]+)', project[1])} - {"torch"}
    assert wanted and wanted <= pinned


def test_the_image_brings_no_secrets_and_only_settings_that_exist() -> None:
    given = environment(stages()[1])
    assert not [name for name in given if re.search("PASSWORD|SECRET|TOKEN$|KEY|URL$", name) and name != "HEALTH_URL"]
    settings = load_settings(environ={name: value for name, value in given.items() if name.startswith("VOCENGINE_")})
    assert str(settings.data_dir) == "/var/lib/vocengine" and settings.text.mask_names
    assert given["HEALTH_URL"] == f"http://127.0.0.1:{settings.metrics.port}/healthz"


def test_the_program_is_called_without_a_shell_that_would_keep_signals() -> None:
    assert instructions("ENTRYPOINT", stages()[1]) == ['["vocengine"]']


def test_the_health_check_tells_a_role_that_works_from_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    [check] = instructions("HEALTHCHECK", stages()[1])
    python, *arguments = json.loads(check.split("CMD", 1)[1])
    assert python == "python"
    from vocengine.stream.broker import free_port

    port = free_port()
    environ = {**os.environ, "HEALTH_URL": f"http://127.0.0.1:{port}/healthz"}

    def status() -> int:
        return subprocess.run([sys.executable, *arguments], env=environ, capture_output=True, timeout=30).returncode

    with RoleMetrics("store", MetricsSettings(port=port)) as metrics:
        assert status() == 0
        long_ago = time.monotonic() - HEALTHY_S - 1
        monkeypatch.setattr(metrics, "_stepped_at", long_ago)
        assert status() != 0
    assert status() != 0, "nobody listens"


@pytest.mark.timeout(180)
def test_the_wheel_that_the_image_installs_holds_every_file_of_the_package(tmp_path: Path) -> None:
    source = tmp_path / "src"
    source.mkdir()
    for path in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / path, source / path)
    shutil.copytree(ROOT / "vocengine", source / "vocengine", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, source]
    subprocess.run(command, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(p.relative_to(ROOT)) for p in (ROOT / "vocengine").rglob("*") if p.is_file()}
    assert {name for name in wanted if "__pycache__" not in name} <= held


def test_compose_has_the_six_roles_and_what_they_stand_on() -> None:
    assert set(SERVICES) == {"kafka", "postgres", *ONE_SHOTS, *ROLES}
    for role in ROLES:
        assert SERVICES[role]["command"] == [role] and role in COMMANDS
        assert SERVICES[role]["depends_on"]["schema"] == {"condition": "service_completed_successfully"}
        assert "healthcheck" not in SERVICES[role], "that of the image stays in force"
    for role in ("enrich", "store", "detect", "discover", "notify"):
        assert SERVICES[role]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}


def test_one_shot_services_run_once_and_wait_for_a_healthy_server() -> None:
    for name, command in ONE_SHOTS.items():
        service = SERVICES[name]
        assert (service["command"], service["restart"]) == (command, "no")
        [(server, condition)] = service["depends_on"].items()
        assert condition == {"condition": "service_healthy"} and "test" in SERVICES[server]["healthcheck"]


def test_compose_runs_the_kafka_that_is_tested_and_a_supported_postgresql() -> None:
    pom = ElementTree.parse(ROOT / "streams" / "broker" / "pom.xml")
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    versions = {
        d.findtext("m:artifactId", None, space): d.findtext("m:version", None, space)
        for d in pom.iterfind(".//m:dependency", space)
    }
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{versions['kafka_2.13']}"
    name, _, major = SERVICES["postgres"]["image"].partition(":")
    assert name == "postgres" and int(major) in (17, 18)
    below = "/var/lib/postgresql" if int(major) >= 18 else "/var/lib/postgresql/data"
    assert SERVICES["postgres"]["volumes"] == [f"postgres:{below}"]


def test_no_password_stands_in_compose_and_a_missing_one_stops_it() -> None:
    seen = 0
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET", key):
                assert REQUIRED.fullmatch(value), f"{name}: {key}"
                seen += 1
            if "://" in str(value) and "@" in str(value):
                secret = re.fullmatch(r"\w+://[^:]+:(.+)@[^@]+", value)
                assert secret and REQUIRED.fullmatch(secret[1]), f"{name}: {key}"
                seen += 1
    assert seen >= 1 + len(ROLES)


def test_everything_that_compose_sets_is_a_setting() -> None:
    for name in (*ROLES, *ONE_SHOTS):
        given = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
        given["VOCENGINE_DATABASE__URL"] = REQUIRED.sub("x", given["VOCENGINE_DATABASE__URL"])
        settings = load_settings(environ={key: value for key, value in given.items() if key.startswith("VOCENGINE_")})
        assert settings.kafka.bootstrap == "kafka:9092" and settings.metrics.host == settings.web.host == "0.0.0.0"
        assert settings.database.url and settings.database.url.get_secret_value().endswith("@postgres:5432/vocengine")
    assert SERVICES["web"]["environment"]["HEALTH_URL"] == f"http://127.0.0.1:{settings.web.port}/readyz"


def test_ports_are_open_to_this_machine_alone_and_data_lies_in_volumes() -> None:
    assert all(port.startswith("127.0.0.1:") for service in SERVICES.values() for port in service.get("ports", ()))
    assert SERVICES["notify"]["profiles"] == ["notify"], "without routes it would end at once"
    [routes] = SERVICES["notify"]["volumes"]
    assert routes.endswith(f":{SERVICES['notify']['environment']['VOCENGINE_NOTIFY__ROUTES']}:ro")
    keeping = [service for name, service in SERVICES.items() if name != "notify"]
    used = {volume.split(":")[0] for service in keeping for volume in service.get("volumes", ())}
    assert used == set(COMPOSE["volumes"]) == {"kafka", "postgres"}


def test_our_containers_may_write_caches_only() -> None:
    for name in (*ROLES, *ONE_SHOTS):
        service = SERVICES[name]
        assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service


@pytest.mark.integration
@pytest.mark.timeout(180)
def test_kafka_starts_with_the_configuration_of_compose_and_takes_the_topics(tmp_path: Path) -> None:
    """The official image turns KAFKA_… into server.properties by a class that is in Kafka's own jar: the same here."""
    from vocengine.stream import broker, topology

    assert broker.choose("apache") == "apache"
    ports = {number: str(broker.free_port()) for number in ("9092", "9093", "9094")}
    given = {}
    for key, value in SERVICES["kafka"]["environment"].items():
        value = str(value).replace("kafka:9", "127.0.0.1:9").replace("://:", "://127.0.0.1:")
        given[key] = re.sub(r"(?<=:)909[234]\b", lambda found: ports[found[0]], value)
    given["KAFKA_LOG_DIRS"] = str(tmp_path / "data")
    defaults, mounted, final = (tmp_path / name for name in ("defaults", "mounted", "final"))
    for folder in (defaults, mounted, final):
        folder.mkdir()
    for name in ("server.properties", "log4j2.yaml", "tools-log4j2.yaml"):
        (defaults / name).touch()
    java = ["java", "-Xmx384m", "-cp", f"{broker.fetch_jars()}/*"]
    folders = ["--default-configs-dir", defaults, "--mounted-configs-dir", mounted, "--final-configs-dir", final]
    environ = {"PATH": os.environ["PATH"], "CLUSTER_ID": "5L6g3nShT-eMCtK--X86sw", **given}
    subprocess.run(
        [*java, "kafka.docker.KafkaDockerWrapper", "setup", *folders], env=environ, check=True, capture_output=True
    )
    with (tmp_path / "broker.log").open("wb") as log:
        process = subprocess.Popen(
            [*java, "kafka.Kafka", str(final / "server.properties")], stdout=log, stderr=log, cwd=tmp_path
        )
    try:
        deadline = time.monotonic() + 60
        while b"Kafka Server started" not in (tmp_path / "broker.log").read_bytes():
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "broker.log").read_text()[
                -2_000:
            ]
            time.sleep(0.2)
        kafka = load_settings(environ={}, overrides={"kafka.bootstrap": f"127.0.0.1:{ports['9094']}"}).kafka
        assert {change.action for change in topology.apply(kafka)} == {"created"}
        from vocengine.stream import clients

        producer = clients.producer(kafka, client_id="test", transactional_id="compose")
        producer.begin_transaction()
        producer.send(kafka.topic("feedback"), b"{}").get(timeout=20)
        producer.commit_transaction()
        producer.close()
        # The broker tells of new topics a moment after it has made them; by now it does.
        assert topology.check(kafka).keys() == {spec.name for spec in topology.declared()}
    finally:
        process.terminate()
        process.wait(30)
