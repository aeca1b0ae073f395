"""The front page: what is here in figures, the published standard, and three doors."""
