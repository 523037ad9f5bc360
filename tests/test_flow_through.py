"""An addition to the description becomes part of the client by one command.

The old description lacks an operation, a parameter, a kind and a status of the embedded platform.
The old client reads the unknown kind and status as text. The new description has all four.
"""

import copy
import json
import os
import subprocess
import sys

import pytest
import yaml
from checkout import ROOT, copied, run_script, tree
from described import DOCUMENT
from described import TEXT as NEW

pytestmark = pytest.mark.slow

OPERATION = "/v1/repository"
PARAMETER = {"$ref": "#/components/parameters/StatusFilter"}
KIND, STATUS = "headless", "Completed"

OLD = copy.deepcopy(DOCUMENT)
del OLD["paths"][OPERATION]
OLD["paths"]["/v1/session"]["get"]["parameters"].remove(PARAMETER)
OLD["paths"]["/v1/session"]["get"]["x-skaha-views"]["interactive"]["parameters"] = []
OLD["components"]["schemas"]["SessionKind"]["enum"].remove(KIND)
OLD["components"]["schemas"]["SessionStatus"]["enum"].remove(STATUS)

LAUNCH = """
import asyncio, json, sys, time
import skaha, skaha_api
from skaha_api import models
from skaha_api.api.session import create_session, delete_session, get_session, list_sessions

def record_of_ended_session(kind):
    form = models.NewSession(
        name="flow", image="images.canfar.net/skaha/terminal:1.1.2", cmd="true", type_=kind
    )
    session_id = create_session.sync(client=api, body=form).strip()
    limit = time.monotonic() + 30
    while (record := get_session.sync(session_id, client=api)).status in ("Pending", "Running"):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return record

api = skaha.Session(server=sys.argv[1], token=sys.argv[2]).api
"""

OLD_CALLS = """
record = record_of_ended_session("headless")
known = {member.value for member in (*models.SessionKind, *models.SessionStatus)}
try:
    list_sessions.sync(client=api, status="Completed")
except TypeError as error:
    message = str(error)
print(json.dumps({
    "client": skaha_api.__file__,
    "values": [record.type_, record.status],
    "are text": [type(record.type_) is str, type(record.status) is str],
    "known": sorted(known & {"headless", "Completed"}),
    "operation": hasattr(skaha_api.api, "repository"),
    "error of the parameter": message,
}))
"""

NEW_CALLS = """
from skaha_api.api.repository import list_repositories

record = record_of_ended_session(models.SessionKind.HEADLESS)
listed = {
    status.value: record.id in [item.id for item in list_sessions.sync(client=api, status=status)]
    for status in (models.SessionStatus.COMPLETED, models.SessionStatus.FAILED)
}
async def repositories():
    async with api:
        return await list_repositories.asyncio(client=api)

print(json.dumps({
    "client": skaha_api.__file__,
    "are members": [
        record.type_ is models.SessionKind.HEADLESS,
        record.status is models.SessionStatus.COMPLETED,
    ],
    "listed": listed,
    "sync": list_repositories.sync(client=api),
    "async": asyncio.run(repositories()),
}))
"""


@pytest.fixture
def call(tmp_path, platform):
    """Return a function that generates a client from a description and runs a program with it."""
    root = copied(tmp_path)

    def generate_and_run(description, calls):
        (root / "openapi" / "skaha.yaml").write_text(description)
        generated = run_script(root, "regenerate.py")
        assert (generated.returncode, generated.stderr) == (0, "")
        finished = subprocess.run(
            [sys.executable, "-c", LAUNCH + calls, platform.url, platform.token],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "generated")])},
            check=True,
            capture_output=True,
            text=True,
        )
        results = json.loads(finished.stdout)
        assert results.pop("client") == str(root / "generated" / "skaha_api" / "__init__.py")
        return results

    return generate_and_run


def test_an_addition_to_the_description_works_in_a_call_of_the_client(call, tmp_path):
    assert call(yaml.safe_dump(OLD, sort_keys=False), OLD_CALLS) == {
        "values": [KIND, STATUS],
        "are text": [True, True],
        "known": [],
        "operation": False,
        "error of the parameter": "sync() got an unexpected keyword argument 'status'",
    }
    assert call(NEW, NEW_CALLS) == {
        "are members": [True, True],
        "listed": {STATUS: True, "Failed": False},
        "sync": ["images.canfar.net"],
        "async": ["images.canfar.net"],
    }
    assert tree(tmp_path / "generated") == tree(ROOT / "generated")
