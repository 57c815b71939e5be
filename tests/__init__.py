"""Carnelian's tests; what they share is in tests.support, fixtures in conftest.py."""
