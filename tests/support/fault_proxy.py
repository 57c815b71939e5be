"""A TCP proxy that cuts, delays, truncates and stops: bad weather between two servers.

    with FaultProxy(("127.0.0.1", primary.port)) as proxy:
        replica = start("redis", {"replicaof": ["127.0.0.1", str(proxy.port)]})
        proxy.cut()                  # all connections, at once
        proxy.truncate_after(1000)   # the next connections end after so many bytes downstream
        proxy.stalled = True         # nothing is read or sent any more
        proxy.delay_s = 0.05         # each piece downstream waits so long
        proxy.refusing = True        # new connections are closed

One thread per proxy. Settings may be changed at any time from any thread.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time

from tests.support.client import Address

PIECE_BYTES = 65536
TICK_S = 0.01


class Pipe:
    """One direction of one connection."""

    def __init__(self, source: socket.socket, target: socket.socket, downstream: bool) -> None:
        self.source = source
        self.target = target
        self.downstream = downstream
        self.piece = b""
        self.due_s = 0.0
        self.left: int | None = None  # bytes before the connection is cut


class FaultProxy:
    def __init__(self, target: Address) -> None:
        self.target = target
        self.delay_s = 0.0
        self.stalled = False
        self.refusing = False
        self.connections = 0
        self.downstream_bytes = 0
        self.limit: int | None = None
        self.pipes: list[Pipe] = []
        self.lock = threading.Lock()
        self.ended = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.port = int(self.listener.getsockname()[1])
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # --- bad weather ---

    def cut(self) -> int:
        """Reset all connections; how many there were."""
        with self.lock:
            pipes, self.pipes = self.pipes, []
        for pipe in pipes:
            self.reset(pipe.source)
        return len(pipes) // 2

    def truncate_after(self, size: int | None) -> None:
        """Connections made from now on end after `size` bytes from the target; None: never."""
        self.limit = size

    def reset(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sock.close()

    # --- the thread ---

    def run(self) -> None:
        while not self.ended:
            with self.lock:
                pipes = list(self.pipes)
            reading = [] if self.stalled else [p.source for p in pipes if not p.piece]
            writing = [] if self.stalled else [
                p.target for p in pipes if p.piece and time.monotonic() >= p.due_s
            ]
            ready = self.wait(reading, writing)
            if self.listener in ready:
                self.accept()
            for pipe in pipes:
                try:
                    self.move(pipe, ready)
                except (OSError, ValueError):
                    self.drop(pipe)

    def wait(
        self, reading: list[socket.socket], writing: list[socket.socket]
    ) -> set[socket.socket]:
        masks: dict[socket.socket, int] = {self.listener: selectors.EVENT_READ}
        for sock in reading:
            masks[sock] = masks.get(sock, 0) | selectors.EVENT_READ
        for sock in writing:
            masks[sock] = masks.get(sock, 0) | selectors.EVENT_WRITE
        with selectors.DefaultSelector() as selector:
            for sock, mask in masks.items():
                with contextlib.suppress(ValueError, OSError):
                    selector.register(sock, mask)
            return {key.fileobj for key, _ in selector.select(TICK_S)}  # type: ignore[misc]

    def accept(self) -> None:
        try:
            near, _ = self.listener.accept()
        except OSError:
            return
        if self.refusing:
            self.reset(near)
            return
        try:
            if isinstance(self.target, str):
                far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                far.connect(self.target)
            else:
                far = socket.create_connection(self.target, 5)
        except OSError:
            self.reset(near)
            return
        near.setblocking(False)
        far.setblocking(False)
        self.connections += 1
        down = Pipe(far, near, True)
        down.left = self.limit
        with self.lock:
            self.pipes += [Pipe(near, far, False), down]

    def move(self, pipe: Pipe, ready: set[socket.socket]) -> None:
        if self.stalled:
            return
        if not pipe.piece and pipe.source in ready:
            self.take(pipe)
        elif pipe.piece and pipe.target in ready and time.monotonic() >= pipe.due_s:
            with contextlib.suppress(BlockingIOError):
                pipe.piece = pipe.piece[pipe.target.send(pipe.piece) :]
            if not pipe.piece and pipe.left == 0:
                self.drop(pipe)

    def take(self, pipe: Pipe) -> None:
        try:
            piece = pipe.source.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        if not piece:
            self.drop(pipe)
            return
        if pipe.left is not None:
            piece = piece[: pipe.left]
            pipe.left -= len(piece)
        if pipe.downstream:
            self.downstream_bytes += len(piece)
            pipe.due_s = time.monotonic() + self.delay_s
        pipe.piece = piece
        if not piece:
            self.drop(pipe)

    def drop(self, pipe: Pipe) -> None:
        """End the connection a pipe belongs to."""
        with self.lock:
            self.pipes = [
                p for p in self.pipes if p.source not in (pipe.source, pipe.target)
            ]
        self.reset(pipe.source)
        self.reset(pipe.target)

    def close(self) -> None:
        self.ended = True
        self.thread.join()
        self.cut()
        self.listener.close()

    def __enter__(self) -> FaultProxy:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
