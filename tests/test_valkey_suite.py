"""The runner of Valkey's suite: reading its output and our table, on samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.valkey_suite import Outcome, Result, expected_failures, parse, report

OUTPUT = """\
Starting test server at port 23079
[ready]: 4242
\x1b[32m[\x1b[0m\x1b[32mok\x1b[0m]: SET and GET (3 ms)
[ok]: a | b (0 ms)
[err]: INCR over 32bit in tests/unit/type/incr.tcl
Expected '1' to be equal to '2'
second line
[ignore]: needs:repl: tag
[skip]: left alone
[1/1 done]: unit/type/incr (1 seconds)

                   The End

*** [err]: INCR over 32bit in tests/unit/type/incr.tcl
"""
TABLE = r"""
| unit | test | reason |
| --- | --- | --- |
| type/incr | INCR over 32bit | a reason |
| type/incr | a \| b | another |
| type/set | elsewhere | third |
"""


def test_output_becomes_outcomes() -> None:
    assert list(parse(OUTPUT)) == [
        Outcome("ok", "SET and GET", []),
        Outcome("ok", "a | b", []),
        Outcome("err", "INCR over 32bit", ["Expected '1' to be equal to '2'", "second line"]),
        Outcome("ignore", "needs:repl: tag", []),
        Outcome("skip", "left alone", []),
    ]


def test_the_table_excuses_what_it_lists() -> None:
    expected = expected_failures(TABLE)
    assert expected["type/incr", "a | b"] == "another"
    result = Result("type/incr", list(parse(OUTPUT)), "")
    assert report(result, expected, False)
    assert not report(result, {}, False)
    assert not report(Result("type/set", [], "the server ended"), expected, False)


def test_what_the_table_says_too_much_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    report(Result("type/incr", list(parse(OUTPUT)), ""), expected_failures(TABLE), False)
    report(Result("type/set", [], ""), expected_failures(TABLE), False)
    printed = capsys.readouterr().out
    assert "listed as failing, but passes: a | b" in printed
    assert "listed as failing, but did not run: elsewhere" in printed


def test_our_own_table_is_readable() -> None:
    text = (Path(__file__).parent.parent / "docs" / "COMPATIBILITY.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(expected_failures(text)) == len(rows)
