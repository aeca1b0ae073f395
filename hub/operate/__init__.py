"""What an operator does to a hub as a whole: one function each, whichever door calls it."""
