"""`embedded`: the PostgreSQL that the hub starts by itself when it was given none."""
