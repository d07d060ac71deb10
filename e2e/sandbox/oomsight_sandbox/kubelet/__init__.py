"""A small stand-in for the kubelet, the scheduler and three controllers, for a machine without a cluster.

It talks HTTP to an API server (the embedded one or any other) and runs each container of the pods bound to its node as real
processes in real memory cgroups, with the limits and oom_score_adj that a kubelet would set. There are no images: a container's
command runs as a program of this machine.
"""
