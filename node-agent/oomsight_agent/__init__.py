"""The node agent: reads one node's kernel and says what is. No Kubernetes client, no judgement about policy."""

__version__ = "0.1.0"
"""The package's version. Written here because asking `importlib.metadata` costs the agent 4 MiB; a test holds the two together."""
