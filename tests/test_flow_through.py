"""An addition to the description is in the client after one command, and a raw call of it works.

Yesterday's description lacks what the embedded platform does: an operation, a parameter, a kind and
a status. Its client reads the words that it does not know as text; then all of them are added.
"""

import json
import os
import subprocess
import sys

import pytest
import yaml
from checkout import ROOT, copied, run_script, tree

OPERATION = "/v1/repository"
PARAMETER = {"$ref": "#/components/parameters/StatusFilter"}
KIND, STATUS = "headless", "Completed"

TODAY = (ROOT / "openapi" / "skaha.yaml").read_text()
YESTERDAY = yaml.safe_load(TODAY)
del YESTERDAY["paths"][OPERATION]
YESTERDAY["paths"]["/v1/session"]["get"]["parameters"].remove(PARAMETER)
YESTERDAY["paths"]["/v1/session"]["get"]["x-skaha-views"]["interactive"]["parameters"] = []
YESTERDAY["components"]["schemas"]["SessionKind"]["enum"].remove(KIND)
YESTERDAY["components"]["schemas"]["SessionStatus"]["enum"].remove(STATUS)

LAUNCH = """
import asyncio, json, sys, time
import skaha, skaha_api
from skaha_api import models
from skaha_api.api.session import create_session, delete_session, get_session, list_sessions

def ended(kind):
    form = models.NewSession(
        name="flow", image="images.canfar.net/skaha/terminal:1.1.2", cmd="true", type_=kind
    )
    session_id = create_session.sync(client=api, body=form).strip()
    limit = time.monotonic() + 30
    while (read := get_session.sync(session_id, client=api)).status in ("Pending", "Running"):
        assert time.monotonic() < limit
        time.sleep(0.02)
    return read

api = skaha.Session(server=sys.argv[1], token=sys.argv[2]).api
"""

OLD_CALLS = """
read = ended("headless")
words = {word.value for word in (*models.SessionKind, *models.SessionStatus)}
try:
    list_sessions.sync(client=api, status="Completed")
except TypeError as error:
    refused = str(error)
print(json.dumps({
    "client": skaha_api.__file__,
    "read": [read.type_, read.status],
    "are text": [type(read.type_) is str, type(read.status) is str],
    "known": sorted(words & {"headless", "Completed"}),
    "operation": hasattr(skaha_api.api, "repository"),
    "parameter": refused,
}))
"""

NEW_CALLS = """
from skaha_api.api.repository import list_repositories

read = ended(models.SessionKind.HEADLESS)
listed = {
    status.value: read.id in [one.id for one in list_sessions.sync(client=api, status=status)]
    for status in (models.SessionStatus.COMPLETED, models.SessionStatus.FAILED)
}
async def repositories():
    async with api:
        return await list_repositories.asyncio(client=api)

print(json.dumps({
    "client": skaha_api.__file__,
    "are members": [
        read.type_ is models.SessionKind.HEADLESS, read.status is models.SessionStatus.COMPLETED
    ],
    "listed": listed,
    "sync": list_repositories.sync(client=api),
    "async": asyncio.run(repositories()),
}))
"""


@pytest.fixture
def called(tmp_path, platform):
    """Describe, generate and call, all in a temporary tree."""
    root = copied(tmp_path)

    def call(description, calls):
        (root / "openapi" / "skaha.yaml").write_text(description)
        generated = run_script(root, "regenerate.py")
        assert (generated.returncode, generated.stderr) == (0, "")
        done = subprocess.run(
            [sys.executable, "-c", LAUNCH + calls, platform.url, platform.token],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "generated")])},
            check=True,
            capture_output=True,
            text=True,
        )
        said = json.loads(done.stdout)
        assert said.pop("client") == str(root / "generated" / "skaha_api" / "__init__.py")
        return said

    return call


def test_what_is_added_to_the_description_works_in_a_raw_call(called, tmp_path):
    assert called(yaml.safe_dump(YESTERDAY, sort_keys=False), OLD_CALLS) == {
        "read": [KIND, STATUS],
        "are text": [True, True],
        "known": [],
        "operation": False,
        "parameter": "sync() got an unexpected keyword argument 'status'",
    }
    assert called(TODAY, NEW_CALLS) == {
        "are members": [True, True],
        "listed": {STATUS: True, "Failed": False},
        "sync": ["images.canfar.net"],
        "async": ["images.canfar.net"],
    }
    assert tree(tmp_path / "generated") == tree(ROOT / "generated")
