"""Harvest: fetch what a source publishes, on our initiative, and hand it to intake.

`check` looks at a source beforehand; `source` says what is deployed, `config` reads it from files;
`feed` says what is due, `schedule` begins it, `service` carries out one harvest and `reading` its
lists, `position` is where one that was cut off goes on, `reconcile` decides what is gone, `runs`
keeps the table of runs and `watch` looks after one while it goes on. `drift` says what changed in
the form of lists, `raw` keeps documents, `replay` and `rerun` read them and rows in quarantine
again; `grades` says how good a source is.
"""
