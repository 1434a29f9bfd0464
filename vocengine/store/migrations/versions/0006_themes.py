"""Themes: groups of topics, with ids and names of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "themes",
        sa.Column("theme_id", sa.Integer(), sa.Identity(always=False, start=1), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("named_by", sa.Text(), nullable=True),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("theme_id", name=op.f("pk_themes")),
    )
    op.add_column("topics", sa.Column("theme_id", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("topics", "theme_id")
    op.drop_table("themes")
