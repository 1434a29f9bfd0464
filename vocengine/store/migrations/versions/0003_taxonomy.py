"""Categories of a company's taxonomy beside the discovered topics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("topics", sa.Column("origin", sa.Text(), server_default="discovered", nullable=False))
    op.add_column("spans", sa.Column("category_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_spans_category_id_occurred_at"), "spans", ["category_id", "occurred_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_spans_category_id_occurred_at"), table_name="spans")
    op.drop_column("spans", "category_id")
    op.drop_column("topics", "origin")
