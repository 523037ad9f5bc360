"""Completion for bash. Bash splits words at colons, and references of images contain colons."""

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
# Bash replaces only the part of a word after its last colon or equals sign.
_KEPT_BY_BASH = re.compile(r".*[:=]")


class _BashCompletion(BashComplete):
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
        match = _KEPT_BY_BASH.match(incomplete)
        kept = match[0] if match else ""
        items = self.get_completions(words, incomplete)
        return "\n".join(f"{item.type},{item.value.removeprefix(kept)}" for item in items)


def register() -> None:
    """Replace click's completion for bash by this completion."""
    add_completion_class(_BashCompletion)
