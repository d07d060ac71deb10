"""Whom the kernel kills when memory runs out: of a container, a pod, some other cgroup, or the node. Source: mm/oom_kill.c.

`candidates` (who may be chosen) and `domain` (whose memory ran out, and so the scale) make an `order`; `group` says who dies with
a victim, `cascade` who dies after it, `change` what would turn the order. Explained for people in `docs/kill-order.md`.
"""
