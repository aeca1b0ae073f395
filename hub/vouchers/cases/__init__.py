"""Cases of vouchers for a person: found, shown station by station, packed as evidence."""
