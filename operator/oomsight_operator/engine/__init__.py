"""The heart of the operator: what changed marks pods, one loop judges them. Begin with `engine.py`."""
