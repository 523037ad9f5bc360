"""The command line shows the fields of the records that the description has."""

import pytest
from described import DOCUMENT
from scripted import json_response

SCHEMAS = DOCUMENT["components"]["schemas"]
EXAMPLES = {name: node["value"] for name, node in DOCUMENT["components"]["examples"].items()}

SESSION = {
    "id": "id",
    "name": "name",
    "kind": "type",
    "status": "status",
    "image": "image",
    "url": "connectURL",
    "user": "userid",
}
# A command, the records of the response, their schema, and the field that each key shows.
SHOWN = {
    "ps": (["ps"], EXAMPLES["InteractiveSessions"], "Session", SESSION),
    "ps --everyone": (
        ["ps", "--everyone"],
        EXAMPLES["PublicSessions"],
        "PublicSession",
        {"user": "userid", "kind": "type", "status": "status", "started": "startTime"},
    ),
    "apps": (
        ["apps"],
        EXAMPLES["DesktopApps"],
        "Session",
        {"app": "appid", "id": "id", "kind": "type", "status": "status", "image": "image"},
    ),
    "images": (
        ["images"],
        EXAMPLES["Images"][:1],
        "Image",
        {"image": "id", "kinds": "types", "digest": "digest"},
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_command_shows_described_fields(skaha, scripted, name):
    words, records, schema, keys = SHOWN[name]
    scripted.respond = lambda _: json_response(records)
    items = skaha.json(*words, env={"SKAHA_SERVER": scripted.url})
    assert set(keys.values()) <= SCHEMAS[schema]["properties"].keys()
    for item, record in zip(items, records, strict=True):
        assert {key: item[key] for key in keys} == {
            key: record.get(field) for key, field in keys.items()
        }


def test_resources_shows_the_described_limits(skaha, scripted):
    context = EXAMPLES["OlderContext"] | {"maxInteractiveSessions": "5"}
    assert context.keys() == SCHEMAS["Context"]["properties"].keys()
    scripted.respond = lambda _: json_response(context)
    shown = {
        item.pop("resource"): item
        for item in skaha.json("resources", env={"SKAHA_SERVER": scripted.url})
    }
    names = {"cores": "cores", "memoryGB": "ram", "gpus": "gpu"}
    assert shown.keys() == {*names.values(), "interactive sessions"}
    fields = {"flexible": "defaultRequest", "limit": "defaultLimit", "options": "options"}
    assert set(fields.values()) <= SCHEMAS["ResourceLimits"]["properties"].keys()
    for name in ("cores", "memoryGB"):
        expected = {key: context[name][field] for key, field in fields.items()}
        assert {key: shown[names[name]][key] for key in fields} == expected
    assert shown["interactive sessions"]["limit"] == 5


def test_stats_hides_the_amounts_that_the_server_cannot_read(skaha, scripted):
    """The server says 0 cores if the metrics have millicores."""
    stats = EXAMPLES["Stats"]
    wrong = {"requestedCPUCores": 0.0, "cpuCoresAvailable": 0.0}
    shown = ["cores_requested", "cores_available"]
    assert wrong.keys() <= SCHEMAS["CoreStats"]["properties"].keys()
    assert "requestedRAM" in SCHEMAS["RamStats"]["properties"]
    scripted.respond = lambda _: json_response(stats | {"cores": stats["cores"] | wrong})
    items = skaha.json("stats", env={"SKAHA_SERVER": scripted.url})
    values = {item["name"]: item["value"] for item in items}
    assert [values[name] for name in shown] == [None, None]
    # 1374.39 GB
    assert values["ram_gib_requested"] == 1280
