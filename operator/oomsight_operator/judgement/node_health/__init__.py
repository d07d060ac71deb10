"""How a node's memory is, as conditions in words: one module a question, each with the false alarms that it must not raise.

`condition` is what an answer looks like, `facts` what is looked at, `rules` the list. For people: `docs/node-health.md`.
"""
