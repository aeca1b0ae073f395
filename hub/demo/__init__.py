"""The demo of `make run`: the whole path of a record, with the real parts of the hub."""
