"""The command line: one module per verb, the same functions that the hub itself uses."""
