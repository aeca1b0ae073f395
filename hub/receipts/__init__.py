"""What proves an entry, and the entry itself, for those who may read the record."""
