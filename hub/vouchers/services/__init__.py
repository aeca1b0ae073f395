"""What is known of a service that a voucher is to pay, and what the checks say of it."""
