"""The recommender: from what was seen of a container to the limit and the request that would have been right.

`state` remembers (bounded, immutable, incremental), `need` says how much the container needs, `limit` and `request` make a
recommendation of it, one small explained step after the other; `digest` packs a state into a status. docs/recommender.md has the
statistics, why these, and how they fare on recorded traces.
"""
