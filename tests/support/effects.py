"""What commands do besides replying: keyspace events and what goes to replicas and the AOF."""

from __future__ import annotations

from carnelian.embedded import Engine
from native.recording_sink import RecordingSink
from tests.support.client import InProcessClient
from tests.support.resp import BytesSource, plain, read_reply


class Effects:
    """An engine in this process whose events and propagated commands are recorded."""

    def __init__(self) -> None:
        self.engine = Engine(notify_keyspace_events="EA")
        self.client = InProcessClient(self.engine.execute)
        self.listener = self.engine.connect()
        self.listener.execute([b"PSUBSCRIBE", b"__keyevent@0__:*"])
        self.sink = RecordingSink()
        self.engine.instance.engine.propagation.attach(self.sink)

    def propagated(self, line: str) -> list[str]:
        """What running the command feeds to the log."""
        self.sink.fed.clear()
        self.client.reply(*line.split())
        return [b" ".join(argv).decode() for _, argv in self.sink.fed]

    def events(self, line: str) -> list[str]:
        """`event key` of each keyspace event the command causes."""
        self.listener.take()
        self.client.reply(*line.split())
        source = BytesSource(self.listener.take())
        found = []
        while not source.at_end():
            _, _, channel, key = plain(read_reply(source))
            found.append(f"{channel.decode().partition(':')[2]} {key.decode()}")
        return found

    def close(self) -> None:
        self.engine.instance.engine.propagation.detach(self.sink)
        self.engine.close()
