"""A shop's six weeks of feedback, in which delivery goes wrong in the last days; rows for pages to show."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import sqlalchemy as sa

from vocengine.cases import Step
from vocengine.contracts import (
    Alert,
    Driver,
    Enriched,
    Evidence,
    Labelled,
    ModelUsed,
    Sentiment,
    Span,
    SpanTopic,
    Verbatim,
    encode,
)
from vocengine.settings import Settings
from vocengine.store import initiatives, tables
from vocengine.store.cases import Casebook
from vocengine.store.writer import EventWriter
from vocengine.trends.mentions import Monitored

START = datetime(2026, 8, 31, tzinfo=UTC)
END = datetime(2026, 10, 12, 15, tzinfo=UTC)
FALL = datetime(2026, 10, 7, 6, tzinfo=UTC)
BUDGET = "at most 1 false alarm in 7 days"
TRICKY = "<script>alert('x')</script> & \"quoted\" <b>bold</b>"

# label, keywords, usual mean, weight, what is said well, badly, plainly
TOPICS = (
    ("Delivery time", ("delivery", "late", "courier", "days", "parcel"), 0.35, 9,
     ("Delivery was a day early", "The parcel came right on time", "Super quick delivery again"),
     ("My parcel is five days late", "The courier never showed up", "Delivery slipped for the third time"),
     ("The parcel came on Tuesday", "Delivery took the usual four days")),
    ("Checkout and payment", ("checkout", "card", "payment", "voucher"), 0.1, 6,
     ("Paying took me ten seconds", "The checkout is wonderfully simple"),
     ("My card was charged twice", "The checkout froze at the last step"),
     ("I paid by card at checkout",)),
    ("Friendly support", ("support", "agent", "helpful", "answer"), 0.55, 7,
     ("The agent was so kind and patient", "Support solved it in five minutes"),
     ("Support sent me round in circles", "Nobody answered my mail for a week"),
     ("I wrote to support about the invoice",)),
    ("App crashes", ("app", "crash", "update", "login"), -0.45, 5,
     ("The app is much more stable now",),
     ("The app crashes when I open my basket", "Since the update I cannot log in"),
     ("I use the app on an older phone",)),
    ("Refunds", ("refund", "money", "return", "wait"), -0.25, 5,
     ("The refund was there the next morning",),
     ("Still waiting for my money back", "The return label does not work"),
     ("I sent it back on Friday",)),
    ("Product quality", ("quality", "fabric", "broken", "sturdy"), 0.45, 8,
     ("Lovely fabric and well made", "Sturdy, exactly as described"),
     ("The zip broke on the second day", "The colour washed out at once"),
     ("The jacket is dark blue",)),
    ("Size and fit", ("size", "fit", "small", "large"), 0.05, 4,
     ("Fits like it was made for me",), ("Runs two sizes small",), ("I took a medium",)),
    ("Prices and offers", ("price", "expensive", "discount", "offer"), 0.0, 3,
     ("A fair price for what you get",), ("Far too expensive since the summer",), ("It was 40 euros on offer",)),
)  # fmt: skip
CHANNELS = ("review", "survey", "chat", "social", "email", "ticket")
PRODUCTS = ("Jackets", "Shoes", "Bags")
REGIONS = ("north", "south", "west")


def sentiment(score: float) -> Sentiment:
    """A sentiment with that score, its probabilities summing to one."""
    positive, negative = max(score, 0) + (1 - abs(score)) * 0.2, max(-score, 0) + (1 - abs(score)) * 0.2
    label = "negative" if score < -0.25 else "positive" if score > 0.25 else "neutral"
    return Sentiment(label, score, negative, 1 - positive - negative, positive)


def events(*, per_day: int = 90, seed: int = 5) -> Iterator[Enriched]:
    """The story, in order of time."""
    source = random.Random(seed)
    hours = int((END - START).total_seconds() // 3600)
    for i in range(per_day * hours // 24):
        at = START + (END - START) * (i / (per_day * hours / 24)) + timedelta(seconds=source.uniform(0, 600))
        yield _event(source, i, min(at, END - timedelta(seconds=1)))


def _event(source: random.Random, i: int, at: datetime) -> Enriched:
    channel, product = source.choice(CHANNELS), source.choice(PRODUCTS)
    text, spans = "", []
    weights = [topic[3] for topic in TOPICS]
    chosen = {source.choices(range(len(TOPICS)), weights)[0] for _ in range(source.choice((1, 1, 2)))}
    for topic_index in sorted(chosen):
        label, _, usual, _, well, badly, plainly = TOPICS[topic_index]
        fallen = topic_index == 0 and at >= FALL and channel != "survey"
        score = max(-0.97, min(0.97, source.gauss(usual - (0.85 if fallen else 0), 0.4)))
        words = source.choice(badly if score < -0.25 else well if score > 0.25 else plainly)
        joined = f"{text}, but " if text else ""
        words = words[0].lower() + words[1:] if text else words
        emotion = (Labelled("anger", 0.71),) if score < -0.5 else (Labelled("joy", 0.66),) if score > 0.5 else ()
        spans.append(
            Span(
                len(joined),
                len(joined) + len(words),
                sentiment(round(score, 3)),
                emotion,
                (SpanTopic(topic_index + 1, label, round(source.uniform(0.5, 0.9), 3)),),
            )
        )
        text = joined + words
    text += "."
    if i == 7:
        text = f"{text} {TRICKY}"
    score = sum(span.sentiment.score for span in spans) / len(spans)
    received = at + timedelta(seconds=1)
    return Enriched(
        event_id="shop/native 7?#%" if i == 7 else f"shop-{i:05d}",
        source="shop",
        channel=channel,
        occurred_at=at,
        received_at=received,
        enriched_at=received + timedelta(milliseconds=40),
        text=text,
        content_digest=f"{i:032x}",
        status="scored",
        language="en",
        language_confidence=0.99,
        sentiment=sentiment(round(score, 4)),
        emotions=spans[0].emotions,
        intents=(Labelled("complaint", 0.83),) if score < -0.25 else (),
        effort=None,
        urgency="high" if score < -0.8 else "normal",
        spans=tuple(spans),
        models=(ModelUsed("voc-encoder", "1", "53aa51172d14"),),
        pipeline_version="1",
        topics_version=1,
        customer_id=f"C-{source.randrange(900):04d}" if i != 7 else "C/7 &?",
        product=product,
        segments={"region": source.choice(REGIONS)},
        nps=source.randrange(11) if channel == "survey" else None,
    )


def alert(alert_id: str, key: str, label: str, kind: str, **changes: object) -> Alert:
    """An alert as the detector publishes it."""
    values: dict[str, object] = {
        "window_start": FALL,
        "window_end": FALL + timedelta(hours=9),
        "baseline_mean": 0.325,
        "baseline_n": 812,
        "baseline_from": START,
        "observed_mean": 0.71,
        "observed_n": 24,
        "change": 0.385,
        "change_low": 0.30,
        "change_high": 0.47,
        "evidence": Evidence("e-detector (Shiryaev–Roberts mixture)", 1.31, 1.0, BUDGET),
        "severity": "high",
        "drivers": (
            Driver("channel", "social", 0.41, 9),
            Driver("channel", "chat", 0.32, 7),
            Driver("product", "Jackets", 0.27, 6),
        ),
        "verbatims": (
            Verbatim("shop-03400", FALL + timedelta(hours=2), "social", -0.82, "It <i>never</i> showed up"),
            Verbatim("shop-03405", FALL + timedelta(hours=3), "chat", -0.74, "My parcel is five days late"),
        ),
        "opened_at": FALL,
        "raised_at": FALL + timedelta(hours=9, seconds=2),
    }  # fmt: skip
    return Alert(alert_id=alert_id, kind=kind, key=key, label=label, **(values | changes))  # type: ignore[arg-type]


ALERTS = (
    alert("a-delivery", "topic:1", "Delivery time", "topic_sentiment_fall", severity="critical"),
    alert("a-social", "channel:social", "social", "channel_sentiment_fall", opened_at=FALL + timedelta(hours=5)),
    alert(
        "a/odd id?",
        "customer:C/7 &?",
        "C/7 &?",
        "customer_sentiment_fall",
        severity="medium",
        opened_at=FALL - timedelta(days=9),
    ),
    alert(
        "a-jackets",
        "product:Jackets",
        "Jackets",
        "product_sentiment_fall",
        severity="low",
        opened_at=FALL - timedelta(days=20),
    ),
)


def fill(engine: sa.Engine, *, per_day: int = 90) -> None:
    """Write the story through the engine's own writer, its topics, and its alerts."""
    writer = EventWriter(Monitored())
    batch = list(events(per_day=per_day))
    for at in range(0, len(batch), 500):
        with engine.begin() as connection:
            writer.write(connection, batch[at : at + 500])
    with engine.begin() as connection:
        connection.execute(
            sa.insert(tables.topics),
            [
                {
                    "label": label, "keywords": list(keywords), "centroid": b"\0" * 1536, "threshold": 0.5,
                    "size": 100, "examples": list(badly), "born_version": 1,
                }
                for label, keywords, _, _, _, badly, _ in TOPICS
            ],
        )  # fmt: skip
        for made in ALERTS:
            add_alert(connection, made)
        if batch:
            work(connection)


