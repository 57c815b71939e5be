"""Configuration files: words and quotes, includes, directives, and reports of errors."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carnelian import __version__
from carnelian.services.config.config import Config
from carnelian.services.config.file import ConfigFileError, load
from carnelian.services.config.syntax import quote, split_words, to_text
from tests.support.servers import PeerMissing, program

BAD_LINES = [
    "foo bar",
    "\n# comment\n   \t\n  Foo  ",
    "port",
    "port 1 2",
    "port x",
    "port 70000",
    'port "1',
    'port "1"2',
    "port '1",
    "appendonly maybe",
    "maxmemory-policy none",
    "maxmemory 5x",
    "maxmemory-clients x%",
    "maxmemory-clients 101%",
    "save 1",
    "save 1 2 3",
    'save "1 2" 3',
    "save 0 1",
    "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
    "unixsocketperm 888",
    "unixsocketperm 7777",
    "replicaof host",
    "replicaof host 70000",
    "slaveof host x",
    "client-output-buffer-limit normal 1 2",
    'client-output-buffer-limit "normal 1 2 x"',
    "oom-score-adj-values 1 2",
    "notify-keyspace-events q",
    "dbfilename a/b",
    "appendfilename ''",
    "appenddirname a/b",
    "dir /no/such/directory",
    "proc-title-template {nope}",
    "shutdown-on-sigint save nosave",
    "shutdown-on-sigterm what",
    "latency-tracking-info-percentiles 200",
    "include",
    "rename-command GET",
    "user",
    "loadmodule",
    "sentinel monitor x 127.0.0.1 1 1",
    "replicaof h 1\ncluster-enabled yes",
    "logfile /no/such/directory/log",
    "lua-replicate-commands",
    "list-max-ziplist-entries 1 2",
    "enable-debug-command maybe",
    "tls-auth-clients x",
]


def load_text(text: str) -> Config:
    config = Config()
    load(config, stdin=text.encode)
    return config


def report_of(text: str) -> str:
    with pytest.raises(ConfigFileError) as caught:
        load_text(text)
    return str(caught.value)


class TestWords:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("", []),
            ("  a\tb  c ", ["a", "b", "c"]),
            ('save ""', ["save", ""]),
            (r'a "\x41\n\t\r\a\b\q\"" b', ["a", 'A\n\t\r\a\bq"', "b"]),
            (r"'it\'s' '\n'", ["it's", r"\n"]),
            ('a"b c"', ["ab c"]),
            ('"\\xc3\\xa9"', ["é"]),
            ('"\\xff"', ["\udcff"]),
            ('"a"b', None),
            ("'a'b", None),
            ('"a', None),
            ("'a", None),
            ('"a\\', None),
            ('x "\\x4"', ["x", "x4"]),
        ],
    )
    def test_examples(self, line: str, words: list[str] | None) -> None:
        assert split_words(line) == words

    @given(st.lists(st.binary(max_size=20)))
    def test_quoting_round_trip(self, values: list[bytes]) -> None:
        words = [to_text(value) for value in values]
        assert split_words("  ".join(quote(word) for word in words)) == words


class TestFile:
    def test_later_lines_win_and_saves_add_up(self, tmp_path: Path) -> None:
        file = tmp_path / "x.conf"
        file.write_text("HZ 20\nhz 30\nsave 1 2\nsave '3 4 5 6'\n")
        config = Config()
        load(config, str(file), options="save 7 8\nport 1")
        assert config.file == str(file)
        assert config.hz == 30
        assert config.port == 1
        assert config.save == ((1, 2), (3, 4), (5, 6), (7, 8))

    def test_empty_save_clears(self) -> None:
        assert load_text('save ""').save == ()
        assert load_text('save 1 2\nsave ""').save == ()
        assert load_text('save 1 2\nsave ""\nsave 3 4').save == ((3, 4),)

    def test_several_words_in_one(self) -> None:
        config = load_text('bind "127.0.0.1 -::1"\nreplicaof "h 7"\noom-score-adj-values "1 2 3"')
        assert config.bind == ("127.0.0.1", "-::1")
        assert config.replicaof == ("h", 7)
        assert config.oom_score_adj_values == (1, 2, 3)
        assert load_text('bind ""').bind == ()
        assert load_text("replicaof h 7\nslaveof no one").replicaof == ()

    def test_old_and_ignored_names(self) -> None:
        config = load_text(
            "lua-replicate-commands yes\nlist-max-ziplist-value 64\n"
            "hash-max-ziplist-entries 7\nslave-read-only no\nlist-max-ziplist-size -3"
        )
        assert config.hash_max_listpack_entries == 7
        assert config.replica_read_only is False
        assert config.list_max_listpack_size == -3

    def test_cluster_has_one_database(self) -> None:
        assert load_text("databases 16\ncluster-enabled yes").databases == 1

    def test_hints_are_clamped(self) -> None:
        config = load_text("hz 100000\nrepl-backlog-size 1")
        assert config.hz == 500
        assert config.repl_backlog_size == 16384

    def test_directives_keep_their_place(self, tmp_path: Path) -> None:
        file = tmp_path / "x.conf"
        file.write_text("\nrename-command FLUSHALL ''\nUser alice on +@all ~*\n")
        config = Config()
        load(config, str(file))
        assert [d.words for d in config.directives] == [
            ["rename-command", "FLUSHALL", ""],
            ["user", "alice", "on", "+@all", "~*"],
        ]
        assert str(config.directives[0].origin.error("No such command")).endswith(
            f"Reading the configuration file '{file}', at line 2\n"
            ">>> 'rename-command FLUSHALL '''\nNo such command\n"
        )

    def test_example_files(self) -> None:
        for name in ("/etc/redis/redis.conf", "/etc/valkey/valkey.conf"):
            if Path(name).exists():
                config = Config()
                text = Path(name).read_bytes()
                lines = [
                    line for line in text.split(b"\n") if not line.startswith((b"logf", b"dir"))
                ]
                load(config, stdin=lambda lines=lines: b"\n".join(lines))
                assert config.port == 6379


class TestInclude:
    def test_relative_to_the_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "1.conf").write_text("hz 20\nport 5")
        (tmp_path / "parts" / "2.conf").write_text("hz 30\ninclude parts/3.inc\n")
        (tmp_path / "parts" / "3.inc").write_text("maxclients 3")
        config = load_text("port 1\ninclude parts/*.conf\ninclude none/*.conf\ntimeout 4")
        assert (config.port, config.hz, config.maxclients, config.timeout) == (5, 30, 3, 4)

    def test_a_missing_file(self) -> None:
        assert report_of("include /no/such.conf") == (
            "Fatal error, can't open config file '/no/such.conf': No such file or directory\n"
        )

    def test_errors_name_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "inner.conf"
        file.write_text("\n\nfoo")
        assert f"file '{file}', at line 3\n>>> 'foo'\n" in report_of(f"include {file}")

    def test_endless(self, tmp_path: Path) -> None:
        file = tmp_path / "self.conf"
        file.write_text(f"include {file}")
        assert "more than 16 deep" in report_of(f"include {file}")


class TestErrors:
    def test_report(self, tmp_path: Path) -> None:
        file = tmp_path / "x.conf"
        file.write_text("# hello\n\n foo bar \n")
        with pytest.raises(ConfigFileError) as caught:
            load(Config(), str(file))
        assert str(caught.value) == (
            f"\n*** FATAL CONFIG FILE ERROR (Carnelian {__version__}) ***\n"
            f"Reading the configuration file '{file}', at line 3\n"
            ">>> 'foo bar'\n"
            "Bad directive or wrong number of arguments\n"
        )

    def test_modules_are_refused_clearly(self) -> None:
        assert "cannot load Redis modules" in report_of("loadmodule /x/y.so 1 2")

    @pytest.mark.parametrize("text", BAD_LINES)
    def test_as_redis_reports(self, text: str) -> None:
        try:
            command, executable = program("redis")
        except PeerMissing as missing:
            pytest.skip(str(missing))
        run = subprocess.run(
            [*command, "-"],
            executable=executable,
            input=text,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert run.returncode == 1
        theirs = run.stderr.strip().split("\n")[1:]
        report = report_of(text).strip().split("\n")[1:]
        assert len(report) == len(theirs)
        if len(theirs) == 3:
            assert theirs[0].rpartition(",")[2] == report[0].rpartition(",")[2]
            assert theirs[1] == report[1]
        assert theirs[-1] == report[-1]
