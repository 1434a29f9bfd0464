"""Emerging topics: the reference of a fit, the pool of the newest spans, and the candidates found in it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "topic_references",
        sa.Column("reference_id", sa.Integer(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("encoder_digest", sa.Text(), nullable=False),
        sa.Column("spans", sa.Integer(), nullable=False),
        sa.Column("embeddings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("reference_id", name=op.f("pk_topic_references")),
    )
    op.create_table(
        "emerging_pool",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("encoder_digest", sa.Text(), nullable=False),
        sa.Column("embedding", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_emerging_pool")),
    )
    op.create_table(
        "topic_candidates",
        sa.Column("candidate_id", sa.Integer(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("centroid", sa.LargeBinary(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("examples", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("encoder_digest", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=True),
        sa.Column("settled_by", sa.Text(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("candidate_id", name=op.f("pk_topic_candidates")),
    )


def downgrade() -> None:
    op.drop_table("topic_candidates")
    op.drop_table("emerging_pool")
    op.drop_table("topic_references")
