"""Command errors: what a client did wrong, in Redis's own words.

A handler raises CommandError with the whole reply text, code included. Any other exception that
escapes a handler is a bug in Carnelian and is treated as one.
"""


class CommandError(Exception):
    """An error reply. `text` is bytes without the leading '-' and without CR LF."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text)
        self.text = text


def error(text: str | bytes) -> CommandError:
    """An error with the generic ERR code."""
    return CommandError(b"ERR " + (text.encode() if isinstance(text, str) else text))


def bad_subcommand(name: bytes, subcommand: bytes) -> CommandError:
    """What handlers say that look at the number of their arguments themselves."""
    return error(
        b"unknown subcommand or wrong number of arguments for '%b'. Try %b HELP."
        % (subcommand[:128], name.upper())
    )



WRONG_TYPE = CommandError(b"WRONGTYPE Operation against a key holding the wrong kind of value")
SYNTAX = error("syntax error")
NOT_INTEGER = error("value is not an integer or out of range")
NOT_FLOAT = error("value is not a valid float")
OUT_OF_RANGE = error("value is out of range")
INT32_RANGE = error("value is out of range, value must between -2147483648 and 2147483647")
NOT_POSITIVE = error("value is out of range, must be positive")
NO_SUCH_KEY = error("no such key")
SAME_OBJECT = error("source and destination objects are the same")
DB_OUT_OF_RANGE = error("DB index is out of range")
STRING_TOO_LONG = error("string exceeds maximum allowed size (proto-max-bulk-len)")
INVALID_CURSOR = error("invalid cursor")
TIMEOUT_NOT_FLOAT = error("timeout is not a float or out of range")
TIMEOUT_NEGATIVE = error("timeout is negative")
TIMEOUT_RANGE = error("timeout is out of range")
NO_AUTH = CommandError(b"NOAUTH Authentication required.")
EXEC_ABORTED = CommandError(
    b"EXECABORT Transaction discarded because of previous errors.")
READ_ONLY = CommandError(b"READONLY You can't write against a read only replica.")
SHUTDOWN_FAILED = CommandError(b"ERR Errors trying to SHUTDOWN. Check logs.")
LOADING = CommandError(b"LOADING Redis is loading the dataset in memory")
