"""`graphql`: the published interface, derived from the records of the standard."""
