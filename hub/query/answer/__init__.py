"""Running a statement, and what goes out."""
