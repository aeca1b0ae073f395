"""`computed`: values that the hub computes from several records, as SQL; pure."""
