"""Versions as clients see them: HELLO, INFO and the log must agree, so they read them here.

`REDIS_VERSION` is the Redis whose commands, replies and files Carnelian reproduces; clients decide
by it what they may use. Carnelian's own version is `carnelian.__version__`.
"""

from __future__ import annotations

REDIS_VERSION = "7.2.4"
SERVER_NAME = "redis"
