"""COMMAND: what the server knows about its commands."""

from libc.string cimport memset

from carnelian.base.glob cimport glob_match
from carnelian.base.slice cimport Slice
from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport LOADING, STALE, Command, keys_find
from carnelian.engine.keys cimport FoundKey, KeysFound, keys_free, keys_items
from carnelian.engine.replies cimport container_help, reply_structure
from carnelian.resp.reply cimport reply_array, reply_int, reply_map, reply_null, reply_slice

from carnelian.engine.command import family
from carnelian.engine.errors import SYNTAX, error
from carnelian.declare.flags import ACL_CATEGORY_NAMES, NO_MANDATORY_KEYS
from carnelian.engine.introspection import docs_reply, info_reply, key_flag_names

command = family("server")

cdef enum:
    USUAL = LOADING | STALE

ANY_ORDER = ("nondeterministic_output_order",)


cdef int tell_all(Call call) except -1:
    reply_array(call.reply, len(call.engine.commands.by_name))
    for each in call.engine.commands.by_name.values():
        reply_structure(call.reply, info_reply((<Command>each).declaration))
    return 0


cdef int count(Call call) except -1:
    reply_int(call.reply, len(call.engine.commands.by_name))
    return 0


cdef int info(Call call) except -1:
    cdef Command found
    cdef int i
    if call.argc == 2:
        return tell_all(call)
    reply_array(call.reply, call.argc - 2)
    for i in range(2, call.argc):
        found = call.engine.commands.named(call.bytes(i))
        if found is None:
            reply_null(call.reply)
        else:
            reply_structure(call.reply, info_reply(found.declaration))
    return 0


cdef int docs(Call call) except -1:
    cdef list wanted = list(call.engine.commands.by_name.values())
    cdef Command each
    if call.argc > 2:
        wanted = [call.engine.commands.named(name) for name in call.words(2)]
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
    for one in call.engine.commands.every():
        if call.argc == 2 or belongs(one, by, call.bytes(4)):
            found.append((<Command>one).name)
    reply_structure(call.reply, found)
    return 0


cdef Command command_of_call(Call call):
    """The command that the arguments from 2 on call."""
    cdef const Slice *argv = call.argv + 2
    cdef int argc = call.argc - 2
    cdef Command found = call.engine.commands.find(argv[0].ptr, argv[0].len)
    if found is not None and found.subcommands is not None and argc > 1:
        found = found.subcommands.get(argv[1].ptr[:argv[1].len].lower())
    if found is None:
        raise error("Invalid command specified")
    if not found.declaration.has_keys:
        raise error("The command has no key arguments")
    if not found.arity_fits(argc):
        raise error("Invalid number of arguments specified for command")
    return found


cdef int reply_keys(Call call, bint with_flags) except -1:
    cdef Command found = command_of_call(call)
    cdef KeysFound keys
    cdef const FoundKey *key
    cdef int i
    memset(&keys, 0, sizeof(keys))
    keys_find(found, call.argv + 2, call.argc - 2, &keys)
    try:
        if keys.count == 0 and not found.declaration.shown_flags & NO_MANDATORY_KEYS:
            raise error("Invalid arguments specified for command")
        reply_array(call.reply, keys.count)
        for i in range(keys.count):
            key = &keys_items(&keys)[i]
            if with_flags:
                reply_array(call.reply, 2)
            reply_slice(call.reply, call.argv[2 + key.index])
            if with_flags:
                reply_structure(call.reply, key_flag_names(key.flags))
    finally:
        keys_free(&keys)
    return 0


cdef int getkeys(Call call) except -1:
    return reply_keys(call, False)


cdef int getkeysandflags(Call call) except -1:
    return reply_keys(call, True)


command(handler(tell_all), "COMMAND", USUAL, container=True, arity=-1, acl="connection",
        since="2.8.13", cost="O(N) where N is the total number of commands", tips=ANY_ORDER,
        about="Describe all commands.", help=("    Return details about all Redis commands.",))
command(handler(count), "COMMAND COUNT", USUAL, acl="connection", since="2.8.13", cost="O(1)",
        about="Count the commands.",
        help=("    Return the total number of commands in this Redis server.",))
command(handler(docs), "COMMAND DOCS [command-name [command-name ...]]", USUAL,
        acl="connection", since="7.0.0", tips=ANY_ORDER,
        cost="O(N) where N is the number of commands to look up",
        about="Return the documentation of commands.",
        help=("    Return documentation details about multiple Redis commands.",
              "    If no command names are given, documentation details for all",
              "    commands are returned."))
command(handler(getkeys), "COMMAND GETKEYS command [arg [arg ...]]", USUAL, acl="connection",
        since="2.8.13", cost="O(N) where N is the number of arguments to the command",
        about="Return the keys in a call.",
        help=("GETKEYS <full-command>",
              "    Return the keys from a full Redis command."))
command(handler(getkeysandflags), "COMMAND GETKEYSANDFLAGS command [arg [arg ...]]", USUAL,
        acl="connection", since="7.0.0",
        cost="O(N) where N is the number of arguments to the command",
        about="Return the keys in a call and what is done to them.",
        help=("GETKEYSANDFLAGS <full-command>",
              "    Return the keys and the access flags from a full Redis command."))
command(handler(container_help), "COMMAND HELP", USUAL, acl="connection", since="5.0.0",
        cost="O(1)", about="Say what the subcommands do.")
command(handler(info), "COMMAND INFO [command-name [command-name ...]]", USUAL,
        acl="connection", since="2.8.13", tips=ANY_ORDER,
        cost="O(N) where N is the number of commands to look up",
        about="Describe commands.",
        history=(("7.0.0", "Allowed to be called with no argument to get info on all commands."),),
        help=("    Return details about multiple Redis commands.",
              "    If no command names are given, documentation details for all",
              "    commands are returned."))
command(handler(list_),
        "COMMAND LIST [FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        USUAL, acl="connection", since="7.0.0", tips=ANY_ORDER,
        cost="O(N) where N is the total number of commands", about="List the names of commands.",
        help=("LIST",
              "    Return a list of all commands in this Redis server."))
