"""`python -m tools.sizes` lowers the figures of tests/sizes.json to what long files have now.

It raises none and adds no file: what grows over its figure is to be divided.
"""

from __future__ import annotations

import json

from tests.support.house import SIZES, kept_sizes, long_files


def main() -> None:
    now = long_files()
    kept = {name: min(lines, now[name]) for name, lines in kept_sizes().items() if name in now}
    SIZES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
