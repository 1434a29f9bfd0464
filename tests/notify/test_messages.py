"""What a message says, and that what customers wrote does no harm in it."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest

from tests.notify.alerts import NOON, alert
from tests.notify.receivers import SECRET, hook_server, mail_server
from vocengine.contracts import CoursePoint, Evidence, decode_alert, encode
from vocengine.notify import Outcome, Target, backoff, digest_message, message_of, send, webhook
from vocengine.notify import test_message as message_for_test


def hook(url: str) -> Target:
    return Target("h", "webhook", url, SECRET.encode())


def test_a_message_says_what_fell_since_when_and_on_what_evidence() -> None:
    message = message_of(alert(), at=NOON, public_url="https://voc.example.org/")
    assert message.title == "Sentiment fell: product Kettle 1 (high)"
    for said in (
        "Negativity (0 to 1) went from 0.25 to 0.70: +0.45, 95 % interval +0.31 to +0.59.",
        "Since 10 Mar 2026, 07:00 UTC, over 36 mentions, one a person and day;",
        "Evidence 812.0, 640.0 needed; budget: at most 1 false alarm in 7 days.",
        "Behind it: channel review 80%.",
        "https://voc.example.org/alerts/a-00000000000000000001",
    ):
        assert said in message.text and said in message.html.replace("</p><p>", "\n")
    assert message.text.count("- “") == 5 and message.html.count("<li>") == 5
    assert "/alerts/" not in message_of(alert(), at=NOON).text
    customer = message_of(alert(kind="customer_sentiment_fall"), at=NOON)
    assert customer.title == "Sentiment fell: customer Kettle 1 (high)" and "over 36 mentions; " in customer.text


def test_an_emerging_topic_and_a_resolved_alert_say_so() -> None:
    new = alert(kind="emerging_topic", severity="medium", evidence=Evidence("test", 9.3, 6.0, "one in 10,000"))
    message = message_of(new, at=NOON)
    assert message.title == "New topic: Kettle 1 (medium)" and "from 25.0% to 70.0%: +45.0%" in message.text
    more = alert(
        kind="volume_spike", baseline_mean=2.0, observed_mean=9.5, change=7.5, change_low=5.0, change_high=10.0
    )
    message = message_of(more, at=NOON)
    assert message.title == "More mentions than usual: product Kettle 1 (high)"
    assert "Mentions an hour went from 2.0 to 9.5: +7.5" in message.text
    gone = alert(kind="data_silence", key="source:*", label="all sources", observed_n=0)
    assert message_of(gone, at=NOON).title == "Nothing comes any more: all sources (high)"
    assert "over 0 events; " in message_of(gone, at=NOON).text
    resolved = message_of(alert(status="resolved"), at=NOON)
    assert resolved.title.startswith("Resolved: ") and resolved.calm and not message.calm
    assert json.loads(resolved.payload)["type"] == "alert.resolved"
    back = alert(status="resolved", course=(CoursePoint(NOON, 0.6, 40), CoursePoint(NOON, 0.27, 1_200)))
    assert message_of(back, at=NOON).text.startswith(
        "It is back: 0.27 over 1,200 mentions, one a person and day, up to 10 Mar 2026, 12:00 UTC."
    )


def test_what_customers_wrote_neither_marks_up_nor_calls_together() -> None:
    message = message_of(alert(label="<!channel>\nKettle"), at=NOON)
    assert "<b>" not in message.html and "&lt;b&gt;" in message.html
    assert "@everyone" not in message.text and "<" not in message.text and "\n" not in message.title


def test_a_digest_begins_with_the_worst_and_has_an_end() -> None:
    several = [alert(n, severity="low") for n in range(30)] + [alert(99, severity="critical")]
    message = digest_message(several, at=NOON)
    assert message.title == "31 alerts: 1 critical, 30 low"
    assert message.text.startswith("Sentiment fell: product Kettle 99 (critical)")
    assert message.text.endswith("and 11 more")
    assert len(json.loads(message.payload)["data"]["alerts"]) == 31


def test_the_alert_in_a_payload_is_that_of_the_stream() -> None:
    found = json.loads(message_of(alert(), at=NOON).payload)
    assert (found["type"], found["timestamp"]) == ("alert.opened", "2026-03-10T12:00:00Z")
    assert decode_alert(json.dumps(found["data"]["alert"]).encode()) == alert()
    assert found["data"]["alert"] == json.loads(encode(alert()))


def test_a_signature_is_that_of_the_specification() -> None:
    """The example of the Standard Webhooks specification and its libraries."""
    key = webhook.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_webhook_arrives_signed() -> None:
    with hook_server() as server:
        assert send(hook(server.url), message_of(alert(), at=NOON), "n-1") == Outcome()
        assert send(Target("h", "", server.url, b"x" * 30), message_of(alert(), at=NOON), "n-2").error
    [arrived] = server.hooks
    assert (arrived.webhook_id, arrived.signed, arrived.path) == ("n-1", True, "/hooks/voc?from=test")
    assert [(refused.webhook_id, refused.signed) for refused in server.refused] == [("n-2", False)]


@pytest.mark.parametrize(
    ("status", "headers", "again", "after_s"),
    [
        (500, {}, True, 0),
        (503, {"Retry-After": "120"}, True, 120),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, True, 0),
        (429, {"Retry-After": "soon"}, True, 0),
        (408, {}, True, 0),
        (400, {"Retry-After": "120"}, False, 0),
        (410, {}, False, 0),
        (302, {"Location": "/elsewhere"}, False, 0),
    ],
)
def test_what_an_answer_means(status: int, headers: dict[str, str], again: bool, after_s: float) -> None:
    with hook_server() as server:
        server.answers = [(status, headers)]
        outcome = send(hook(server.url), message_for_test("a", at=NOON), "n-1")
    assert outcome.error and str(status) in outcome.error
    assert (outcome.again, outcome.after_s, server.hooks) == (again, after_s, [])


def test_a_receiver_that_is_not_there_is_an_outcome_and_its_path_stays_untold() -> None:
    with hook_server() as server:
        url = server.url
    outcome = send(hook(url), message_for_test("a", at=NOON), "n-1")
    assert outcome.error and outcome.again and "/hooks" not in outcome.error
    assert send(hook(f"https://{'x' * 70}.example"), message_for_test("a", at=NOON), "n-1").error


def test_waits_grow_with_full_jitter_and_heed_the_receiver() -> None:
    draw = random.Random(1)
    for attempts, most in ((1, 10), (2, 20), (5, 160), (10, 3_600), (50, 3_600)):
        waits = [backoff(attempts, Outcome("no"), draw) for _ in range(300)]
        assert 0 <= min(waits) < most * 0.1 and most * 0.9 < max(waits) <= most
    assert backoff(1, Outcome("no", after_s=50), draw) == 50
    assert backoff(1, Outcome("no", after_s=1e9), draw) == timedelta(hours=1).total_seconds()


def test_a_mail_arrives_with_both_its_texts() -> None:
    with mail_server() as server:
        url = f"mailto://127.0.0.1:{server.port}?from=voc@example.org&to=leads@example.org"
        target = Target("m", "mail", url)
        assert send(target, message_of(alert(), at=NOON, public_url="https://voc.example.org"), "n-7") == Outcome()
        server.refuse = 1
        refused = send(target, message_of(alert(), at=NOON), "n-8")
    assert refused.error and refused.again
    [mail] = server.mails
    assert (mail.sender, mail.recipients) == ("voc@example.org", ["leads@example.org"])
    assert mail.message["Subject"] == "Sentiment fell: product Kettle 1 (high)"
    assert "<b>" not in mail.part("html") and "delivery n-7" in mail.part("html")
    assert "It leaks & <b>sparks</b>" in mail.part("plain") and "https://voc.example.org/alerts/a-" in mail.part(
        "plain"
    )
