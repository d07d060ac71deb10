"""Why the kernel killed: one module a cause, `rules.judge_cause` picks the first that holds."""
