"""System calls that Python's standard library does not offer. Anyone may call."""

from libc.string cimport memcpy, memset, strdup, strlen

cdef extern from *:
    """
    #ifdef __linux__
    #include <sys/prctl.h>
    #endif
    #if defined(__linux__) && defined(PR_SET_THP_DISABLE)
    static int carnelian_disable_huge_pages(void) {
        return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    }
    #else
    static int carnelian_disable_huge_pages(void) { return -1; }
    #endif
    """
    int carnelian_disable_huge_pages() nogil

cdef extern from *:
    """
    extern char **environ;
    """
    char **environ


def disable_huge_pages():
    """Transparent huge pages off for this process and its children. Whether that worked."""
    return carnelian_disable_huge_pages() == 0


cdef class ProcessTitle:
    """What tools show as the command line of this process. One per process: it takes the place of
    the arguments, and of the environment behind them, which is copied away."""
    cdef char *begin
    cdef size_t capacity               # 0: not possible here

    def __cinit__(self):
        try:
            with open("/proc/self/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            self.take(<char *><size_t>int(fields[45]), <char *><size_t>int(fields[46]))
        except (OSError, IndexError, ValueError):
            pass

    cdef void take(self, char *begin, char *end) noexcept:
        cdef char **each = environ
        cdef char *copy
        if begin == NULL or end <= begin:
            return
        while each != NULL and each[0] != NULL:
            if each[0] == end:         # behind the one before, without a gap
                copy = strdup(each[0])
                if copy == NULL:
                    break
                end += strlen(copy) + 1
                each[0] = copy
            each += 1
        self.begin = begin
        self.capacity = <size_t>(end - begin)

    def put(self, bytes title):
        """Show this text, cut off where it is too long."""
        cdef size_t size
        if self.capacity == 0:
            return
        size = min(<size_t>len(title), self.capacity - 1)
        memcpy(self.begin, <const char *>title, size)
        memset(self.begin + size, 0, self.capacity - size)
