"""The configuration object: typed values, CONFIG GET and SET, hooks and roll-back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from carnelian.engine.host import Configuration
from carnelian.services.config.config import BY_NAME, PARAMETERS, Config, ConfigError
from carnelian.services.config.parameter import Integer

FAILED = "ERR CONFIG SET failed (possibly related to argument '{}') - {}"


def error_of(config: Config, *pairs: tuple[str, str], **options: bool) -> str:
    with pytest.raises(ConfigError) as caught:
        config.set(pairs, **options)
    return str(caught.value)


def value_of(config: Config, name: str) -> str:
    return dict(config.get([name]))[name]


class TestDeclarations:
    def test_names_are_unique(self) -> None:
        names = [name for p in PARAMETERS for name in (p.name, *p.aliases)]
        assert len(names) == len(set(names))
        assert all(name == name.lower() for name in names)

    def test_attributes_hide_no_method(self) -> None:
        assert not [p.name for p in PARAMETERS if callable(getattr(Config, p.attribute, None))]
        own = set(Config().__dict__) - {p.attribute for p in PARAMETERS}
        assert own == {"owns_process", "directives", "rewriters", "_hooks", "_loaded"}

    def test_a_bare_engine_has_the_declared_defaults(self) -> None:
        fields = [p for p in PARAMETERS if hasattr(Configuration, p.attribute)]
        assert len(fields) > 10
        for parameter in fields:
            assert getattr(Configuration(), parameter.attribute) == parameter.default

    def test_every_parameter_is_described(self) -> None:
        assert all(p.about.endswith(".") for p in PARAMETERS)

    def test_defaults_are_valid(self) -> None:
        config = Config()
        for parameter in PARAMETERS:
            shown = config.show(parameter.name)
            words = shown.split() if parameter.multiple else [shown]
            if parameter.name != "replicaof":
                assert parameter.parse(words, parameter.default) == getattr(
                    config, parameter.attribute
                )
            if isinstance(parameter, Integer):
                assert parameter.low <= parameter.default <= parameter.high


class TestGet:
    def test_typed_attributes(self) -> None:
        config = Config()
        assert config.maxclients == 10000
        assert config.tcp_keepalive == 300
        assert config.appendonly is False
        assert config.maxmemory_policy == "noeviction"
        assert config.save == ((3600, 1), (300, 100), (60, 10000))
        assert config.bind == ("*", "-::*")
        assert config.replicaof == ()

    def test_exact_names_come_back_as_spelled(self) -> None:
        assert Config().get(["MaxClients", "slave-priority"]) == [
            ("MaxClients", "10000"),
            ("slave-priority", "100"),
        ]

    def test_several_patterns_give_each_name_once(self) -> None:
        found = Config().get(["maxmemory*", "MAX*", "maxmemory", b"maxclients"])
        names = [name for name, _ in found]
        assert len(names) == len(set(names))
        assert {"maxmemory", "maxmemory-policy", "maxclients"} <= set(names)

    def test_globs_find_aliases(self) -> None:
        names = {name for name, _ in Config().get(["*slave*"])}
        assert "slaveof" in names
        assert "repl-ping-slave-period" in names
        assert "replicaof" not in names

    def test_hidden_ones_need_their_name(self) -> None:
        config = Config()
        assert "key-load-delay" not in dict(config.get(["*"]))
        assert config.get(["key-load-delay"]) == [("key-load-delay", "0")]

    def test_unknown_gives_nothing(self) -> None:
        assert Config().get(["nothing", "no*such"]) == []

    def test_aliases_share_a_value(self) -> None:
        config = Config()
        config.set([("lua-time-limit", "77")])
        assert config.busy_reply_threshold == 77
        assert (
            value_of(config, "lua-time-limit") == value_of(config, "busy-reply-threshold") == "77"
        )


class TestSet:
    def test_several(self) -> None:
        config = Config()
        config.set([("maxmemory", "1gb"), ("MaxMemory-Policy", "ALLKEYS-lru"), (b"hz", b"20")])
        assert config.maxmemory == 1024**3
        assert config.maxmemory_policy == "allkeys-lru"
        assert config.hz == 20

    def test_all_or_nothing(self) -> None:
        config = Config()
        text = error_of(config, ("maxmemory", "5mb"), ("save", "1 2"), ("hz", "x"))
        assert text == FAILED.format("hz", "argument couldn't be parsed into an integer")
        assert config.maxmemory == 0
        assert len(config.save) == 3

    def test_unknown(self) -> None:
        text = error_of(Config(), ("hz", "1"), ("NoSuch", "x"))
        assert text == "ERR Unknown option or number of arguments for CONFIG SET - 'NoSuch'"

    def test_immutable(self) -> None:
        assert error_of(Config(), ("Databases", "1")) == FAILED.format(
            "Databases", "can't set immutable config"
        )

    def test_duplicate(self) -> None:
        assert error_of(Config(), ("hz", "1"), ("HZ", "2")) == FAILED.format(
            "HZ", "duplicate parameter"
        )

    def test_name_and_alias_are_no_duplicates(self) -> None:
        config = Config()
        config.set([("replica-priority", "1"), ("slave-priority", "2")])
        assert config.replica_priority == 2

    def test_protected(self, tmp_path: Path) -> None:
        config = Config()
        text = error_of(config, ("dbfilename", "x.rdb"), local=True)
        assert text == FAILED.format("dbfilename", "can't set protected config")
        config.assign("enable-protected-configs", "local")
        assert "protected" in error_of(config, ("dir", str(tmp_path)))
        config.set([("dir", str(tmp_path))], local=True)
        assert config.dir == str(tmp_path)

    def test_refused_while_loading(self) -> None:
        text = error_of(Config(), ("repl-diskless-load", "swapdb"), loading=True)
        assert text == "LOADING Redis is loading the dataset in memory"

    def test_embedded_stays_where_it_is(self, tmp_path: Path) -> None:
        before = Path.cwd()
        config = Config()
        config.load_line(["dir", str(tmp_path)])
        assert config.dir == str(tmp_path)
        assert Path.cwd() == before

    def test_server_moves_and_moves_back(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "sub").mkdir()
        config = Config(owns_process=True)
        config.assign("enable-protected-configs", "yes")
        assert "hz" in error_of(config, ("dir", "sub"), ("hz", "x"))
        assert Path.cwd() == tmp_path
        config.set([("dir", "sub")])
        assert Path.cwd() == tmp_path / "sub"
        assert error_of(config, ("dir", "nowhere")).endswith("- No such file or directory")

    def test_client_output_buffer_limit_in_parts(self) -> None:
        config = Config()
        config.set([("client-output-buffer-limit", "replica 1mb 1k 5")])
        assert config.client_output_buffer_limit == (
            (0, 0, 0),
            (1024**2, 1000, 5),
            (32 * 1024**2, 8 * 1024**2, 60),
        )

    def test_bytes_survive(self) -> None:
        config = Config()
        config.set([("requirepass", b"\xff\x00\xc3\xa9")])
        assert value_of(config, "requirepass").encode("utf-8", "surrogateescape") == (
            b"\xff\x00\xc3\xa9"
        )


class TestHooks:
    def test_runs_on_change_only(self) -> None:
        config, seen = Config(), []
        config.on_change("lua-time-limit", seen.append)
        config.set([("busy-reply-threshold", "10")])
        config.set([("busy-reply-threshold", "10"), ("hz", "11")])
        assert seen == [10]

    def test_sees_everything_set_with_it(self) -> None:
        config, seen = Config(), []
        config.on_change("maxmemory", lambda value: seen.append((value, config.hz)))
        config.set([("maxmemory", "1"), ("hz", "11")])
        assert seen == [(1, 11)]

    def test_group_runs_once(self) -> None:
        config, calls = Config(), []
        config.on_any_change(("tls-key-file", "tls-cert-file"), lambda: calls.append(1))
        config.set([("tls-key-file", "k"), ("tls-cert-file", "c")])
        assert calls == [1]
        config.set([("tls-key-file", "k")])
        assert calls == [1, 1], "files may have changed: the same name again is a change"
        config.apply_all()
        assert calls == [1, 1, 1]

    def test_veto_rolls_everything_back(self) -> None:
        config = Config()
        seen: list[Any] = []

        def veto(value: int) -> None:
            seen.append(("timeout", value))
            if value:
                raise ConfigError("not today")

        config.on_change("hz", lambda value: seen.append(("hz", value)))
        config.on_change("timeout", veto)
        config.on_change("maxmemory", lambda value: seen.append(("maxmemory", value)))
        text = error_of(config, ("hz", "20"), ("timeout", "5"), ("maxmemory", "9"))
        assert text == FAILED.format("timeout", "not today")
        assert (config.hz, config.timeout, config.maxmemory) == (10, 0, 0)
        assert seen == [("hz", 20), ("timeout", 5), ("hz", 10), ("timeout", 0)]

    def test_veto_without_words(self) -> None:
        config = Config()

        def veto(value: int) -> None:
            raise ConfigError

        config.on_change("hz", veto)
        text = error_of(config, ("hz", "20"))
        assert text == "ERR CONFIG SET failed (possibly related to argument 'hz')"

    def test_bug_in_a_hook_rolls_back_too(self) -> None:
        config = Config()
        config.on_change("hz", lambda value: [][value])
        with pytest.raises(IndexError):
            config.set([("hz", "20")])
        assert config.hz == 10

    def test_apply_all(self) -> None:
        config, seen = Config(), []
        config.on_change("hz", seen.append)
        config.on_change("maxclients", seen.append)
        config.apply_all()
        assert seen == [10, 10000]

    def test_apply_all_names_the_culprit(self) -> None:
        config = Config()

        def veto(value: int) -> None:
            raise ConfigError("no")

        config.on_change("slave-priority", veto)
        with pytest.raises(ConfigError, match=r"^replica-priority: no$"):
            config.apply_all()

    def test_assign(self) -> None:
        config, seen = Config(), []
        config.on_change("replicaof", seen.append)
        config.assign("slaveof", ("h", 1))
        config.assign("replicaof", (), hooks=True)
        assert seen == [()]


def test_imports_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules); import carnelian.cli,"
        " carnelian.services.config.file; print(*set(sys.modules) - before)"
    )
    source = Path(sys.modules["carnelian"].__file__ or "").parents[1]
    run = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(source)!r}); {code}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    outside = {name for name in run.stdout.split() if not name.startswith("carnelian")}
    heavy = {"re", "enum", "typing", "logging", "argparse", "dataclasses", "json", "inspect"}
    assert not outside & (heavy | {"fnmatch", "glob", "socket", "asyncio", "subprocess"})
    assert len(outside) < 15


def test_all_names_resolve() -> None:
    config = Config()
    for name, parameter in BY_NAME.items():
        assert config.get([name]) == [(name, config.show(parameter.name))]
