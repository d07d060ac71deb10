"""A Kubernetes cluster for tests, however it comes: a given one, kind, or one node made from Debian's packages."""
