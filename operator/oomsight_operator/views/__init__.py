"""What the operator answers at its HTTP API: documents for JSON, pure functions of what was judged. One module a path.

Keys are camelCase with their units, times RFC 3339. What is unknown is left out, never zero, and where a whole document is unknown
`unknownBecause` says why. Names come from tenants: everything is printable ASCII. Explained in `docs/api.md`.
"""
