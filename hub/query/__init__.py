"""`query`: GraphQL documents compiled to one statement each, authorised, and run."""
