"""What HELP of a container of subcommands answers, made from the declarations of these.

Pure functions; nothing is kept. A subcommand's line is its usage line in the notation of Redis's
help texts: values in <>, choices in (), the rest as it is.
"""

from __future__ import annotations

TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from carnelian.declare.argument import Argument
    from carnelian.declare.declaration import Declaration

INDENT = "    "


def help_lines(container: Declaration, spelled: str, runs_alone: bool) -> list[str]:
    """`spelled`: the container's name as the client wrote it; `runs_alone`: whether it does
    something without a subcommand, too."""
    lines = [f"{spelled.upper()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    if runs_alone:
        lines += ["(no subcommand)", *(container.help or (INDENT + container.about,))]
    for declaration in container.subcommands.values():
        if declaration.subcommand != "HELP":
            lines += entry(declaration)
    return [*lines, "HELP", INDENT + "Prints this help."]


def entry(declaration: Declaration) -> list[str]:
    """A subcommand's lines: what it declares as `help`, where a line that is not indented is a
    usage line, and what its declaration says where that has none."""
    lines = declaration.help or (INDENT + declaration.about,)
    if lines[0].startswith(INDENT):
        lines = (usage(declaration), *lines)
    return list(lines)


def usage(declaration: Declaration) -> str:
    words = [str(declaration.subcommand)]
    words += [rendered(argument) for argument in declaration.usage.arguments]
    return " ".join(words)


def rendered(argument: Argument) -> str:
    """An argument as help texts show it."""
    text = core(argument)
    if argument.multiple and argument.optional and not argument.token:
        return f"[{text} ...]"
    if argument.multiple:
        text += f" [{text} ...]"
    return f"[{text}]" if argument.optional else text


def core(argument: Argument) -> str:
    """One occurrence, as if it were neither optional nor repeated."""
    if argument.type == "pure-token":
        return argument.token
    if argument.type == "oneof":
        text = "|".join(rendered(choice) for choice in argument.arguments)
        if argument.token or not argument.optional:
            text = f"({text})"
    elif argument.type == "block":
        text = " ".join(rendered(inner) for inner in argument.arguments)
    else:
        text = f"<{argument.name}>"
    return f"{argument.token} {text}" if argument.token else text
