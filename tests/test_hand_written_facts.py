"""Facts about responses that the code repeats agree with the description.

If a change of the description concerns a fact, the test of the fact fails.
"""

import inspect
import types
import typing
from typing import NotRequired

import check
import pytest
from described import DOCUMENT
from spec import Spec, UnreadableError, version_of

from skaha import config, models, records
from skaha._sansio import responses
from skaha._transport import connection_settings
from skaha.cli import _sessions, _table
from skaha.cli.commands import resources, stats
from skaha.local._api import _fields, _profile
from skaha.local._session import KINDS, Phase
from skaha.results import _tables

SPEC = Spec(DOCUMENT)
SCHEMAS = DOCUMENT["components"]["schemas"]
DESCRIBED_KINDS = set(SCHEMAS["SessionKind"]["enum"])
DESCRIBED_STATUSES = set(SCHEMAS["SessionStatus"]["enum"])
SESSION_FIELDS = SCHEMAS["Session"]["properties"].keys()


# The typed dictionaries.

RECORDS = {
    name.removesuffix("Record"): record
    for name, record in vars(models).items()
    if name.endswith("Record")
}
# Schemas of words and of requests.
NO_RECORDS = {"SessionKind", "SessionStatus", "NewSession", "SessionAction", "NewDesktopApp"}
TYPES = {"string": str, "number": float, "integer": int, "boolean": bool, "null": None}
AMOUNT = {str, float, None}


def test_each_schema_of_a_response_has_a_record():
    assert RECORDS.keys() == SCHEMAS.keys() - NO_RECORDS


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_has_the_described_members(name):
    record, schema = RECORDS[name], SCHEMAS[name]
    hints = typing.get_type_hints(record, include_extras=True)
    optional = {key for key, hint in hints.items() if typing.get_origin(hint) is NotRequired}
    required = hints.keys() - optional if record.__total__ else set()
    assert hints.keys() == schema["properties"].keys()
    assert required == set(schema.get("x-skaha-always", []))
    for key, hint in typing.get_type_hints(record).items():
        hinted, described = alternatives(hint), described_types(schema["properties"][key])
        # Older and newer platforms send amounts in different forms. A record has the usual form.
        is_usual = described == AMOUNT and hinted <= AMOUNT | {int}
        assert is_usual or hinted == described, key


def alternatives(hint):
    """Return the types of an annotation."""
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return set(typing.get_args(hint)) if is_union else {hint}


def described_types(schema):
    """Return the types that the annotation of a member must have.

    A list or an object that is null means the same as an absent one.
    """
    if "anyOf" in schema:
        described = set().union(*map(described_types, schema["anyOf"]))
    elif "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        described = {RECORDS[name]} if name in RECORDS else described_types(SCHEMAS[name])
    else:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        described = {TYPES[name] for name in names if name != "array"}
        if "array" in names:
            described |= {list[item] for item in described_types(schema["items"])}
    has_parts = any(
        typing.get_origin(part) is list or part in RECORDS.values() for part in described
    )
    return described - {None} if has_parts else described


# Statuses.

FINISHED, ACTIVE, NEITHER = "finished", "active", "neither"
# A new status must get a class here, and in the functions and tables that the tests compare.
CLASSES = {
    "Pending": ACTIVE,
    "Running": ACTIVE,
    "Succeeded": FINISHED,
    "Completed": FINISHED,
    "Failed": FINISHED,
    "Error": FINISHED,
    "Terminating": NEITHER,
    "Unknown": NEITHER,
}
EXPIRY = "2100-01-01T00:00:00Z"


def test_each_described_status_has_a_class():
    assert CLASSES.keys() == DESCRIBED_STATUSES


@pytest.mark.parametrize("status", CLASSES)
def test_the_class_of_a_status_decides_what_the_functions_return(status):
    record = {"id": "a1", "status": status, "expiryTime": EXPIRY}
    assert records.is_finished(record) is (CLASSES[status] == FINISHED)
    is_active = CLASSES[status] == ACTIVE
    assert (_sessions.time_left(_sessions.session_item(record)) is not None) is is_active
    # A session with an unknown status may use the platform.
    assert records.takes_room(record) is (is_active or status == "Unknown")


def test_the_facade_and_the_description_list_the_same_words():
    assert set(typing.get_args(models.KINDS)) == DESCRIBED_KINDS
    assert set(typing.get_args(models.STATUS)) == DESCRIBED_STATUSES
    assert records.APP in DESCRIBED_KINDS


def test_the_facade_and_the_description_list_the_same_views():
    [path] = [path for path in DOCUMENT["paths"] if path.endswith("/session")]
    lists = {
        name
        for name, view in DOCUMENT["paths"][path]["get"]["x-skaha-views"].items()
        if view["response"]["content"]["application/json"]["schema"].get("type") == "array"
    }
    assert lists == {"", *typing.get_args(models.VIEW)}


# The command line.


