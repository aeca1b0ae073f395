"""What follows from the log: corrections, findings, what other systems keep."""
