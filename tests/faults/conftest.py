"""What the tests on a bad network share."""

from collections.abc import Iterator

import pytest
from faults.faulty import FaultyPlatform

from skaha import Retry

# Pauses so short that tests do not wait, and a deadline that is not reached by chance.
QUICK = Retry(
    attempts=12, deadline=30, first_pause=0.005, longest_pause=0.02, settle=0.05, stop_look_up=0.5
)
TIMEOUT = 0.3
IMAGE = "images.canfar.net/skaha/terminal:1.1.2"


@pytest.fixture
def faulty() -> Iterator[FaultyPlatform]:
    """A platform whose faults are scripted, and none happen by themselves."""
    with FaultyPlatform() as platform:
        yield platform