def test_each_status_has_a_colour():
    shown = {records.canonical_status(status) for status in DESCRIBED_STATUSES}
    assert _table._STATUS_COLOURS.keys() == shown - {"Unknown"}


def paths_in(name, prefix=""):
    """Return the paths of the values in a schema, for example `cores.maxCPUCores.cpuCores`."""
    paths = set()
    for member, described in SCHEMAS[name]["properties"].items():
        references = [choice["$ref"] for choice in described.get("anyOf", []) if "$ref" in choice]
        for reference in references:
            paths |= paths_in(reference.rpartition("/")[2], f"{prefix}{member}.")
        paths |= set() if references else {prefix + member}
    return paths


def test_each_value_of_the_statistics_has_a_name():
    assert stats._NAMES.keys() == paths_in("Stats")
    assert stats._NAMES.keys() >= stats._MEMORY
    assert stats._NAMES.keys() >= stats._DECIMAL


def test_each_resource_of_the_context_has_a_name():
    assert resources._RESOURCES.keys() == SCHEMAS["Context"]["properties"].keys()


# The embedded platform. tests/test_conformance.py compares the fields of its responses.


def test_the_embedded_platform_knows_the_described_kinds():
    assert set(KINDS) == DESCRIBED_KINDS
    assert _fields._CONNECT_PATHS.keys() == DESCRIBED_KINDS - {"headless", "desktop-app"}


@pytest.mark.parametrize("profile", _profile.PROFILES.values(), ids=_profile.PROFILES)
def test_the_embedded_platform_has_described_statuses(profile):
    assert {profile.status(phase) for phase in Phase} <= DESCRIBED_STATUSES
    assert profile.counted_statuses <= DESCRIBED_STATUSES


# Names of fields.


class Watched(dict):
    """A record that remembers the fields that a function reads."""

    def __init__(self, **values):
        super().__init__(values)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.read.add(name)
        return super().get(name, default)


READERS = {
    name: function
    for name, function in inspect.getmembers(records, inspect.isfunction)
    if next(iter(inspect.signature(function).parameters)) == "record"
} | {"session_item": _sessions.session_item}


@pytest.mark.parametrize("name", READERS)
def test_functions_read_described_fields(name):
    record = Watched(id="a1", status="Failed", type="notebook", expiryTime=EXPIRY)
    READERS[name](record)
    assert record.read
    assert record.read <= SESSION_FIELDS


def test_tables_have_described_columns():
    assert {*_tables.FIRST_COLUMNS, *_tables.HIDDEN_COLUMNS} <= SESSION_FIELDS


def test_the_amounts_of_a_launch_have_described_limits():
    assert set(responses._CONTEXT_NAMES) <= SCHEMAS["NewSession"]["properties"].keys()
    assert set(responses._CONTEXT_NAMES.values()) <= SCHEMAS["Context"]["properties"].keys()


# Versions.


def test_the_version_is_the_version_in_the_paths():
    assert version_of(DOCUMENT) == config.DEFAULTS["version"]
    assert version_of(DOCUMENT) == connection_settings._DESCRIBED_VERSION
    assert version_of(DOCUMENT) in _profile.PROFILES


@pytest.mark.parametrize(
    ("paths", "listed"),
    [(["/v1/a", "/v2/b"], "v1, v2"), (["/a"], "no version"), (["/vx/a", "/v1"], "no version")],
)
def test_a_description_with_mixed_versions_is_refused(paths, listed):
    with pytest.raises(UnreadableError, match=f"the same version, but they have {listed}"):
        version_of({"paths": {path: {} for path in paths}})


# Credentials.


def test_the_facade_can_send_described_credentials():
    schemes = DOCUMENT["components"]["securitySchemes"].values()
    kinds = {(scheme["type"], scheme.get("scheme", scheme.get("name"))) for scheme in schemes}
    # The cookie is for browsers.
    assert kinds == {("http", "bearer"), ("mutualTLS", None), ("apiKey", "CADC_SSO")}
    assert DOCUMENT["security"] == [
        {name: []} for name in DOCUMENT["components"]["securitySchemes"]
    ]


# The check of a live platform.


@pytest.mark.parametrize("name", SPEC.operations)
def test_the_check_expects_described_statuses(name):
    described = {part.removeprefix("response ") for part in SPEC.operations[name].rest}
    expected = check.STATUSES.get(name, check.SUCCESS)
    expected |= check.STATUSES_OF_MISSING.get(name, set()) | check.STATUSES_OF_UNKNOWN_WORD.get(
        name, set()
    )
    assert set(map(str, expected)) <= described


def test_the_check_knows_the_refusals_without_credentials():
    described = SPEC.operations["list_sessions"].rest
    assert {
        f"response {status}" for status in check.STATUSES_WITHOUT_CREDENTIALS
    } <= described.keys()


def test_the_check_names_described_operations():
    names = {*check.STATUSES, *check.STATUSES_OF_MISSING, *check.STATUSES_OF_UNKNOWN_WORD}
    assert names | {*check.ANY_SESSION, *check.LAUNCHING} <= SPEC.operations.keys()
