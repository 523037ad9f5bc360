"""Notebooks that a test executes in a real kernel."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def executed(
    cells: dict[str, str], variables: dict[str, Any], folder: Path, **options: Any
) -> tuple[dict[str, Any], Any]:
    """Execute a notebook; return the outputs of each cell, and the notebook.

    The first cell assigns the variables. A cell that prints `'Running'` is interrupted. The folder
    takes the files of Jupyter.
    """
    # The imports take a second, and every process of the tests collects the tests of notebooks.
    import nbformat
    from nbclient import NotebookClient

    class InterruptingClient(NotebookClient):
        def output(self, outs: Any, msg: Any, display_id: Any, cell_index: Any) -> Any:
            if "'Running'" in msg["content"].get("text", ""):
                self.interrupting = asyncio.ensure_future(self.km.interrupt_kernel())
            return super().output(outs, msg, display_id, cell_index)

    assignments = "\n".join(f"{name} = {value!r}" for name, value in variables.items())
    sources = [assignments, *(inspect.cleandoc(code) for code in cells.values())]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            patch.setenv(name, str(folder))
        InterruptingClient(notebook, kernel_name="python3", **options).execute()
    outputs = [cell.outputs for cell in notebook.cells[1:]]
    return dict(zip(cells, outputs, strict=True)), notebook
