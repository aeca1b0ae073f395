"""The explorer: one page, its script and style, served from here; no request leaves the host."""
