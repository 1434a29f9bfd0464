"""Alembic's entry: the connection comes from `vocengine db upgrade`, never from a file."""

from __future__ import annotations

from alembic import context

from vocengine.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
