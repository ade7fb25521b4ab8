"""Runs migrations on the connection that `upgrade.migrate` passes."""

from alembic import context

from etiq_jupyter.dashboard.db.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    transactional_ddl=False,  # the caller's transaction holds everything, on SQLite too
    render_as_batch=connection.dialect.name == "sqlite",
)
context.run_migrations()
