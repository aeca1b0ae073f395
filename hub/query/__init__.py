"""`query`: reads of the store: a document becomes one SQL statement, is run and answered.

- `plan`: what a request asks for: documents and their bounds, selections, arguments, cost.
- `computed`: SQL of values computed from several records: availability, price and power.
- `sql`: the compiler: a selection as one SQL statement, limited to what its caller may see.
- `answer`: runs statements and builds answers: bytes, manifest of the sources, errors.

Each imports those above it in this list and none below; all but `answer` are pure. None knows the
HTTP endpoint or the GraphQL types of `hub.graphql`.
"""
