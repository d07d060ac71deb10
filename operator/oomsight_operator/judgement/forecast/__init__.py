"""When a container reaches its limit: what is remembered of its memory's floor, and the line through it."""
