"""From the kernel's log and its counters to incidents: each OOM once, with its victims, whose they were, and what proves it.

Pure: the shell (`main.py`) hands in one `Observation` a sample and publishes what comes out.
"""
