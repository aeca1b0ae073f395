"""`intake`: the one way in for every record, from wherever it comes."""
