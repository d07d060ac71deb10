"""The operator: polls the agents, joins their reports with pods and policies, judges, publishes."""
