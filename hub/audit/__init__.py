"""`audit`: who did what as operator, and who read which protected record by what right.

Rows are only added. Each day's rows are hashed into a root that becomes an entry of the log.
`docs/operators/audit.md` is for operators.
"""
