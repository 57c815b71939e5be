"""`python -m carnelian` is the `carnelian` command."""

from carnelian.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
