"""`files`: what people send takes one road, from bytes to records, and refused rows back.

- `tables` and `text`: bytes become a table with named columns, whatever program saved them.
- `adapters.mapping` makes records of its rows; `monthly` finds the shipped mapping of each sheet of
  the monthly workbook, which `template` writes from the standard.
- `submission`: records become batches, and a `report` that accounts for every row.
- `rejects`: the refused rows go back as a workbook, each wrong cell marked, and come again by the
  same road.
"""
