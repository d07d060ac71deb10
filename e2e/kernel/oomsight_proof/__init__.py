"""The proof on real kernels that the agent tells every OOM kill once: real kills, the real agent, and our own waitpid results.

`python -m oomsight_proof run` does what this machine's kernel and privileges allow and says why it skips the rest;
`python -m oomsight_proof merge FILES…` makes one table of several kernels' results.
"""