def work(connection: sa.Connection) -> None:
    """What people did about the alerts: one case is at work under an initiative, one ended, two wait for somebody."""
    book, now = Casebook.of(Settings()), datetime.now(UTC)

    def do(case_id: str, action: Any, by: str, hours_ago: float, **values: Any) -> None:
        book.change(connection, case_id, Step(action, by, now - timedelta(hours=hours_ago), **values))

    for made, hours_ago in zip(ALERTS, (20, 3, 30, 90), strict=True):
        book.take_up(connection, [made], now=now - timedelta(hours=hours_ago))
    do("c-delivery", "take", "ana", 18, owner="ben", note="He knows the courier.")
    do("c-delivery", "start", "ben", 17)
    do("c-delivery", "note", "ben", 16, note=f"The depot in the north lost two drivers. {TRICKY}")
    do("c-delivery", "judge", "ben", 15, verdict="yes")
    do("c-jackets", "take", "ana", 89)
    do("c-jackets", "resolve", "ana", 80, note="The zips of the spring batch; the shop takes them back.")
    do("c-jackets", "judge", "ana", 80, verdict="yes")
    number = initiatives.start(
        connection, "The courier misses the evening slots", key="topic:1", by="ana", at=FALL - timedelta(days=3)
    )
    do("c-delivery", "link", "ana", 14, initiative_id=number)
    book.escalate(connection, "c-delivery", now=now - timedelta(hours=1))
    book.escalate(connection, "c-a/odd id?", now=now - timedelta(hours=2))
    initiatives.fixed(connection, number, by="ben", at=FALL)
    initiatives.start(connection, "Jackets of the spring batch", key="product:Jackets", by="ana", at=now, note=TRICKY)


def add_alert(connection: sa.Connection, made: Alert) -> None:
    """One row of `alerts`."""
    connection.execute(
        sa.insert(tables.alerts).values(
            alert_id=made.alert_id,
            kind=made.kind,
            key=made.key,
            label=made.label,
            severity=made.severity,
            status=made.status,
            opened_at=made.opened_at,
            raised_at=made.raised_at,
            change=made.change,
            body=orjson.loads(encode(made)),
        )
    )
