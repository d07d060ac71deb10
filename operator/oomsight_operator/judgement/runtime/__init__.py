"""Runtimes with a garbage collector: how large their heap may get, as far as a container's spec tells.

Each runtime is one module that reads its own flags and variables by its own rules; `heap.py` asks them. What a container was
started with may hold secrets: nothing of it is kept or said but amounts, and names that stand in this package.
"""
