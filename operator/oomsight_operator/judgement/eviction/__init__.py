"""Whom the kubelet would evict, and when: its signals, its thresholds, its ranking. Source: Kubernetes pkg/kubelet/eviction (1.34).

`settings` and `kubelet_config` are the thresholds, `signals` what they are compared with, `working_set` and `ranking` the order of
the pods, `differences` where the kernel's OOM killer would choose otherwise, `order` all of it for one node.
"""
