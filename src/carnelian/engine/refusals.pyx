"""Who may refuse writes; see refusals.pxd."""

from carnelian.engine.gate cimport GATE_WRITES

# as Redis asks them
ORDER = ("save", "aof", "replicas")
OF_DISKS = ("save", "aof")


cdef class Refusals:
    def __cinit__(self):
        self.by_source = {}

    def set(self, source, refusal):
        """`refusal(writes, saves)` answers the error for a command, or None: `writes` when it
        changes data, `saves` when it demands that what is changed can be saved. None for
        `refusal` ends it. The first of ORDER speaks."""
        refusals = self.by_source | {source: refusal}
        self.by_source = {
            source: refusals[source] for source in ORDER if refusals.get(source) is not None}
        if not self.by_source:
            self.gate[0] &= ~GATE_WRITES
        else:
            self.gate[0] |= GATE_WRITES

    cdef object ask(self, bint writes, bint saves):
        for refusal in self.by_source.values():
            refused = refusal(writes, saves)
            if refused is not None:
                return refused
        return None

    cdef bint disk_fails(self):
        for source in OF_DISKS:
            refusal = self.by_source.get(source)
            if refusal is not None and refusal(True, True) is not None:
                return True
        return False
