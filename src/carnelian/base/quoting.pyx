"""Quotes and escapes; see quoting.pxd."""

cdef extern from *:
    """
    /* What follows the backslash of a byte, 'x' for two digits; 0: the byte itself. */
    static const char cn_escapes[256] = {
        ['\\\\'] = '\\\\', ['"'] = '"', ['\\n'] = 'n', ['\\r'] = 'r', ['\\t'] = 't',
        [7] = 'a', [8] = 'b',
        [0 ... 6] = 'x', [11] = 'x', [12] = 'x', [14 ... 31] = 'x', [127 ... 255] = 'x',
    };
    static const char cn_hex_digits[] = "0123456789abcdef";
    """
    const char *ESCAPES "cn_escapes"
    const char *HEX_DIGITS "cn_hex_digits"


cdef size_t put_quoted(char *out, const char *p, size_t n) noexcept nogil:
    cdef char *q = out + 1
    cdef unsigned char c
    cdef char escape
    cdef size_t i
    out[0] = c'"'
    for i in range(n):
        c = <unsigned char>p[i]
        escape = ESCAPES[c]
        if escape == 0:
            q[0] = <char>c
            q += 1
            continue
        q[0] = c'\\'
        q[1] = escape
        q += 2
        if escape == c'x':
            q[0] = HEX_DIGITS[c >> 4]
            q[1] = HEX_DIGITS[c & 15]
            q += 2
    q[0] = c'"'
    return q + 1 - out
