"""`ledger`: the transparency log, its receipts and their offline verification."""
