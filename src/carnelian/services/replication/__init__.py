"""Replication: the stream of changes, the replicas that read it, the link to a primary."""
