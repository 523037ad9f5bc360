"""Sessions from launch to end: fields, events, logs, lists, renewal, deletion and apps."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from unittest.mock import MagicMock

import pytest

from skaha.local._api import _v0, _v1
from skaha.local._session import Session

FOURTEEN_DAYS, FOUR_DAYS = timedelta(days=14), timedelta(days=4)


def moment(text):
    return datetime.fromisoformat(text)


def test_a_session_from_start_to_end(platform, tmp_path):
    """Only its status changes; its job starts with the launch, so it always has both times."""
    blocker = platform.create(cmd="sleep", args="300", cores="8")
    before, go = datetime.now(UTC).replace(microsecond=0), tmp_path / "go"
    wait = f"until [ -e {go} ]; do sleep 0.01; done"
    session_id = platform.shell(wait, cores="2", ram="8", name="Life")
    pending = platform.session(session_id)
    assert pending["status"] == "Pending"
    assert before <= moment(pending["startTime"]) <= datetime.now(UTC)
    assert moment(pending["expiryTime"]) > before
    platform.delete(blocker)
    assert platform.wait(session_id, "Running") == pending | {"status": "Running"}
    go.touch()
    assert platform.wait(session_id, "Completed") == pending | {"status": "Completed"}


def test_a_delayed_start(launch):
    """Tests of waiting can make each start late."""
    platform = launch("--start-delay", "0.3")
    start = time.monotonic()
    platform.wait(platform.create(cmd="true"))
    assert time.monotonic() - start > 0.3


def test_times_of_a_queued_session(platform, v0_platform):
    """A job starts with its launch, but a pod of the v0 server starts when it leaves the queue."""
    times = {}
    for server in (platform, v0_platform):
        server.create(cmd="sleep", args="60", cores="8", ram="1")
        session = server.session(server.create(cmd="true", cores="8", ram="1"))
        assert session["status"] == "Pending"
        times[server] = [session["startTime"], session["expiryTime"]]
    assert times[v0_platform] == ["<none>", "<none>"]
    lifetime = moment(times[platform][1]) - moment(times[platform][0])
    assert abs(lifetime - FOURTEEN_DAYS) <= timedelta(seconds=1)


def test_a_queued_session_can_be_renewed(platform):
    """Its job is active."""
    platform.create(cmd="sleep", args="60", cores="8")
    queued = platform.create(cmd="true", cores="8")
    response = platform.client.post(f"/session/{queued}", data={"action": "renew"})
    assert response.status_code == 200


def test_a_queued_session_expires(launch, eventually):
    """The deadline of a job also holds for a pod that waits for a node."""
    platform = launch("--time-scale", "0.000002", "--cores", "8", "--ram", "64", "--grace", "1")
    ran = platform.home / "ran"
    platform.image("images.canfar.net/me/app:1", "touch", str(ran))
    platform.create(cmd="sleep", args="60", cores="8")  # this session expires after 2.4 s
    queued = platform.create(type="contributed", image="images.canfar.net/me/app:1", cores="8")
    # This session expires after 0.7 s.
    eventually(lambda: platform.client.get(f"/session/{queued}").status_code == 404)
    assert not ran.exists()


def test_the_date_of_a_response(platform):
    """A client can compare it with the start of a session."""
    response = platform.client.get("/session")
    date = parsedate_to_datetime(response.headers["date"])
    assert abs(datetime.now(UTC) - date) < timedelta(seconds=5)


def test_the_lifetime_of_a_batch_session(platform):
    """It is two weeks."""
    session = platform.session(platform.create(cmd="true"))
    # Both times are rounded down to a second, so their difference may be wrong by a second.
    lifetime = moment(session["expiryTime"]) - moment(session["startTime"])
    assert abs(lifetime - FOURTEEN_DAYS) <= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("parameters", "kind", "expected"),
    [
        ({}, "headless", None),
        ({"cores": "2"}, "headless", None),
        ({"ram": "4"}, "headless", ("4.29", "1")),
        ({"cores": "2", "ram": "32"}, "headless", ("34.36", "2")),
        ({"cores": "2", "ram": "16"}, "desktop", None),
        ({"cores": "2", "ram": "16"}, "firefly", ("4.29", "0.100")),
        ({}, "firefly", ("4.29", "0.100")),
    ],
)
def test_fixed_and_flexible_resources(platform, parameters, kind, expected):
    """A session with a memory request is fixed; only fixed sessions show their requests."""
    session = platform.session(platform.create(type=kind, cmd="true", **parameters))
    assert session["isFixedResources"] is (expected is not None)
    assert (session.get("requestedRAM"), session.get("requestedCPUCores")) == (
        expected or (None, None)
    )


@pytest.mark.parametrize("kind", ["carta", "contributed", "desktop", "firefly"])
def test_interactive_sessions_wait_for_their_image(platform, kind, eventually):
    """They are accepted, and their events show that the image is missing."""
    session_id = platform.create(type=kind)
    eventually(lambda: "ImagePullBackOff" in platform.events(session_id))
    session = platform.session(session_id)
    assert session["status"] == "Pending"
    assert session["connectURL"].startswith(f"http://{platform.url.split('/')[2]}/session/")
    lifetime = moment(session["expiryTime"]) - moment(session["startTime"])
    assert abs(lifetime - FOUR_DAYS) <= timedelta(seconds=1)


@pytest.mark.parametrize(
    ("release", "start"), [(_v1, "2026-07-31T12:00Z"), (_v0, "2026-07-31T12:00:00Z")]
)
def test_a_start_on_the_full_minute(release, start):
    """Java omits zero seconds in the start on v1; the expiry always has seconds."""
    noon = datetime(2026, 7, 31, 12, tzinfo=UTC).timestamp()
    fields = {"id": "a", "name": "a", "image": "i", "kind": "headless", "fixed": False}
    fields |= {"cores_limit": 8, "ram_limit": 32}
    session = Session(cores=1, ram=1, created=noon, started=noon + 0.5, lifetime=60, **fields)
    platform = MagicMock(**{"meter.of.return_value": None})
    shown = release.session_object(platform, session)
    assert (shown["startTime"], shown["expiryTime"]) == (start, "2026-07-31T12:01:00Z")


def test_a_failing_command(platform):
    """It runs once, and only the events show its exit status."""
    session_id = platform.shell("echo tried; exit 3")
    assert platform.wait(session_id, "Failed")["name"] == "job"
    assert platform.logs(session_id) == "tried\n"
    assert "Exit status 3" in platform.events(session_id)


@pytest.mark.parametrize("cmd", ["no-such-program", "no/such/program", "/etc", "/etc/passwd"])
def test_a_command_that_cannot_start(platform, cmd):
    """The session fails, its events show the reason, and its log is empty."""
    session_id = platform.create(cmd=cmd)
    platform.wait(session_id, "Failed")
    assert f'failed to start container: exec: "{cmd}"' in platform.events(session_id)
    assert platform.logs(session_id) == ""


def test_a_program_that_the_system_cannot_execute(platform):
    """A script needs a first line with its interpreter, as in a container."""
    script = platform.home / "no-interpreter"
    script.write_text("echo never\n")
    script.chmod(0o755)
    session_id = platform.create(cmd=str(script))
    platform.wait(session_id, "Failed")
    text = f'failed to start container: exec: "{script}": exec format error'
    assert text in platform.events(session_id)
    assert platform.logs(session_id) == ""


def test_no_command(platform):
    """The process runtime has no image with a command of its own."""
    session_id = platform.create()
    platform.wait(session_id, "Failed")
    assert "give cmd" in platform.events(session_id)


def test_events_are_a_table(platform, image):
    """At least three blanks separate the columns; the scheduler's event has no times."""
    session_id = platform.create(cmd="true", gpus="1")
    platform.wait(session_id)
    response = platform.client.get(f"/session/{session_id}", params={"view": "events"})
    assert response.headers["content-type"] == "text/plain"
    assert response.text.endswith("\n")
    head, *rows = [re.split(" {3,}", line) for line in response.text.splitlines()]
    assert head == ["TYPE", "REASON", "MESSAGE", "FIRST-TIME", "LAST-TIME"]
    assert [row[1] for row in rows] == [
        *("Scheduled", "GpusDropped", "ProcessRuntime", "Started", "Completed")
    ]
    assert rows[0][3:] == ["<nil>", "<nil>"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", rows[1][3])
    assert "dropped" in rows[1][2]
    assert f'on this machine, not in the image "{image}"' in rows[2][2]


def test_logs_contain_output_and_errors_in_order(platform, eventually):
    """This also works while the session runs, and for bytes that are not text."""
    session_id = platform.shell("echo out; echo err >&2; printf '\\377'; sleep 60")
    query = {"view": "logs"}
    eventually(lambda: platform.client.get(f"/session/{session_id}", params=query).content[8:])
    response = platform.client.get(f"/session/{session_id}", params=query)
    assert response.content == b"out\nerr\n\xff"


def test_logs_of_any_size(platform):
    """A log larger than all buffers arrives complete, in several chunks."""
    session_id = platform.shell("yes 0123456789abcde | head -c 50000000")
    platform.wait(session_id)
    url, size, chunks = f"/session/{session_id}", 0, 0
    with platform.client.stream("GET", url, params={"view": "logs"}) as response:
        assert response.headers["transfer-encoding"] == "chunked"
        for chunk in response.iter_bytes():
            size, chunks = size + len(chunk), chunks + 1
    assert size == 50_000_000
    assert chunks > 10


@pytest.mark.parametrize("view", ["event", "Logs", "EVENTS", "foo", "all", ""])
def test_an_unknown_view_returns_the_session(platform, view):
    """Only `logs` and `events` are views of a session."""
    session_id = platform.create(type="carta")
    response = platform.client.get(f"/session/{session_id}", params={"view": view})
    assert response.json()["id"] == session_id


def test_the_list_and_its_filters(platform):
    """Filters ignore case and can be combined; unknown and blank values match nothing."""
    done = platform.create(cmd="true", name="z")
    failed = platform.create(cmd="false", name="second")
    carta = platform.create(type="carta", name="a")
    platform.wait(done)
    platform.wait(failed, "Failed")

    def ids(**query):
        return [session["id"] for session in platform.sessions(**query)]

    assert ids() == [carta, *sorted([done, failed])]
    assert ids(type="CARTA") == [carta]
    assert ids(status="completed") == [done]
    assert ids(type="headless", status="Failed") == [failed]
    assert ids(view="nope") == ids()
    for query in (
        *({"type": "carta", "status": "Failed"}, {"type": ""}, {"status": ""}),
        *({"type": "nope"}, {"status": "Succeeded"}),
    ):
        assert ids(**query) == []


def test_interactive_view(platform):
    """It lists all other kinds than headless, with apps; it uses the status, but not the type."""
    platform.create(cmd="true")
    desktop = platform.create(type="desktop")
    app = platform.client.post(f"/session/{desktop}/app", data={"image": "a/b/c:1"}).text.strip()
    listed = platform.sessions(view="InterActive", type="headless")
    assert {(session["id"], session.get("appid")) for session in listed} == {
        (desktop, None),
        (desktop, app),
    }
    assert platform.sessions(view="interactive", status="Running") == []


def test_delete(platform, eventually):
    """A delete is always 200 and empty; the session and its log vanish immediately."""
    session_id = platform.create(cmd="sleep", args="60")
    platform.wait(session_id, "Running")
    for path in (session_id, session_id, "nope"):
        response = platform.delete(path)
        assert (response.status_code, response.content) == (200, b"")
        assert "content-type" not in response.headers
    assert platform.client.get(f"/session/{session_id}").status_code == 404
    assert platform.sessions() == []
    eventually(lambda: not (platform.state / "sessions" / session_id).exists())


def test_renew(fast_platform, eventually):
    """The expiry moves to a lifetime from now, if that is later."""
    platform = fast_platform
    carta, batch = platform.create(type="carta"), platform.create(cmd="sleep", args="60")
    platform.wait(batch, "Running")
    before = {i: platform.session(i)["expiryTime"] for i in (carta, batch)}

    def renewed():
        for session_id in (carta, batch):
            response = platform.client.post(f"/session/{session_id}", data={"action": "ReNew"})
            assert (response.status_code, response.content) == (200, b"")
            assert "content-type" not in response.headers
        return platform.session(carta)["expiryTime"] > before[carta]

    eventually(renewed)
    assert platform.session(batch)["expiryTime"] == before[batch]


def test_expiry_and_retention(launch, eventually):
    """A session fails at its expiry; finished sessions vanish after some time."""
    platform = launch("--time-scale", "0.000001", "--grace", "1")  # headless: 1.2 s
    ran, statuses = platform.home / "ran", set()
    session_id = platform.shell(f"touch {ran}; sleep 60")

    def is_gone():
        response = platform.client.get(f"/session/{session_id}")
        statuses.add(response.json()["status"] if response.status_code == 200 else None)
        return response.status_code == 404

    eventually(is_gone)
    assert statuses <= {"Pending", "Running", "Failed", None}
    assert ran.exists()
    assert platform.logs(session_id) == ""
    assert platform.sessions() == []


def test_old_events_are_deleted(fast_platform, eventually):
    """A session may be older than its events."""
    platform = fast_platform
    session_id = platform.create(type="carta")
    eventually(lambda: platform.events(session_id) == "<none>\n")
    assert platform.session(session_id)["status"] == "Pending"


def test_args_env_and_variables_of_the_server(platform):
    """`cmd` is a single word, `args` are split at blanks, and some entries of `env` are dropped."""
    script = platform.home / "show.sh"
    script.write_text('for word; do echo "<$word>"; done; env')
    session_id = platform.create(
        cmd="sh",
        args=f"{script} a  'b c'  ",
        env=["A=1", "DROPPED=a=b", "EMPTY=", "KEPT=x=", "HOME=/else", "skaha_username=other"],
        cores="2",
    )
    session = platform.wait(session_id)
    lines = platform.logs(session_id).splitlines()
    assert lines[:4] == ["<a>", "<>", "<'b>", "<c'>"]
    variables = dict(line.split("=", 1) for line in lines[4:])
    assert variables["A"] == "1"
    assert variables["KEPT"] == "x"
    assert not {"DROPPED", "EMPTY", "A_SECRET"} & set(variables)
    assert variables["skaha_sessionid"] == session_id
    assert variables["skaha_username"] == session["userid"]
    assert variables["skaha_hostname"]
    assert variables["HOME"] == variables["PWD"] == str(platform.home)
    assert variables["OMP_NUM_THREADS"] == "2"


def test_backslashes_are_removed(platform):
    """The server's pattern removes some of them, and its template the others."""
    session_id = platform.create(cmd="echo", args="a\\nb c\\\\nd \\$HOME")
    platform.wait(session_id)
    assert platform.logs(session_id) == "anb c\nd $HOME\n"


def test_python_is_the_interpreter_of_the_platform(platform):
    """Therefore a session can import the packages that its owner has installed."""
    session_id = platform.create(cmd="python3", args="-c import(psutil)")
    platform.wait(session_id, "Failed")
    session_id = platform.create(cmd="python3", args="-m skaha.local --help")
    platform.wait(session_id)
    assert "skaha.local" in platform.logs(session_id)


def test_variables_that_the_shell_cannot_pass_on(platform):
    """An event names them."""
    session_id = platform.create(cmd="env", env=["a.b=c", "D=e"])
    platform.wait(session_id)
    assert "D=e" in platform.logs(session_id)
    assert "a.b" in platform.events(session_id)


def test_apps_of_several_desktops(platform):
    """The list of a desktop has the apps of all desktops; the list of sessions has no apps."""
    first, second = platform.create(type="desktop"), platform.create(type="desktop")
    client = platform.client
    app = client.post(f"/session/{first}/app", data={"image": "a/b:1"}).text.strip()
    session = client.get(f"/session/{first}/app/{app}").json()
    assert client.get(f"/session/{second}/app").json() == [session]
    assert client.get(f"/session/{first}").json()["type"] == "desktop"
    assert {s["id"] for s in platform.sessions()} == {first, second}
    assert platform.sessions(type="desktop-app") == [session]


def test_images(platform):
    """The list has all images or those of a type."""
    images = platform.client.get("/image").json()
    assert all(set(image) == {"id", "types", "digest"} for image in images)
    assert "images.canfar.net/skaha/terminal:1.1.1" in [image["id"] for image in images]
    notebooks = platform.client.get("/image", params={"type": "notebook"}).json()
    assert notebooks == [image for image in images if "notebook" in image["types"]]
    assert notebooks


def test_statistics(platform):
    """Running sessions count as requested; the whole machine counts as available."""
    session_id = platform.create(cmd="sleep", args="60", cores="2", ram="8")
    platform.wait(session_id, "Running")
    stats = platform.client.get("/session", params={"view": "stats", "type": "nope"})
    assert stats.text == json.dumps(
        {
            "cores": {
                "requestedCPUCores": 2.0,
                "cpuCoresAvailable": 8.0,
                "maxCPUCores": {"cpuCores": 8.0, "withRam": "32Gi"},
            },
            "ram": {
                "requestedRAM": "8.59G",
                "ramAvailable": "68.719G",
                "maxRAM": {"ram": "32Gi", "withCPUCores": 8.0},
            },
        },
        indent=2,
    )
