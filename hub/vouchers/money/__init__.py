"""The money of vouchers: movements, balances, what messages leave in the store, the audit."""
