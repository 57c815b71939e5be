"""The append-only file: every write logged, rewritten in the background, replayed at start."""
