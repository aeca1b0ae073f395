"""Transport: how bytes arrive. One module per protocol, none per source.

A connector knows addresses, credentials, pages, encodings and bounds; it never knows what a field
means, so nothing here imports the standard.
"""
