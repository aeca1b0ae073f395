"""What a record is about: ids, keys that name one thing, and which source speaks; pure."""
