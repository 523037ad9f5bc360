"""The output of a program on a terminal."""

import re

import pexpect

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def screen(child):
    """Return the lines of a program on a terminal until its end, without escape sequences."""
    child.expect(pexpect.EOF)
    child.close()
    return _ESCAPES.sub("", child.before).replace("\r\n", "\n").splitlines()
