"""`catalogue`: instruments in the forms of international catalogues, out and in; pure.

- `pidinst`: PIDINST 1.0, as JSON and XML.
- `uniquip`: UNIQUIP, the data model of Jisc's equipment data service (2025), as CSV.

What a form demands and a record has not is told and never made up; what a form holds and the
standard has not is named in `left`. Only public items (grade L1) go out.
"""
