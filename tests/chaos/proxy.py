"""A TCP proxy on the loopback that can stall, cut, and cut at a chosen word of the client."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Trap:
    """Cuts or holds the next connection whose client says something.

    Attributes:
        pattern: What the client has to say.
        forward: Whether the server still hears it (and acts on it, unseen by the client).
        further: Bytes after the pattern that the server hears as well.
        leave_server: The server's side stays open and silent, as when a network is partitioned;
            otherwise it is closed, as when a client dies.
        hold: Cuts nothing, but holds what the client says from there on until `release`.
        times: How many connections it catches.
    """

    pattern: bytes
    forward: bool = True
    further: int = 0
    leave_server: bool = False
    hold: bool = False
    times: int = 1


@dataclass(eq=False)
class _Link:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    tail: bytes = b""
    budget: int = 0
    trap: Trap | None = None
    cut: bool = False
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Proxy:
    """Listens on a port of its own and passes everything on to an upstream on 127.0.0.1.

    Args:
        upstream_port: Where to.
    """

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._links: set[_Link] = set()
        self._traps: list[Trap] = []
        self._changed = threading.Condition()
        self._cuts = 0
        self._held = 0
        self._loop: asyncio.AbstractEventLoop
        self._stopping = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._released = asyncio.Event()
        self._refusing = False
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="proxy", daemon=True
        )
        self._ready = threading.Event()
        self.port = 0

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut everything and stop."""
        self._call(self._stopping.set)
        self._thread.join()

    def url(self, url: str) -> str:
        """The same database through the proxy."""
        parts = urlsplit(url)
        login = parts.netloc.rpartition("@")[0]
        return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{self.port}"))

    @property
    def cuts(self) -> int:
        """How many connections were cut so far."""
        return self._cuts

    @property
    def held(self) -> int:
        """How many connections were held so far."""
        return self._held

    def stall(self) -> None:
        """Pass nothing on, in neither direction, and keep every connection."""
        self._call(self._flowing.clear)

    def resume(self) -> None:
        """Pass everything on again, what has waited included."""
        self._call(self._flowing.set)

    def refuse(self) -> None:
        """Cut every connection, and each new one at once."""
        self._refusing = True
        self.cut()

    def accept(self) -> None:
        """Let new connections through again."""
        self._refusing = False

    def cut(self) -> None:
        """Cut every connection."""
        self._call(self._cut_all)

    def set(self, trap: Trap) -> None:
        """Lie in wait, from the next byte on."""
        self._call(self._released.clear)
        self._call(lambda: self._traps.append(trap))

    def release(self) -> None:
        """Let go of what is held."""
        self._call(self._released.set)

    def disarm(self) -> None:
        """Forget every trap that has not closed yet."""
        self._call(self._traps.clear)

    def wait_for_cuts(self, total: int, timeout_seconds: float) -> bool:
        """Whether so many connections have been cut since the start, waiting for it if need be."""
        with self._changed:
            return self._changed.wait_for(lambda: self._cuts >= total, timeout_seconds)

    def wait_for_held(self, total: int, timeout_seconds: float) -> bool:
        """Whether so many connections have been held since the start, likewise."""
        with self._changed:
            return self._changed.wait_for(lambda: self._held >= total, timeout_seconds)

    def _call(self, action: Callable[[], object]) -> None:
        """Do it in the loop's thread, and come back when it is done."""
        done = threading.Event()

        def act() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(act)
        done.wait()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=_CHUNK)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stopping.wait()
        server.close()
        self._cut_all()
        for link in self._links:
            link.server.transport.abort()  # those left open on purpose
        await asyncio.sleep(0.01)  # the transports close their sockets in the next turns

    def _cut_all(self) -> None:
        for link in list(self._links):
            self._cut(link)

    async def _connected(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._refusing:
            _reset(client)
            return
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            _reset(client)
            return
        link = _Link(client, server)
        self._links.add(link)
        link.tasks = [
            asyncio.ensure_future(self._pump(reader, server, link, watched=True)),
            asyncio.ensure_future(self._pump(answers, client, link, watched=False)),
        ]
        await asyncio.wait(link.tasks, return_when=asyncio.FIRST_COMPLETED)
        if not link.cut:
            self._links.discard(link)
            for writer in (client, server):
                writer.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        link: _Link,
        *,
        watched: bool,
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._flowing.wait()
                allowed = self._allowed(link, chunk) if watched else len(chunk)
                if link.cut:
                    return
                sink.write(chunk[:allowed])
                if link.trap is not None and link.budget <= 0:
                    if not link.trap.hold:
                        self._cut(link, leave_server=link.trap.leave_server)
                        return
                    await self._hold(link)
                    sink.write(chunk[allowed:])
                await sink.drain()

    async def _hold(self, link: _Link) -> None:
        link.trap = None
        self._count(held=1)
        await self._released.wait()

    def _allowed(self, link: _Link, chunk: bytes) -> int:
        """How many bytes of the chunk the server may hear."""
        if link.trap is None:
            self._look(link, chunk)
        if link.trap is None:
            return len(chunk)
        allowed = min(len(chunk), max(0, link.budget))
        link.budget -= len(chunk)
        return allowed

    def _look(self, link: _Link, chunk: bytes) -> None:
        """Close a trap on the link if the chunk, with what came before, holds its pattern."""
        heard = link.tail + chunk
        before = len(link.tail)
        for trap in self._traps:
            at = heard.find(trap.pattern)
            if at >= 0:
                end = at + len(trap.pattern) + trap.further if trap.forward else at
                link.trap, link.budget = trap, end - before
                trap.times -= 1
                if trap.times == 0:
                    self._traps.remove(trap)
                return
        longest = max((len(trap.pattern) for trap in self._traps), default=1)
        link.tail = heard[-(longest - 1) :] if longest > 1 else b""

    def _cut(self, link: _Link, *, leave_server: bool = False) -> None:
        if link.cut:
            return
        link.cut = True
        _reset(link.client)
        if leave_server:
            link.tasks[1].cancel()
        else:
            # In order, so that the server still reads what it was sent before it sees the end.
            link.server.close()
            self._links.discard(link)
        self._count(cuts=1)

    def _count(self, *, cuts: int = 0, held: int = 0) -> None:
        with self._changed:
            self._cuts += cuts
            self._held += held
            self._changed.notify_all()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that its peer gets an error at once, not an orderly end."""
    connection: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
