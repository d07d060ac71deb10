"""Judgement: pure functions over plain values. No I/O, no clock, no Kubernetes client; time is passed in."""
