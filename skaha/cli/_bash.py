"""Completion for bash, which breaks words at colons: those of images, for example."""

from __future__ import annotations

import os
import re

from click.shell_completion import BashComplete, add_completion_class, split_arg_string

_SOURCE = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case "${line%%%%,*}" in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${line#*,}") ;;
        esac
    done < <(
        export COMP_LINE COMP_POINT
        %(complete_var)s=bash_complete "$1" 2>/dev/null
    )
}
complete -F %(complete_func)s %(prog_name)s
"""
# What bash takes for the beginning of the word that it replaces.
_BROKEN_OFF = re.compile(r".*[:=]")


class _Bash(BashComplete):
    source_template = _SOURCE

    def source(self) -> str:
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
        words = split_arg_string(line)[1:]
        incomplete = words.pop() if words and not line[-1:].isspace() else ""
        return words, incomplete

    def complete(self) -> str:
        words, incomplete = self.get_completion_args()
        begun = _BROKEN_OFF.match(incomplete)
        found = self.get_completions(words, incomplete)
        return "\n".join(
            f"{one.type},{one.value.removeprefix(begun[0] if begun else '')}" for one in found
        )


def register() -> None:
    """Let click complete for bash in this way."""
    add_completion_class(_Bash)
