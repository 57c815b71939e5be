"""The way up of an engine that nobody is above: harmless answers, typed places for real ones."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from carnelian.engine import host
from carnelian.engine.engine import Engine
from carnelian.engine.host import Configuration, Log, Persistence, Users
from carnelian.engine.local_session import LocalSession
from carnelian.engine.turn import Turn


def call(engine: Any, *words: bytes) -> bytes:
    turn = Turn(engine)
    with turn:
        session = LocalSession(engine, turn)
        try:
            return bytes(session.execute(list(words)))
        finally:
            session.close()


@pytest.fixture
def engine() -> Any:
    import carnelian.commands  # noqa: F401

    return Engine(2)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (b"SAVE", b"-ERR This engine keeps no files\r\n"),
        (b"BGREWRITEAOF", b"-ERR This engine keeps no files\r\n"),
        (b"CONFIG GET *", b"*0\r\n"),
        (b"CONFIG SET hz 1", b"-ERR This engine has no such service\r\n"),
        (b"CONFIG RESETSTAT", b"+OK\r\n"),
        (b"AUTH default any", b"+OK\r\n"),
        (b"AUTH other any", b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"),
        (b"SHUTDOWN ABORT", b"-ERR No shutdown in progress.\r\n"),
        (b"FLUSHALL", b"+OK\r\n"),
        (b"RESET", b"+RESET\r\n"),
    ],
)
def test_commands_of_a_bare_engine(engine: Any, command: bytes, expected: bytes) -> None:
    assert call(engine, *command.split()) == expected


def test_info_of_a_bare_engine(engine: Any) -> None:
    text = call(engine, b"INFO", b"everything")
    assert b"role:master" in text
    assert b"internal_errors:0" in text


def test_parts_have_their_type(engine: Any) -> None:
    with pytest.raises(TypeError):
        engine.host.persistence = Users()
    engine.host.persistence = Persistence()


def test_python_implements_an_interface(engine: Any) -> None:
    class Guard(Users):
        def needs_password(self) -> bool:
            return True

        def authenticate(self, name: bytes, password: bytes) -> bool:
            return password == b"open"

    class Notes(Log):
        lines: list[tuple[int, str]]

        def message(self, level: int, text: str) -> None:
            self.lines.append((level, text))

    engine.host.users = Guard()
    engine.host.log = notes = Notes()
    notes.lines = []
    assert call(engine, b"AUTH", b"shut").startswith(b"-WRONGPASS")
    assert call(engine, b"AUTH", b"open") == b"+OK\r\n"
    engine.host.log.warning("x")
    assert notes.lines == [(3, "x")]
    engine.host.reset()
    assert call(engine, b"AUTH", b"open").startswith(b"-ERR AUTH <password> called without")


def test_a_setting_acts_on_its_own_engine(engine: Any) -> None:
    other = Engine(2)
    engine.host.configuration = limited = Configuration()
    limited.proto_max_bulk_len = 1 << 20
    setrange = (b"SETRANGE", b"k", b"2000000", b"x")
    assert call(engine, *setrange).startswith(b"-ERR string exceeds maximum allowed size")
    assert call(other, *setrange) == b":2000001\r\n"


def test_the_types_for_python_name_what_there_is() -> None:
    """host.pyi, which type checkers read, against the classes."""
    stub = Path(host.__file__).with_name("host.pyi").read_text(encoding="utf-8")
    for declared in ast.parse(stub).body:
        if isinstance(declared, ast.ClassDef):
            known = getattr(host, declared.name)
            methods = [item.name for item in declared.body if isinstance(item, ast.FunctionDef)]
            fields = [
                item.target.id
                for item in declared.body
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            ]
            assert [name for name in [*methods, *fields] if not hasattr(known, name)] == []
