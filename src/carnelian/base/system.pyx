"""System calls that Python's standard library does not offer. No state; anyone may call."""


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


def disable_huge_pages():
    """Transparent huge pages off for this process and its children. Whether that worked."""
    return carnelian_disable_huge_pages() == 0
