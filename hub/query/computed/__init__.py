"""What the hub computes of several records, as SQL; pure."""
