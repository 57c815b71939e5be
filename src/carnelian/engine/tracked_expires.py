"""When keys expire that clients of a writable replica gave a time (`slave_expires_tracked_keys`).

On a replica the primary deletes what has expired, but it knows nothing of these. A heap of moments;
a key that was given another one since is in it twice, and its former moment means nothing. One per
engine, owned by its Expiry.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    Place = tuple[int, bytes]  # (database, key)

STALE_MAX = 64


class TrackedExpires:
    def __init__(self) -> None:
        self.moments: dict[Place, int] = {}
        self.heap: list[tuple[int, Place]] = []

    def note(self, place: Place, when_ms: int) -> None:
        self.moments[place] = when_ms
        heappush(self.heap, (when_ms, place))
        if len(self.heap) > 2 * len(self.moments) + STALE_MAX:
            self.heap = [(when, where) for where, when in self.moments.items()]
            heapify(self.heap)

    def next_ms(self) -> int:
        """The first moment; -1 for none."""
        heap, moments = self.heap, self.moments
        while heap and moments.get(heap[0][1]) != heap[0][0]:
            heappop(heap)
        return heap[0][0] if heap else -1

    def take_due(self, now_ms: int) -> Place | None:
        """A place whose moment has passed; it is forgotten with that."""
        first_ms = self.next_ms()
        if first_ms < 0 or first_ms >= now_ms:
            return None
        place = heappop(self.heap)[1]
        del self.moments[place]
        return place

    def forget(self, db_id: int) -> None:
        self.moments = {place: when for place, when in self.moments.items() if place[0] != db_id}

    def clear(self) -> None:
        self.moments.clear()
        self.heap.clear()
