"""One alert through everything: fall, page, mail, webhook, acknowledgement, escalation, recovery, close."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from fastapi.testclient import TestClient

from tests.conftest import Database
from tests.integration.test_detect_role import case_records, mention_records, published, stream
from tests.integration.wire import as_records, in_thread, produce, wait_until
from tests.notify.alerts import alert
from tests.notify.alerts import case as other_case
from tests.notify.receivers import SECRET, HookServer, Mail, MailServer, hook_server, mail_server
from vocengine.contracts import Alert, Enriched, encode
from vocengine.settings import NotifySettings, Settings, load_settings
from vocengine.store.cases import Casebook
from vocengine.store.tables import events
from vocengine.stream.members import run_detect, run_store
from vocengine.stream.notify_member import run_notify
from vocengine.web import create_app

pytestmark = pytest.mark.integration

# Sixteen days of feedback: it falls on the eighth and is back on the eleventh, from the event BACK on.
SAID = stream(fall_on_day=8, back_on_day=11, days=16)
BACK = 11 * 60
SITE = "https://voc.example.org"
# A working day in 24 seconds: reminded after eight, overdue after all.
HASTE = {f"cases.deadline_h.{severity}": 24 / 3600 for severity in ("critical", "high", "medium", "low")}
HASTE |= {"cases.warn_at_share": 1 / 3, "web.public_url": SITE}


def hasty(
    settings: Settings, folder: Path, mails: MailServer, hooks: HookServer, environ: pytest.MonkeyPatch
) -> Settings:
    """Deadlines of seconds; the lead hears of everything by mail and webhook, their head of what is late and mended."""
    for name, to in (("LEAD", "lead@example.org"), ("HEAD", "head@example.org")):
        environ.setenv(f"VOC_TEST_{name}", f"mailto://127.0.0.1:{mails.port}?from=voc@example.org&to={to}")
    environ.setenv("VOC_TEST_HOOK", SECRET)
    file = folder / "routes.yaml"
    lead = {
        "name": "lead",
        "keys": ["product:*"],
        "to": ["env:VOC_TEST_LEAD", {"webhook": hooks.url, "secret": "env:VOC_TEST_HOOK"}],
    }
    head = {
        "name": "head",
        "keys": ["product:*"],
        "events": ["case.overdue", "case.resolved"],
        "to": ["env:VOC_TEST_HEAD"],
    }
    file.write_text(yaml.safe_dump([lead, head]))
    quick = load_settings(environ={}, overrides=HASTE)
    return settings.model_copy(update={"cases": quick.cases, "web": quick.web, "notify": NotifySettings(routes=file)})


def kinds_of(hooks: HookServer) -> list[str]:
    assert all(hook.signed for hook in hooks.hooks) and not hooks.refused
    assert len({hook.webhook_id for hook in hooks.hooks}) == len(hooks.hooks)
    return [hook.body["type"] for hook in hooks.hooks]


def follow(reader: TestClient, mail: Mail) -> str:
    """The page that the link in a mail leads to."""
    link = re.search(re.escape(SITE) + r"(/\S+)", mail.part("plain"))
    assert link is not None, mail.part("plain")
    answer = reader.get(link[1])
    assert answer.status_code == 200
    return answer.text


def test_an_alert_lives_from_fall_to_close(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as mails, hook_server() as hooks:
        chosen = hasty(settings, tmp_path, mails, hooks, monkeypatch)
        site = create_app(database.engine, edits=True, casebook=Casebook.of(chosen))
        with TestClient(site, headers={"Sec-Fetch-Site": "same-origin"}) as reader:
            with in_thread(run_store, chosen), in_thread(run_detect, chosen), in_thread(run_notify, chosen):
                fall, case = fall_and_news(chosen, database, hooks, mails, reader)
                # Acknowledged on the page that the mail leads to.
                version = re.search(r'name="version" value="(\d+)"', reader.get(case).text)
                assert version is not None
                step(reader, case, "take", version=version[1], note="Looking at the spring batch")
                assert reader.get(f"/api/v1/alerts/{fall.alert_id}").json()["alert"]["status"] == "acknowledged"
                step(reader, case, "start")
                # Nobody resolves it in time: reminded, then escalated to the head as well.
                wait_until(lambda: len(hooks.hooks) == 3, what="the reminder and the escalation", timeout_s=90)
                assert kinds_of(hooks)[1:] == ["case.due_soon", "case.overdue"]
                wait_until(lambda: len(mails.mails) == 4, what="their mails")
                head = [mail for mail in mails.mails if mail.recipients == ["head@example.org"]]
                assert [mail.message["Subject"] for mail in head] == [
                    f"Overdue: the case on product kettle ({fall.severity})"
                ]
                assert "overdue by" in follow(reader, head[0]) and "Its owner is ana." in head[0].part("plain")
                # Sentiment is back; the lead hears it from the alert, and the case has it noted.
                say(chosen, SAID[BACK:])
                wait_until(lambda: len(hooks.hooks) == 4 and len(mails.mails) == 5, what="the good news")
                assert kinds_of(hooks)[3] == "alert.resolved" and "Sentiment is back" in reader.get(case).text
                # Resolved, which is news to the head alone; judged, closed.
                step(reader, case, "resolve", note="The belt was worn; new ones are in")
                wait_until(lambda: len(mails.mails) == 6, what="the mail to the head")
                step(reader, case, "yes")
                step(reader, case, "close")
                wait_until(lambda: any(c.action == "close" for c in case_records(chosen)), what="the last record")
            after_the_close(chosen, database, hooks, mails, reader, fall)


def fall_and_news(
    settings: Settings, database: Database, hooks: HookServer, mails: MailServer, reader: TestClient
) -> tuple[Alert, str]:
    """Sentiment on a product falls; returns the alert and the address of its case, once page, mail and hook have it."""
    say(settings, SAID[:BACK])
    wait_until(lambda: hooks.hooks and mails.mails, what="the news of the fall")
    [fall] = [found for found in published(settings) if found.key == "product:kettle"]
    assert kinds_of(hooks) == ["alert.opened"]
    assert hooks.hooks[0].body["data"]["alert"]["alert_id"] == fall.alert_id
    [mail] = mails.mails
    assert mail.message["Subject"] == f"Sentiment fell: product kettle ({fall.severity})"
    wait_until(lambda: stored(database) == BACK, what="the events in the database")
    page = follow(reader, mail)
    assert "Sentiment around the fall" in page and "nobody yet" in page
    case = re.search(r'href="(/cases/[^"]+)">Open the case', page)
    assert case is not None and case[1] in reader.get("/cases?state=open").text
    return fall, case[1]


def after_the_close(
    settings: Settings, database: Database, hooks: HookServer, mails: MailServer, reader: TestClient, fall: Alert
) -> None:
    """All that is left of it: its history, the same on Kafka, the answer that counts, and nothing told twice."""
    case_id = "c-" + fall.alert_id.removeprefix("a-")
    history = reader.get(f"/api/v1/cases/{case_id}").json()["history"]
    done = ["open", "take", "start", "warn", "escalate", "note", "resolve", "judge", "close"]
    assert [line["action"] for line in history] == done
    assert {line["by"] for line in history} == {"vocengine", "ana"}
    records = [case for case in case_records(settings) if case.case_id == case_id]
    assert [case.action for case in records] == done and [case.version for case in records] == list(range(1, 10))
    assert reader.get(f"/api/v1/alerts/{fall.alert_id}").json()["alert"]["status"] == "resolved"
    found = reader.get("/api/v1/cases").json()
    assert (found["precision"]["real"], found["precision"]["judged"], found["counts"]["at_work"]) == (1, 1, 0)
    # All of it is read again, as after a lost position; what comes behind it is the only news.
    produce(settings, "alerts", [(b"a", encode(fall))])
    now = datetime.now(UTC)
    produce(settings, "alerts", [(b"b", encode(alert(7, raised_at=now)))])
    produce(settings, "cases", [(b"c", encode(case)) for case in (*records, other_case(8, at=now))])
    with in_thread(run_notify, settings):
        wait_until(lambda: len(hooks.hooks) == 6 and len(mails.mails) == 9, what="the news behind it")
    assert kinds_of(hooks)[:4] == ["alert.opened", "case.due_soon", "case.overdue", "alert.resolved"]
    assert sorted(kinds_of(hooks)[4:]) == ["alert.opened", "case.overdue"]
    subjects = [str(mail.message["Subject"]) for mail in mails.mails]
    of_it = sorted(subject.split(":")[0] for subject in subjects if "product kettle (" in subject)
    assert of_it == ["Due soon", "Overdue", "Overdue", "Resolved", "Resolved", "Sentiment fell"]
    [mended] = [mail for mail in mails.mails if str(mail.message["Subject"]).startswith("Resolved: the case on")]
    assert mended.recipients == ["head@example.org"] and "The belt was worn" in mended.part("plain")


def say(settings: Settings, said: list[Enriched]) -> None:
    produce(settings, "enriched", as_records(said))
    # Of the product alone: the fall on its channel is the same incident, and another test's.
    produce(settings, "mentions", [(key, value) for key, value in mention_records(said) if key == b"product:kettle"])


def step(reader: TestClient, case: str, action: str, **fields: Any) -> None:
    answer = reader.post(case, data={"by": "ana", "action": action, **fields}, follow_redirects=False)
    assert answer.status_code == 303, answer.text


def stored(database: Database) -> int:
    with database.engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(events)) or 0
