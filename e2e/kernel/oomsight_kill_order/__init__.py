"""The kill order against real kernels: random scenarios, what the product says of them, and whom the kernel then kills.

The agent's own sampler reads, the operator's own judgement predicts (`prediction.py`): no line here knows how the kernel chooses.
Who died is told by waitpid and by the kernel's log (`oomsight_proof`).
"""
