"""MODULE: there are none, and modules of Redis cannot be loaded."""

from carnelian.engine.call cimport Call, handler
from carnelian.engine.command cimport ADMIN, LOADING, NO_ASYNC_LOADING, NOSCRIPT, STALE
from carnelian.engine.replies cimport container_help
from carnelian.resp.reply cimport reply_empty_array

from carnelian.engine.command import family
from carnelian.engine.errors import error

command = family("server")

cdef enum:
    USUAL = ADMIN | NOSCRIPT
    CHANGES = USUAL | NO_ASYNC_LOADING

NOT_ALLOWED = error(
    'MODULE command not allowed. If the enable-module-command option is set to "local", you can run'
    " it from a local connection, otherwise you need to set this option in the configuration file,"
    " and then restart the server.")
NOT_LOADED = error("Error loading the extension. Please check the server logs.")
NOT_KNOWN = error("Error unloading module: no such module with that name")


cdef int list_(Call call) except -1:
    reply_empty_array(call.reply)
    return 0


cdef int check_allowed(Call call) except -1:
    allowed = call.engine.host.configuration.enable_module_command
    if allowed == "no" or (allowed == "local" and not call.session.is_local()):
        raise NOT_ALLOWED
    return 0


cdef int load(Call call) except -1:
    check_allowed(call)
    raise NOT_LOADED


cdef int unload(Call call) except -1:
    check_allowed(call)
    raise NOT_KNOWN


command(0, "MODULE", container=True, since="4.0.0", cost="Depends on subcommand.",
        about="Commands about modules.")
command(handler(container_help), "MODULE HELP", LOADING | STALE, since="5.0.0", cost="O(1)",
        about="Say what the subcommands do.")
command(handler(list_), "MODULE LIST", USUAL, since="4.0.0", cost="O(1)",
        tips=("nondeterministic_output_order",), about="List the modules that are loaded.",
        help=("    Return a list of loaded modules.",))
command(handler(load), "MODULE LOAD path [arg [arg ...]]", CHANGES, since="4.0.0", cost="O(1)",
        about="Load a module.",
        help=("LOAD <path> [<arg> ...]",
              "    Load a module library from <path>, passing to it any optional arguments."))
command(handler(load),
        "MODULE LOADEX path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]",
        CHANGES, since="7.0.0", cost="O(1)", about="Load a module with its configuration.",
        help=("LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
              "    Load a module library from <path>, while passing it module configurations and"
              " optional arguments."))
command(handler(unload), "MODULE UNLOAD name", CHANGES, since="4.0.0", cost="O(1)",
        about="Unload a module.", help=("    Unload a module.",))
