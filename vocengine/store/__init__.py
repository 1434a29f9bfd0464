"""PostgreSQL: schema, writers, positions, outbox, read models."""
