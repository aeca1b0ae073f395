"""`receipts`: proofs of entries, and their bytes, for those who may read the record."""
