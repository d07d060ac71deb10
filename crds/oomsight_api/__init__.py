"""The contract of oomsight: what its parts say to each other and to the Kubernetes API.

This package imports nothing when it is imported: the node agent needs `oomsight_api.report` alone, and must not pay for pydantic.
"""
