"""How much came in by source, channel and hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source", "channel", "hour", name=op.f("pk_arrivals")),
    )
    op.create_index(op.f("ix_arrivals_hour"), "arrivals", ["hour"])


def downgrade() -> None:
    op.drop_table("arrivals")
