"""The documents that are made from the declarations say what these say today."""

from __future__ import annotations

from tools.document import stale


def test_no_document_is_stale() -> None:
    assert not stale(), "run: python -m tools.document"
