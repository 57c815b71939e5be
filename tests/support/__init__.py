"""What tests, benchmarks and tools share: servers, a RESP client, comparisons with a real peer."""

import sys
from pathlib import Path

# The package `native` (tests/native, compiled) as `make test` leaves it; another build comes first
# in PYTHONPATH and has its own.
sys.path.append(str(Path(__file__).resolve().parents[2] / "build" / "native" / "lib"))
