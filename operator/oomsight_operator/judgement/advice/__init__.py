"""Advice: common mistakes, each found by its evidence, and never a level of risk. Each is one module; `rules.py` is their table."""
