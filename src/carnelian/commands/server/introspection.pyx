"""COMMAND: what the server knows about its commands."""

from carnelian.base.glob cimport glob_match
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport LOADING, STALE, Command, registry
from carnelian.engine.dispatch cimport resolve
from carnelian.engine.replies cimport help_lines, reply_structure
from carnelian.resp.reply cimport reply_array, reply_int, reply_map, reply_null

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, CommandError, error
from carnelian.declare.flags import ACL_CATEGORY_NAMES
from carnelian.engine.introspection import docs_reply, info_reply, key_flag_names

command = family("server")

cdef enum:
    USUAL = LOADING | STALE

ANY_ORDER = ("nondeterministic_output_order",)


cdef Command named(bytes name):
    """The command of that name, `container|subcommand` for a subcommand; None."""
    cdef Command found
    first, bar, second = name.lower().partition(b"|")
    found = registry.by_name.get(first)
    if found is None or not bar:
        return found
    return (found.subcommands or {}).get(second)


cdef int tell_all(Call call) except -1:
    reply_array(call.reply, len(registry.by_name))
    for each in registry.by_name.values():
        reply_structure(call.reply, info_reply((<Command>each).declaration))
    return 0


cdef int count(Call call) except -1:
    reply_int(call.reply, len(registry.by_name))
    return 0


cdef int info(Call call) except -1:
    cdef Command found
    cdef int i
    if call.argc == 2:
        return tell_all(call)
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        found = named(call.bytes(i))
        if found is None:
            reply_null(call.reply)
        else:
            reply_structure(call.reply, info_reply(found.declaration))
    return 0


cdef int docs(Call call) except -1:
    cdef list wanted = list(registry.by_name.values())
    cdef Command each
    if call.argc > 2:
        wanted = [named(name) for name in call.words(2)]
        wanted = [found for found in wanted if found is not None]
    reply_map(call.reply, len(wanted))
    for item in wanted:
        each = <Command>item
        reply_structure(call.reply, each.name)
        reply_structure(call.reply, docs_reply(each.declaration))
    return 0


def belongs(Command each, bytes by, bytes what):
    """Whether COMMAND LIST FILTERBY shows a command."""
    cdef bytes name = each.name.encode()
    if by == b"module":
        return each.declaration.module.encode() == what and what != b""
    if by == b"aclcat":
        for bit, category in ACL_CATEGORY_NAMES:
            if category.encode() == what.lower():
                return each.declaration.acl_bits & bit != 0
        return False
    return glob_match(what, len(what), name, len(name), True)


cdef int list_(Call call) except -1:
    cdef bytes by
    cdef list found = []
    if call.argc not in (2, 5):
        raise SYNTAX
    if call.argc == 5:
        by = call.bytes(3).lower()
        if not call.is_word(2, b"filterby") or by not in (b"module", b"aclcat", b"pattern"):
            raise SYNTAX
    for each in registry.by_name.values():
        for one in (each, *((<Command>each).subcommands or {}).values()):
            if call.argc == 2 or belongs(one, by, call.bytes(4)):
                found.append((<Command>one).name)
    reply_structure(call.reply, found)
    return 0


cdef list keys_of_call(Call call):
    """(index, key flags) of the keys in the call that the arguments from 2 on are."""
    cdef Command found
    try:
        found = resolve(call.argv + 2, call.argc - 2)
    except CommandError as refused:
        if refused.text.startswith(b"ERR wrong number"):
            raise error("Invalid number of arguments specified for command") from None
        raise error("Invalid command specified") from None
    try:
        return found.declaration.getkeys(call.words(2))
    except ValueError as refused:
        raise error(str(refused)) from None


cdef int getkeys(Call call) except -1:
    reply_structure(call.reply, [call.bytes(2 + at) for at, _ in keys_of_call(call)])
    return 0


cdef int getkeysandflags(Call call) except -1:
    reply_structure(call.reply, [
        [call.bytes(2 + at), key_flag_names(flags)] for at, flags in keys_of_call(call)
    ])
    return 0


cdef int help_(Call call) except -1:
    return help_lines(call, (
        "(no subcommand)",
        "    Return details about all commands.",
        "COUNT",
        "    Return how many commands there are.",
        "LIST [FILTERBY (MODULE <name>|ACLCAT <category>|PATTERN <pattern>)]",
        "    Return the names of all commands, or of some.",
        "INFO [<command-name> ...]",
        "    Return details about commands, without documentation.",
        "DOCS [<command-name> ...]",
        "    Return the documentation of commands.",
        "GETKEYS <full-command>",
        "    Return the keys in a call.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys in a call, and what is done to them.",
    ))


command(handler(tell_all), "COMMAND", USUAL, container=True, arity=-1, acl="connection",
        since="2.8.13", cost="O(N) where N is the total number of commands", tips=ANY_ORDER,
        about="Describe all commands.")
command(handler(count), "COMMAND COUNT", USUAL, acl="connection", since="2.8.13", cost="O(1)",
        about="Count the commands.")
command(handler(docs), "COMMAND DOCS [command-name [command-name ...]]", USUAL,
        acl="connection", since="7.0.0", tips=ANY_ORDER,
        cost="O(N) where N is the number of commands to look up",
        about="Return the documentation of commands.")
command(handler(getkeys), "COMMAND GETKEYS command [arg [arg ...]]", USUAL, acl="connection",
        since="2.8.13", cost="O(N) where N is the number of arguments to the command",
        about="Return the keys in a call.")
command(handler(getkeysandflags), "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]", USUAL,
        acl="connection", since="7.0.0",
        cost="O(N) where N is the number of arguments to the command",
        about="Return the keys in a call and what is done to them.")
command(handler(help_), "COMMAND HELP", USUAL, acl="connection", since="5.0.0", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(info), "COMMAND INFO [command-name [command-name ...]]", USUAL,
        acl="connection", since="2.8.13", tips=ANY_ORDER,
        cost="O(N) where N is the number of commands to look up",
        about="Describe commands.",
        history=(("7.0.0", "Allowed to be called with no argument to get info on all commands."),))
command(handler(list_),
        "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        USUAL, acl="connection", since="7.0.0", tips=ANY_ORDER,
        cost="O(N) where N is the total number of commands", about="List the names of commands.")
