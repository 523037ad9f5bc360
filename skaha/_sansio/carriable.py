"""Regular expressions for texts that the platform changes on their way into a container.

`re` compiles each at its first use, because an import should not wait for that.
"""

from __future__ import annotations

GARBLED = r'["$\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]'
"""Characters that the platform destroys in a `cmd`, in `args` and in the values of `env`.

Half a surrogate pair cannot be sent at all.
"""

YAML_WORD = r"[yYnN]|[-+]0[0-7_]*[89][0-9_]*|0o[0-7_]+"
"""Words that the platform writes without quotes, and that Kubernetes does not read as texts."""

YAML_VARIABLE = r"(?i)y|n|yes|no|on|off|true|false|null|-[0-9].*|-?\.([0-9_]|inf|nan).*"
"""Names of environment variables that the platform renames or that make a launch fail."""

MAX_FORM_BYTES = 2 * 2**20
"""Bytes of a form. The platform loses all parameters of a larger form."""
