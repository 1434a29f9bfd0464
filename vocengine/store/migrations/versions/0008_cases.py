"""Cases behind alerts with their history, and the initiatives that many of them belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("alerts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("warn_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("escalated", sa.Text(), nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("duplicate_of", sa.Text(), nullable=True),
        sa.Column("initiative_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    live = sa.text("state IN ('open', 'acknowledged', 'in_progress')")
    op.create_index("uq_cases_live_key", "cases", ["key"], unique=True, postgresql_where=live)
    op.create_index("ix_cases_live_warn_at", "cases", ["warn_at"], postgresql_where=live)
    op.create_index(op.f("ix_cases_key_opened_at"), "cases", ["key", "opened_at"])
    op.create_index(op.f("ix_cases_opened_at_case_id"), "cases", ["opened_at", "case_id"])
    op.create_index(op.f("ix_cases_initiative_id"), "cases", ["initiative_id"])
    op.create_index("ix_cases_alerts", "cases", ["alerts"], postgresql_using="gin")
    op.create_table(
        "case_history",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "version", name=op.f("pk_case_history")),
    )
    op.create_table(
        "initiatives",
        sa.Column("initiative_id", sa.Integer(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("fixed_by", sa.Text(), nullable=True),
        sa.Column("fixed_at", _TIME, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("initiative_id", name=op.f("pk_initiatives")),
    )


def downgrade() -> None:
    op.drop_table("initiatives")
    op.drop_table("case_history")
    op.drop_table("cases")
