"""The tables, once, for queries and migrations alike.

`events`, `spans` and `topic_mentions` are partitioned by month of `occurred_at`; `event_ids` is the narrow ledger that
makes `event_id` unique over all months. All times are UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    REAL,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

_Time = DateTime(timezone=True)

event_ids = Table(
    "event_ids",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("occurred_at", _Time, nullable=False),
    Column("content_digest", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("event_id", Text, nullable=False),
    Column("occurred_at", _Time, nullable=False),
    Column("received_at", _Time, nullable=False),
    Column("enriched_at", _Time, nullable=False),
    Column("source", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("turns", JSONB),
    Column("status", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("sentiment_label", Text),
    Column("sentiment_score", Double),
    Column("emotions", JSONB, nullable=False),
    Column("intents", JSONB, nullable=False),
    Column("effort", Double),
    Column("urgency", Text, nullable=False),
    Column("customer_id", Text),
    Column("account_id", Text),
    Column("rating", JSONB),
    Column("nps", SmallInteger),
    Column("csat", Double),
    Column("ces", Double),
    Column("product", Text),
    Column("journey_stage", Text),
    Column("segments", JSONB, nullable=False),
    Column("url", Text),
    Column("attributes", JSONB, nullable=False),
    Column("models", JSONB, nullable=False),
    Column("topics_version", Integer),
    Column("pipeline_version", Text, nullable=False),
    PrimaryKeyConstraint("event_id", "occurred_at"),
    Index(None, "occurred_at"),
    Index(None, "customer_id", "occurred_at"),
    postgresql_partition_by="RANGE (occurred_at)",
)

spans = Table(
    "spans",
    metadata,
    Column("event_id", Text, nullable=False),
    Column("occurred_at", _Time, nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    Column("start_char", Integer, nullable=False),
    Column("end_char", Integer, nullable=False),
    Column("sentiment_label", Text, nullable=False),
    Column("sentiment_score", Double, nullable=False),
    Column("emotions", JSONB, nullable=False),
    Column("topic_id", Integer),  # the nearest topic; null where none is near enough
    Column("similarity", Double),
    Column("category_id", Integer),  # the nearest category of the taxonomy; null where none is near enough
    Column("other_topics", JSONB),  # all but the nearest topic, the category among them
    PrimaryKeyConstraint("event_id", "occurred_at", "ordinal"),
    Index(None, "topic_id", "occurred_at"),
    Index(None, "category_id", "occurred_at"),
    postgresql_partition_by="RANGE (occurred_at)",
)

rollups = Table(
    "rollups",
    metadata,
    Column("key", Text, nullable=False),  # "all", "topic:12", "customer:C-7", "segment:region=north", …
    Column("hour", _Time, nullable=False),
    Column("kind", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("negative_n", Integer, nullable=False),
    Column("positive_n", Integer, nullable=False),
    Column("score_sum", Double, nullable=False),
    Column("score_square_sum", Double, nullable=False),
    PrimaryKeyConstraint("key", "hour"),
    Index(None, "kind", "hour"),
)

# One row for each scored event and topic that it speaks of, with what trends of topics are split by. Without a key of
# its own: `event_ids` lets each event in once.
topic_mentions = Table(
    "topic_mentions",
    metadata,
    Column("occurred_at", _Time, nullable=False),
    Column("topic_id", Integer, nullable=False),
    Column("score", REAL, nullable=False),  # mean of the event's spans on the topic
    Column("channel", Text, nullable=False),
    Column("product", Text),
    Column("journey_stage", Text),
    Column("segments", JSONB, nullable=False),
    Column("emotions", ARRAY(Text), nullable=False),
    Index(None, "topic_id", "occurred_at"),
    postgresql_partition_by="RANGE (occurred_at)",
)

# All scored feedback in parts that add up: an event with k topics counts 1/k in each, with its own score. The sums
# are of 1/k and of 1/k², each alone, times the score and times its square.
topic_portions = Table(
    "topic_portions",
    metadata,
    Column("topic_id", Integer, nullable=False),
    Column("hour", _Time, nullable=False),
    Column("weight", Double, nullable=False),
    Column("score_sum", Double, nullable=False),
    Column("square_sum", Double, nullable=False),
    Column("weight_2", Double, nullable=False),
    Column("score_sum_2", Double, nullable=False),
    Column("square_sum_2", Double, nullable=False),
    PrimaryKeyConstraint("topic_id", "hour"),
)

# What a topic is: its id for good, what the newest fit says of it, and what people said of it, which fits leave alone.
topics = Table(
    "topics",
    metadata,
    Column("topic_id", Integer, Identity(start=1), primary_key=True),
    Column("label", Text, nullable=False),
    Column("keywords", ARRAY(Text), nullable=False),
    Column("centroid", LargeBinary, nullable=False),  # float32, little-endian, unit length
    Column("threshold", Double, nullable=False),
    Column("size", Integer, nullable=False),
    Column("examples", ARRAY(Text), nullable=False),
    Column("born_version", Integer, nullable=False),
    Column("retired_version", Integer),
    Column("name", Text),  # in place of the label
    Column("description", Text),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("merged_into", Integer),  # whose part it now is; its history counts there
    Column("origin", Text, nullable=False, server_default="discovered"),  # or taxonomy: no refit touches those
    Column("theme_id", Integer),
)

# Groups of topics, formed anew at each refit; those that stay mostly the same keep id and name.
themes = Table(
    "themes",
    metadata,
    Column("theme_id", Integer, Identity(start=1), primary_key=True),
    Column("label", Text, nullable=False),
    Column("name", Text),  # in place of the label
    Column("named_by", Text),
    Column("named_at", _Time),
)

# A version is a state of the registry that members take up: after a fit, an edit by a person, a rollback.
topic_versions = Table(
    "topic_versions",
    metadata,
    Column("version", Integer, Identity(start=1), primary_key=True),
    Column("created_at", _Time, nullable=False),
    Column("kind", Text, nullable=False, server_default="refit"),  # refit, edit, rollback, taxonomy, birth
    Column("states_version", Integer, nullable=False),  # whose rows of topic_states are in force
    Column("encoder_digest", Text, nullable=False),
    Column("spans_fitted", Integer, nullable=False),
    Column("outlier_share", Double, nullable=False),
    Column("settings", JSONB, nullable=False),
)

# What each fit said of each topic, so that it can be gone back to.
topic_states = Table(
    "topic_states",
    metadata,
    Column("version", Integer, nullable=False),
    Column("topic_id", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("keywords", ARRAY(Text), nullable=False),
    Column("centroid", LargeBinary, nullable=False),
    Column("threshold", Double, nullable=False),
    Column("size", Integer, nullable=False),
    Column("examples", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("version", "topic_id"),
)

# What became of topics, by whom and on what evidence: fits and people alike.
topic_lineage = Table(
    "topic_lineage",
    metadata,
    Column("seq", BigInteger, Identity(start=1), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("topic_id", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # kept, born, split, merged, retired, renamed, pinned, defined …
    Column("other_topic_id", Integer),
    Column("made_by", Text, nullable=False),
    Column("made_at", _Time, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Index(None, "topic_id", "version"),
)

# Refits that were looked at and not yet applied.
topic_plans = Table(
    "topic_plans",
    metadata,
    Column("plan_id", Integer, Identity(start=1), primary_key=True),
    Column("created_at", _Time, nullable=False),
    Column("base_version", Integer),  # null: there was no registry yet
    Column("body", JSONB, nullable=False),
)

# A sample of the spans that a fit saw: what new ones are compared with. One is in force, beside those of kept plans.
topic_references = Table(
    "topic_references",
    metadata,
    Column("reference_id", Integer, Identity(start=1), primary_key=True),
    Column("created_at", _Time, nullable=False),
    Column("plan_id", Integer),  # null: of a fit that is in force
    Column("version", Integer),  # null: of a plan that is not yet applied
    Column("encoder_digest", Text, nullable=False),
    Column("spans", Integer, nullable=False),
    Column("embeddings", LargeBinary, nullable=False),  # float16, little-endian, a row a span
)

# The newest spans, in the order in which they were read; bounded.
emerging_pool = Table(
    "emerging_pool",
    metadata,
    Column("seq", BigInteger, Identity(start=1), primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("ordinal", SmallInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("occurred_at", _Time, nullable=False),
    Column("channel", Text, nullable=False),
    Column("product", Text),
    Column("score", Double, nullable=False),
    Column("encoder_digest", Text, nullable=False),
    Column("embedding", LargeBinary, nullable=False),  # float16, little-endian
)

# New dense groups in the pool, and what became of them.
topic_candidates = Table(
    "topic_candidates",
    metadata,
    Column("candidate_id", Integer, Identity(start=1), primary_key=True),
    Column("label", Text, nullable=False),
    Column("keywords", ARRAY(Text), nullable=False),
    Column("centroid", LargeBinary, nullable=False),  # float32, little-endian, unit length
    Column("threshold", Double, nullable=False),
    Column("size", Integer, nullable=False),  # spans so far
    Column("examples", ARRAY(Text), nullable=False),
    Column("encoder_digest", Text, nullable=False),
    Column("first_seen", _Time, nullable=False),
    Column("found_at", _Time, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),  # open, adopted, dismissed
    Column("topic_id", Integer),
    Column("settled_by", Text),
    Column("settled_at", _Time),
)

# Splits that were asked for by API, and what became of them.
topic_requests = Table(
    "topic_requests",
    metadata,
    Column("request_id", Integer, Identity(start=1), primary_key=True),
    Column("topic_id", Integer, nullable=False),
    Column("asked", JSONB, nullable=False),  # {"into": 3} or {"phrases": […]}
    Column("asked_by", Text, nullable=False),
    Column("asked_at", _Time, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),  # pending, done, refused
    Column("message", Text),
    Column("version", Integer),
    Column("settled_at", _Time),
)

alerts = Table(
    "alerts",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("opened_at", _Time, nullable=False),
    Column("raised_at", _Time, nullable=False),
    Column("change", Double, nullable=False),
    Column("body", JSONB, nullable=False),  # the whole alert as it was published
    Index(None, "opened_at"),
    Index(None, "key", "opened_at"),
)

# Alerts that tell of one thing; the root is the one whose key explains most of the others.
incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("root_alert_id", Text, nullable=False),
    Column("window_start", _Time, nullable=False),
    Column("window_end", _Time, nullable=False),
    Column("updated_at", _Time, nullable=False),
    Index(None, "window_end"),
)

incident_members = Table(
    "incident_members",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("incident_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("window_start", _Time, nullable=False),
    Column("window_end", _Time, nullable=False),
    Column("parts", JSONB, nullable=False),  # key → [share of the mentions behind the alert, share before]
    Column("voices", ARRAY(BigInteger), nullable=False),  # short hashes of those mentions' events
    Index(None, "incident_id"),
)

_LIVE = text("state IN ('open', 'acknowledged', 'in_progress')")

# The work behind alerts as it stands: what its history, step by step, makes it.
cases = Table(
    "cases",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("alerts", ARRAY(Text), nullable=False),
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("opened_at", _Time, nullable=False),
    Column("asked_at", _Time, nullable=False),
    Column("warn_at", _Time, nullable=False),
    Column("due_at", _Time, nullable=False),
    Column("escalated", Text),
    Column("ended_at", _Time),
    Column("reopened", Integer, nullable=False),
    Column("verdict", Text),
    Column("duplicate_of", Text),
    Column("initiative_id", Integer),
    Column("version", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("updated_at", _Time, nullable=False),
    # At most one at work on a key.
    Index("uq_cases_live_key", "key", unique=True, postgresql_where=_LIVE),
    Index("ix_cases_live_warn_at", "warn_at", postgresql_where=_LIVE),
    Index(None, "key", "opened_at"),
    Index(None, "opened_at", "case_id"),
    Index(None, "initiative_id"),
    Index("ix_cases_alerts", "alerts", postgresql_using="gin"),
)

# Who did what and when; `body` is the whole step.
case_history = Table(
    "case_history",
    metadata,
    Column("case_id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", _Time, nullable=False),
    Column("note", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    PrimaryKeyConstraint("case_id", "version"),
)

# A root cause that many cases share, and when it was fixed.
initiatives = Table(
    "initiatives",
    metadata,
    Column("initiative_id", Integer, Identity(start=1), primary_key=True),
    Column("title", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("opened_at", _Time, nullable=False),
    Column("fixed_by", Text),
    Column("fixed_at", _Time),
    Column("note", Text, nullable=False),
)

# What goes to whom about which change of an alert, and what became of it; digests are rows of their own.
notifications = Table(
    "notifications",
    metadata,
    Column("delivery_id", Text, primary_key=True),  # follows from route, target and change: never twice
    Column("route", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("change_id", Text),  # null: a digest
    Column("severity", Text, nullable=False),
    Column("alerts", JSONB, nullable=False),  # one alert or case as published, or those of a digest
    Column("state", Text, nullable=False),  # pending, sent, failed, suppressed, digested
    Column("held", Boolean, nullable=False, server_default=false()),  # back, by quiet hours, digest or at_most
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("created_at", _Time, nullable=False),
    Column("next_attempt_at", _Time, nullable=False),
    Column("sent_at", _Time),
    Column("digest_id", Text),  # the delivery that carried it
    Column("error", Text),
    Index(None, "state", "next_attempt_at"),
    Index(None, "route", "target", "sent_at"),
)

detector_state = Table(
    "detector_state",
    metadata,
    Column("key", Text, primary_key=True),
    Column("state", LargeBinary, nullable=False),
    Column("updated_at", _Time, nullable=False),
)

# How much came in by source, channel and hour of the wall clock, without imported history.
arrivals = Table(
    "arrivals",
    metadata,
    Column("source", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("hour", _Time, nullable=False),
    Column("n", Integer, nullable=False),
    PrimaryKeyConstraint("source", "channel", "hour"),
    Index(None, "hour"),
)

# Where each consumer stands, in the same transaction as what it wrote: the heart of exactly-once.
consumer_positions = Table(
    "consumer_positions",
    metadata,
    Column("group_name", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("updated_at", _Time, nullable=False),
    PrimaryKeyConstraint("group_name", "topic", "partition"),
)

# Messages that must leave for Kafka because of what was written here; `seq` follows commit order.
outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, Identity(start=1), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("key", LargeBinary),
    Column("value", LargeBinary, nullable=False),
    Column("created_at", _Time, nullable=False),
)

# Which installation this is: the relay's cursor in Kafka belongs to this database and no other.
installation = Table(
    "installation",
    metadata,
    Column("installation_id", Uuid, primary_key=True, server_default=func.gen_random_uuid()),
)
