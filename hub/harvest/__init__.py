"""Harvest: fetch what a source publishes, on our initiative, and hand it to intake.

`source` says what is deployed, `config` reads it from files; `feed` says what is due, `schedule`
begins it, `run` carries out one harvest and `reading` its lists, `position` is where one that was
cut off goes on, `reconcile` decides what is gone, `runs` keeps the table of runs.
"""
