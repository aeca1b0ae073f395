"""Harvest: fetch what a source publishes, on our initiative, and hand it to intake.

`source` says what is deployed, `run` carries out one harvest, `reconcile` decides what is gone,
`registry` keeps the tables of sources and runs.
"""
