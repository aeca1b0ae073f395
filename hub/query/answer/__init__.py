"""`answer`: runs statements and builds the answers."""
