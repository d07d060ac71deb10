"""The OOM killer's lines in the kernel's log: from records (`kernel/kmsg.py`) to one value for each OOM (`model.py`).

Pure. Sources: mm/oom_kill.c (dump_header, dump_tasks, __oom_kill_process) and mm/memcontrol.c (mem_cgroup_print_oom_*).
"""
