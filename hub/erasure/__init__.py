"""`erasure`: takes the content of records out of everything the hub keeps, by order.

The entries stay, with their salted commitments and their places in the log; nobody can read any
more what they said. `docs/operators/erasure.md` is for operators.
"""
