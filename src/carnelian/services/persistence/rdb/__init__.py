"""The RDB format: snapshots, DUMP payloads, and what replicas are sent in a full sync."""
