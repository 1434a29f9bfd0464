"""What events say of topics, for trends by channel, product, segment and journey stage; filled from what is stored."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Each event with each topic of its spans, the nearest and the others, as the writer sees them.
_SAID = """
    CREATE TEMPORARY TABLE said ON COMMIT DROP AS
    SELECT s.event_id, s.occurred_at, t.topic_id, round(avg(s.sentiment_score)::numeric, 4)::float8 AS score,
        ARRAY(SELECT DISTINCT e.label FROM unnest(array_agg(s.emotions)) AS one,
              jsonb_to_recordset(one) AS e(label text) ORDER BY 1) AS emotions
    FROM spans s
    CROSS JOIN LATERAL (
        SELECT s.topic_id AS topic_id WHERE s.topic_id IS NOT NULL
        UNION
        SELECT (other ->> 'topic_id')::int FROM jsonb_array_elements(s.other_topics) AS other
    ) AS t
    GROUP BY s.event_id, s.occurred_at, t.topic_id
"""


def upgrade() -> None:
    op.create_table(
        "topic_mentions",
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("score", sa.REAL(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("journey_stage", sa.Text(), nullable=True),
        sa.Column("segments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("emotions", postgresql.ARRAY(sa.Text()), nullable=False),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index(
        op.f("ix_topic_mentions_topic_id_occurred_at"), "topic_mentions", ["topic_id", "occurred_at"], unique=False
    )
    op.create_table(
        "topic_portions",
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("score_sum", sa.Double(), nullable=False),
        sa.Column("square_sum", sa.Double(), nullable=False),
        sa.Column("weight_2", sa.Double(), nullable=False),
        sa.Column("score_sum_2", sa.Double(), nullable=False),
        sa.Column("square_sum_2", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("topic_id", "hour", name=op.f("pk_topic_portions")),
    )
    _make_partitions()
    # Nothing may be written between what is read here and the commit.
    op.execute("LOCK TABLE events, spans IN SHARE MODE")
    op.execute(_SAID)
    op.execute(
        "INSERT INTO topic_mentions "
        "SELECT occurred_at, topic_id, score, channel, product, journey_stage, segments, said.emotions "
        "FROM said JOIN events USING (event_id, occurred_at) WHERE sentiment_score IS NOT NULL"
    )
    op.execute(
        "INSERT INTO topic_portions "
        "SELECT topic_id, date_trunc('hour', occurred_at, 'UTC'), sum(part), sum(part * s), sum(part * s * s), "
        "sum(part ^ 2), sum(part ^ 2 * s), sum(part ^ 2 * s * s) FROM ("
        "SELECT topic_id, occurred_at, sentiment_score AS s, "
        "1.0::float8 / count(*) OVER (PARTITION BY event_id) AS part "
        "FROM said JOIN events USING (event_id, occurred_at) WHERE sentiment_score IS NOT NULL) AS p GROUP BY 1, 2"
    )


def _make_partitions() -> None:
    """The months that there are events of: those to come are made as they come."""
    op.execute(
        "DO $$ DECLARE part record; BEGIN "
        "FOR part IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i "
        "JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'events'::regclass LOOP "
        "EXECUTE format('CREATE TABLE %I PARTITION OF topic_mentions %s', "
        "replace(part.relname, 'events_', 'topic_mentions_'), part.bound); "
        "END LOOP; END $$"
    )


def downgrade() -> None:
    op.drop_table("topic_portions")
    op.drop_index(op.f("ix_topic_mentions_topic_id_occurred_at"), table_name="topic_mentions")
    op.drop_table("topic_mentions")
