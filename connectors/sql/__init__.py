"""A unit's database: its read-only views, over SQLAlchemy Core (psycopg, aiomysql)."""
