"""`bench`: how fast the hub is, beside its peers, as ratios; `make bench` writes RESULTS.md."""
