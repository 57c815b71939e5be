"""Pauses; see pause.pxd."""

from libc.stdint cimport int64_t

from carnelian.engine.gate cimport GATE_PAUSED


cdef enum:
    AT_ONCE = 1                    # a time long past: the timer runs what was held back


cdef class Pause:
    def __cinit__(self):
        self.holders = set()

    cdef void start(self, int64_t until_ms, bint all_commands) noexcept:
        """A later pause neither shortens nor weakens an earlier one."""
        if self.in_force():
            all_commands = all_commands or self.all_commands
        self.all_commands = all_commands
        self.until_ms = max(self.until_ms, until_ms)
        self.gate[0] |= GATE_PAUSED

    cdef void cut_short(self) noexcept:
        """CLIENT UNPAUSE. What was held back runs by the timer: not within another command."""
        if not self.in_force():
            return
        self.until_ms = AT_ONCE
        self.all_commands = False
        if not self.holders:
            self.gate[0] &= ~GATE_PAUSED

    def hold_writes(self, str holder, bint held):
        """Hold clients that write, without end; or let them go once no holder is left."""
        if held:
            self.holders.add(holder)
            self.gate[0] |= GATE_PAUSED
            return
        self.holders.discard(holder)
        if self.holders:
            return
        if self.in_force() and not self.until_ms:
            self.gate[0] &= ~GATE_PAUSED
            self.until_ms = AT_ONCE

    cdef bint in_force(self) noexcept:
        return self.gate[0] & GATE_PAUSED != 0

    cdef bint is_over(self, int64_t steady_ms) noexcept:
        return self.until_ms != 0 and steady_ms >= self.until_ms

    cdef void end(self):
        """The time has come. Who holds writes still does."""
        self.until_ms = 0
        self.all_commands = False
        if not self.holders:
            self.gate[0] &= ~GATE_PAUSED

    cdef bint holds(self, bint writes) noexcept:
        """Whether a client's command has to wait."""
        return self.in_force() and (self.all_commands or writes)
