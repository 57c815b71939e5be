"""How Hypothesis chooses its examples: import this before anything that makes `settings`.

By default the same ones in each run, so that a change fails for what it does and not by chance.
With HYPOTHESIS_PROFILE=search in the environment they are new ones, and failures are shrunk.
"""

from __future__ import annotations

import os

from hypothesis import Phase, settings

settings.register_profile("search", deadline=None, print_blob=True)
settings.register_profile(
    "steady",
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
