"""The published examples, unchanged except for the server and the token."""

import logging

import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.1"
CALLS = {
    "destroy one": lambda session: session.destroy(id="hjko98yghj"),
    "destroy several": lambda session: session.destroy(id=["hjko98yghj", "ikvp1jtp"]),
    "destroy by prefix": lambda session: session.destroy_with(prefix="test"),
    "destroy desktops": lambda session: session.destroy_with(prefix="test", kind="desktop"),
    "destroy running": lambda session: session.destroy_with(
        prefix="car", kind="carta", status="Running"
    ),
    "fetch": lambda session: session.fetch(kind="notebook"),
    "info of one": lambda session: session.info(session_id="hjko98yghj"),
    "info of several": lambda session: session.info(id=["hjko98yghj", "ikvp1jtp"]),
    "logs": lambda session: session.logs(id="hjko98yghj"),
    "logs of several": lambda session: session.logs(id=["hjko98yghj", "ikvp1jtp"]),
    "stats": lambda session: session.stats(),
}
SHAPES = {
    "destroy one": {"hjko98yghj": True},
    "destroy several": {"hjko98yghj": True, "ikvp1jtp": True},
    "destroy by prefix": {},
    "destroy desktops": {},
    "destroy running": {},
    "fetch": [],
    "info of one": [],
    "info of several": [],
    "logs": {},
    "logs of several": {},
}


@pytest.fixture
def session(variant, platform):
    level = logging.getLogger("skaha").level
    yield variant.open(
        server=platform.url,
        version="v1",
        token=platform.token,
        timeout=30,
        concurrency=100,
        loglevel=40,
    )
    logging.getLogger("skaha").setLevel(level)


@pytest.mark.filterwarnings("ignore:.* is deprecated:DeprecationWarning")
@pytest.mark.parametrize("call", CALLS)
def test_a_call(variant, session, call):
    result = variant.run(CALLS[call](session))
    if call == "stats":
        assert result["cores"]["cpuCoresAvailable"] > 0
    else:
        assert result == SHAPES[call]


def test_a_launch_and_its_end(variant, session):
    ids = variant.run(
        session.create(
            name="test",
            image=IMAGE,
            cores=2,
            ram=8,
            gpu=1,
            kind="headless",
            cmd="env",
            env={"TEST": "test"},
            replicas=2,
        )
    )
    assert isinstance(ids, list)
    assert len(set(ids)) == 2
    variant.run(session.wait(ids, timeout=30))
    for number, text in enumerate(variant.run(session.logs(ids)).values(), 1):
        lines = set(text.splitlines())
        assert {"TEST=test", f"REPLICA_ID={number}", "REPLICA_COUNT=2"} <= lines
    done = variant.run(session.destroy_with(prefix="test"))
    assert done == dict.fromkeys(sorted(ids), True) == dict(sorted(done.items()))


def test_the_shape_of_a_fetched_item(variant, session):
    ids = variant.run(session.create("Shape", IMAGE, 2, 8, "headless", None, "true"))
    variant.run(session.wait(ids, timeout=30))
    [item] = [record for record in variant.run(session.fetch()) if record["id"] == ids[0]]
    assert item == variant.run(session.info(ids))[0]
    texts = (
        "id",
        "userid",
        "runAsUID",
        "runAsGID",
        "image",
        "type",
        "status",
        "name",
        "connectURL",
    )
    amounts = ("requestedRAM", "requestedCPUCores", "requestedGPUCores")
    assert all(isinstance(item[name], str) for name in texts + amounts)
    assert all(isinstance(group, int) for group in item["supplementalGroups"])
    assert (item["name"], item["type"], item["requestedCPUCores"]) == ("shape-1", "headless", "2")
    variant.run(session.destroy(ids))
