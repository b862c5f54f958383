"""Alembic's entry point: runs the steps on the connection that `store.migrate` hands over, which already holds the lock."""

from alembic import context

from modelyard.store.columns import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
