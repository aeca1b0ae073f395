"""`embedded`: the PostgreSQL and the Valkey that a hub starts by itself when it was given none."""
