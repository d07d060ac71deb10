"""Risk of one container: each reason is one module with one rule; `rules.py` is the table of them."""
