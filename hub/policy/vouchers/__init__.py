"""Innovation vouchers: their money, what they pay, which services count, what was claimed before.

Pure: no clock, no store, no float.
"""
