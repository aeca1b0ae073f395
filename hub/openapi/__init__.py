"""`openapi`: the routes that are not GraphQL as an OpenAPI 3.1 document.

- `document.openapi()` is the document; `deltahub standard` writes it to `schema/published`, where
  every hub serves it as `/standard/openapi.json`.
- Pure: made from the declarations of this room, from the error codes and from the bounds of the
  rooms that serve the routes. A test compares its routes with those that the application has, and
  another one sends generated requests to a running hub and holds the answers against it.
"""
