"""From what the kernel, told by the agent's incidents, and the kubelet say to kills, each counted and told once.

The kernel is the witness: an incident says that a process died, whose it was, and mostly whether the container outlived it. Where
it does, nothing waits for the kubelet; where it does not (`container_survived` unknown), the kill waits `CHILD_GRACE_SECONDS` for
the container's end and then counts as a child's. The kubelet's status completes a kill with the exit code, and stands alone where
no agent speaks. It errs both ways: its `OOMKilled` is sticky (told, with exit code 0 or after some other SIGKILL, of a container
whose child had died long before), and a lost runtime event makes an OOM kill `Error` with 137.

`model.py` says what a kill is, `tellings.py` gives each victim to a container of the pod, `book.py` knows which tellings are the
same kill, `ends.py` judges the end of a run, `observe.py` is the one step that uses them. The rows' own counters are no witness
here: the agent makes an incident of each of their rises. All pure: the clock is passed in, and the history that comes back is the
only memory.
"""
