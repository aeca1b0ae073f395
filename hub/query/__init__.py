"""What is asked of the store, said in one statement, run, and answered; nothing of GraphQL's doors.

- `plan`: what is asked: documents and their bounds, selections, arguments, parameters, cost.
- `computed`: what is worked out of several records: when something is free, what it costs.
- `sql`: the one statement that a selection becomes, with what its caller may see in it.
- `answer`: running a statement, and what goes out: bytes, manifest of the sources, errors.

Each imports those above it in this list and none below; all but `answer` are pure.
"""
