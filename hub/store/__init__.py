"""`store`: tables, connections, migrations, and what keeps projections equal to entries."""
