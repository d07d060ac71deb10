"""History from a Prometheus (or what answers like one), for workloads that the recommender has not watched for long. Optional."""
