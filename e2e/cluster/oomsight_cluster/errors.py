"""The one error that a user sees as a sentence: what is wrong, and what to type."""

from __future__ import annotations


class ClusterError(Exception):
    """The cluster cannot be had, did not start, or something was not installed into it."""
