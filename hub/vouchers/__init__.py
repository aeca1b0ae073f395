"""Vouchers whose money this hub keeps: messages, movements, what may be claimed once, the audit."""
