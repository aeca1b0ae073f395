"""What `make run` shows: the whole path of a record, with real parts, in plain words."""
