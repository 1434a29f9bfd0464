"""Topics that keep their ids over refits: states by version, lineage, plans, and what people said of topics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("topics", sa.Column("name", sa.Text(), nullable=True))
    op.add_column("topics", sa.Column("description", sa.Text(), nullable=True))
    op.add_column("topics", sa.Column("pinned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("topics", sa.Column("merged_into", sa.Integer(), nullable=True))
    op.add_column("topic_versions", sa.Column("kind", sa.Text(), server_default="refit", nullable=False))
    op.add_column("topic_versions", sa.Column("states_version", sa.Integer(), nullable=True))
    op.execute("UPDATE topic_versions SET states_version = version")
    op.alter_column("topic_versions", "states_version", nullable=False)
    op.create_table(
        "topic_states",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("centroid", sa.LargeBinary(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("examples", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("version", "topic_id", name=op.f("pk_topic_states")),
    )
    # Until now a topic was never changed: it was as it is in every version that it lived in.
    op.execute(
        "INSERT INTO topic_states "
        "SELECT v.version, t.topic_id, t.label, t.keywords, t.centroid, t.threshold, t.size, t.examples "
        "FROM topic_versions v JOIN topics t "
        "ON t.born_version <= v.version AND (t.retired_version IS NULL OR t.retired_version > v.version)"
    )
    op.create_table(
        "topic_lineage",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("other_topic_id", sa.Integer(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_topic_lineage")),
    )
    op.create_index(op.f("ix_topic_lineage_topic_id_version"), "topic_lineage", ["topic_id", "version"], unique=False)
    op.create_table(
        "topic_plans",
        sa.Column("plan_id", sa.Integer(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_topic_plans")),
    )


def downgrade() -> None:
    op.drop_table("topic_plans")
    op.drop_index(op.f("ix_topic_lineage_topic_id_version"), table_name="topic_lineage")
    op.drop_table("topic_lineage")
    op.drop_table("topic_states")
    op.drop_column("topic_versions", "states_version")
    op.drop_column("topic_versions", "kind")
    op.drop_column("topics", "merged_into")
    op.drop_column("topics", "pinned")
    op.drop_column("topics", "description")
    op.drop_column("topics", "name")
