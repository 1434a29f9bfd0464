"""Requests for what is done to topics by the role that has the encoder."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "topic_requests",
        sa.Column("request_id", sa.Integer(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("asked", JSONB(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="pending", nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_topic_requests")),
    )


def downgrade() -> None:
    op.drop_table("topic_requests")
