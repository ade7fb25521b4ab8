"""Truth: tables, connections, group commit, migrations."""
