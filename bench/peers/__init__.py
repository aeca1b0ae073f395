"""`peers`: other ways to serve the same tables, each in its best documented configuration."""
