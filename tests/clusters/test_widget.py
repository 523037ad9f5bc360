"""A cluster in a notebook: its widget, and both ways to use it in a cell."""

import notebooks
import pytest
from dask_workers import IMAGE, SMALL

pytestmark = [pytest.mark.slow, pytest.mark.skaha_platform(cores=64, ram=256)]

CELLS = {
    "begin": """
        from dask.distributed import Client
        from skaha import Session
        from skaha.dask import SkahaCluster

        options = OPTIONS | {"session": Session(server=URL, token=TOKEN)}
    """,
    "cluster": """
        cluster = SkahaCluster(n_workers=2, name="in-a-cell", **options)
        cluster
    """,
    "work": """
        client = Client(cluster)
        client.wait_for_workers(2, timeout=120)
        client.submit(sum, [1, 2, 3]).result(timeout=120)
    """,
    "await": """
        async with (
            SkahaCluster(n_workers=1, asynchronous=True, **options) as other,
            Client(other, asynchronous=True) as asynchronous,
        ):
            print(await asynchronous.submit(abs, -5))
    """,
    "failing": """
        try:
            SkahaCluster(n_workers=1, python="/bin/false", **options).wait_for_workers(1)
        except TimeoutError as error:
            print(error)
    """,
    "end": """
        client.close()
        cluster.close()
        print(options["session"].fetch(status=["Pending", "Running"]))
    """,
}


@pytest.fixture
def outputs(skaha_platform, tmp_path):
    """Return the outputs of each cell of a notebook."""
    variables = {"URL": skaha_platform.url, "TOKEN": skaha_platform.token}
    variables["OPTIONS"] = SMALL | {"image": IMAGE}
    return notebooks.executed(CELLS, variables, tmp_path / "jupyter", timeout=120)[0]


def test_a_cluster_is_a_widget_and_works_in_cells(outputs):
    [shown] = outputs["cluster"]
    assert "application/vnd.jupyter.widget-view+json" in shown.data
    assert "in-a-cell" in shown.data["text/html"]
    assert "/status" in shown.data["text/html"]
    assert shown.data["text/plain"].startswith("SkahaCluster(in-a-cell, 'tls://127.0.0.1:")
    assert outputs["work"][-1].data["text/plain"] == "6"
    text = "".join(output.text for output in outputs["await"])
    assert text == "5\n"
    text = "".join(output.text for output in outputs["failing"])
    assert "ended as Failed" in text
    assert outputs["end"][-1].text == "[]\n"
