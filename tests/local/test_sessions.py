"""Sessions from launch to end: fields, events, logs, lists, renewal, deletion and apps."""

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from unittest.mock import MagicMock

import httpx
import pytest

from skaha.local._api import _v0, _v1
from skaha.local._session import Session

FOURTEEN_DAYS, FOUR_DAYS = timedelta(days=14), timedelta(days=4)


def moment(text):
    return datetime.fromisoformat(text)


def test_a_session_from_start_to_end(slow_platform):
    """Only its status changes; its job starts with the launch, so it always has both times."""
    platform = slow_platform
    before = datetime.now(UTC).replace(microsecond=0)
    session_id = platform.create(cmd="sleep", args="0.3", cores="2", ram="8", name="Life")
    pending = platform.session(session_id)
    assert pending["status"] == "Pending"
    assert before <= moment(pending["startTime"]) <= datetime.now(UTC)
    assert moment(pending["expiryTime"]) > before
    assert platform.wait(session_id, "Running") == pending | {"status": "Running"}
    assert platform.wait(session_id, "Completed") == pending | {"status": "Completed"}


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


def test_a_queued_session_can_be_renewed_and_expires(launch):
    """Its job is active; the deadline of the job also holds for a pod that waits for a node."""
    platform = launch("--time-scale", "0.000002", "--cores", "8", "--ram", "64", "--grace", "1")
    # A headless session expires after 2.4 s here.
    running = platform.create(cmd="sleep", args="60", cores="8")
    queued = platform.create(type="contributed", cores="8")  # this session expires after 0.7 s
    response = platform.client.post(f"/session/{queued}", data={"action": "renew"})
    assert response.status_code == 200
    platform.wait(queued, "Failed")
    assert platform.session(running)["status"] == "Running"


def test_the_date_of_a_response(platform):
    """A client can compare it with the start of a session."""
    response = platform.client.get("/session")
    date = parsedate_to_datetime(response.headers["date"])
    assert abs(datetime.now(UTC) - date) < timedelta(seconds=5)


def test_fields_and_their_order(platform, image):
    """Numbers are texts, unknown values are absent, and the order is that of the server."""
    session_id = platform.create(cmd="true", cores="2", ram="8", gpus="1")
    session = platform.wait(session_id)
    assert list(session) == [
        *("id", "userid", "runAsUID", "runAsGID", "supplementalGroups", "image", "type"),
        *("status", "name", "startTime", "expiryTime", "connectURL", "requestedRAM"),
        *("requestedCPUCores", "requestedGPUCores", "isFixedResources"),
    ]
    assert session["image"] == image
    assert session["connectURL"] == ""
    assert session["requestedRAM"] == "8.59"
    assert session["requestedCPUCores"] == "2"
    assert session["requestedGPUCores"] == "0"
    assert session["isFixedResources"] is True
    assert session["runAsUID"].isdigit()
    assert all(isinstance(group, int) for group in session["supplementalGroups"])
    # Both times are rounded down to a second, so their difference may be wrong by a second.
    lifetime = moment(session["expiryTime"]) - moment(session["startTime"])
    assert abs(lifetime - FOURTEEN_DAYS) <= timedelta(seconds=1)
    assert "Z" in session["startTime"]


def test_json_is_indented(platform):
    """The indent is two blanks; there is no line feed at the end and no escape of `&`."""
    assert platform.client.get("/session").text == "[]"
    session_id = platform.create(type="desktop")
    text = platform.client.get(f"/session/{session_id}").text
    assert text.startswith('{\n  "id": "')
    assert text.endswith("\n}")
    assert "&path=" in text


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


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("carta", "/session/carta/{id}/"),
        ("contributed", "/session/contrib/{id}/"),
        ("desktop", "/session/desktop/{id}/?password={id}&path=session/desktop/{id}/"),
        ("firefly", "/session/firefly/{id}/firefly/"),
    ],
)
def test_interactive_sessions_wait_for_their_image(platform, kind, path, eventually):
    """They are accepted, have a connectURL, and their events show that the image is missing."""
    session_id = platform.create(type=kind)
    eventually(lambda: "ImagePullBackOff" in platform.events(session_id))
    session = platform.session(session_id)
    assert session["status"] == "Pending"
    host = platform.url.split("/")[2]
    expected = path.format(id=session_id, user=session["userid"])
    assert session["connectURL"] == f"http://{host}{expected}"
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
    shown = release.session_object(MagicMock(), session)
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


def test_events_of_a_missing_session(platform):
    """The text of this 404 ends with a full stop; that of the session itself does not."""
    for query, text in (({"view": "events"}, "session nope not found.\n"), ({}, None)):
        response = platform.client.get("/session/nope", params=query)
        assert (response.status_code, response.text) == (404, text or "session nope not found\n")


def test_logs_of_a_missing_session(platform):
    """They are 200 and empty, like those of a session before its start."""
    for session_id in ("nope", platform.create(type="carta")):
        response = platform.client.get(f"/session/{session_id}", params={"view": "logs"})
        assert (response.status_code, response.text) == (200, "")
        assert response.headers["content-type"] == "text/plain"


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


@pytest.mark.parametrize("session_id", ["a_", "a b", "%25", "-a"])
def test_a_malformed_id(platform, session_id):
    """An id that is not a valid label is refused before the search."""
    response = platform.client.get(f"/session/{session_id}")
    text = "canfar.net/id label value must match Kubernetes label value syntax\n"
    assert (response.status_code, response.text) == (400, text)


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


def test_sessions_of_all_users_have_four_fields(platform):
    """They have no id and no name."""
    done = platform.create(cmd="true")
    own = platform.wait(done)
    (public,) = platform.sessions(view="all")
    assert public == {name: own[name] for name in ("userid", "type", "status", "startTime")}
    assert platform.sessions(view="all", type="carta") == []


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
    """A delete is always 200 and empty; the session and its log vanish at once."""
    session_id = platform.create(cmd="sleep", args="60")
    platform.wait(session_id, "Running")
    for path in (session_id, session_id, "nope"):
        response = platform.delete(path)
        assert (response.status_code, response.content) == (200, b"")
        assert "content-type" not in response.headers
    assert platform.client.get(f"/session/{session_id}").status_code == 404
    assert platform.sessions() == []
    eventually(lambda: not (platform.state / "sessions" / session_id).exists())


def test_delete_everything(platform):
    """A delete without an id is refused."""
    response = platform.client.delete("/session")
    assert (response.status_code, response.text) == (400, "Cannot kill all sessions.\n")


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


def test_a_renewal_that_is_refused(platform):
    """The action is missing or unknown, or the session is not active."""
    done = platform.create(cmd="true")
    user, uid, gid = map(platform.wait(done).get, ("userid", "runAsUID", "runAsGID"))
    user = f"PosixPrincipal [uidNumber={uid},{gid},{user}]"
    for session_id, action, text in (
        (done, {}, "Cannot modify an existing session"),
        (done, {"action": "pause"}, "unrecognized action"),
        (done, {"action": "renew"}, f"No active job for user {user} with session {done}"),
        ("nope", {"action": "renew"}, f"No active job for user {user} with session nope"),
    ):
        response = platform.client.post(f"/session/{session_id}", data=action)
        assert (response.status_code, response.text) == (400, f"{text}\n")


def test_expiry_and_retention(launch, eventually):
    """A session fails at its expiry; finished sessions vanish after some time."""
    platform = launch("--time-scale", "0.000001", "--grace", "1")  # headless: 1.2 s
    session_id = platform.create(cmd="sleep", args="60")
    platform.wait(session_id, "Running")
    statuses = set()

    def is_gone():
        response = platform.client.get(f"/session/{session_id}")
        statuses.add(response.json()["status"] if response.status_code == 200 else None)
        return response.status_code == 404

    eventually(is_gone)
    assert statuses <= {"Running", "Failed", None}
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


def test_apps_of_a_desktop(platform):
    """Apps can be attached, listed, read and deleted; a list has the apps of all desktops."""
    first, second = platform.create(type="desktop"), platform.create(type="desktop")
    client = platform.client
    image = "anywhere.org/skaha/terminal:1.2.0"
    response = client.post(f"/session/{first}/app", data={"image": image, "name": "x"})
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain")
    assert re.fullmatch(r"[a-z][a-z0-9]{2}\n", response.text)
    app = response.text.strip()
    session = client.get(f"/session/{first}/app/{app}").json()
    assert session["id"] == first
    assert session["appid"] == app
    assert session["type"] == "desktop-app"
    assert session["name"] == "terminal-1-2-0"
    assert session["connectURL"] == ""
    assert client.get(f"/session/{second}/app").json() == [session]
    assert client.get(f"/session/{first}").json()["type"] == "desktop"
    assert {s["id"] for s in platform.sessions()} == {first, second}
    assert platform.sessions(type="desktop-app") == [session]
    assert platform.events(first) == "<none>\n"
    assert client.delete(f"/session/{first}/app/nope").status_code == 200
    assert client.delete(f"/session/{first}/app/{app}").status_code == 200
    text = f"desktop app with session {first} and app ID {app} was not found\n"
    gone = client.get(f"/session/{first}/app/{app}")
    assert (gone.status_code, gone.text) == (404, text)


def test_apps_end_with_their_desktop(platform):
    """A delete of the desktop also deletes its apps."""
    desktop = platform.create(type="desktop")
    platform.client.post(f"/session/{desktop}/app", data={"image": "a"})
    platform.delete(desktop)
    assert platform.sessions(view="interactive") == []


def test_invalid_requests_for_apps(platform):
    """Only new apps for an existing desktop are accepted."""
    client = platform.client
    carta = platform.create(type="carta")
    desktop = platform.create(type="desktop")
    for path, data, status, text in (
        (f"{desktop}/app", {}, 400, "Missing parameter 'image'"),
        (f"{desktop}/app", {"image": "a", "cores": "99"}, 400, "Invalid value for 'cores': 99"),
        ("nope/app", {"image": "a"}, 404, "session nope not found"),
        (f"{carta}/app", {"image": "a"}, 404, f"session {carta} not found"),
        (f"{desktop}/app/abc", {}, 400, "Missing parameter 'image'"),
        (f"{desktop}/app/abc", {"image": "a"}, 400, "Cannot modify an existing app."),
    ):
        response = client.post(f"/session/{path}", data=data)
        assert (response.status_code, response.text) == (status, f"{text}\n")
    response = client.delete(f"/session/{desktop}/app")
    assert (response.status_code, response.text) == (400, "Missing app ID\n")


def test_context(platform):
    """It is on one line, and has no fields of older releases."""
    response = platform.client.get("/context")
    assert response.headers["content-type"] == "application/json"
    assert "\n" not in response.text
    context = response.json()
    assert context["maxInteractiveSessions"] == "5"
    assert set(context["cores"]) == {"default", "defaultLimit", "options", "defaultRequest"}
    assert set(context["memoryGB"]) == set(context["cores"])


def test_images(platform):
    """The list has all images or those of a type; the case of the type matters."""
    images = platform.client.get("/image").json()
    assert all(set(image) == {"id", "types", "digest"} for image in images)
    assert "images.canfar.net/skaha/terminal:1.1.1" in [image["id"] for image in images]
    notebooks = platform.client.get("/image", params={"type": "notebook"}).json()
    assert notebooks == [image for image in images if "notebook" in image["types"]]
    assert notebooks
    for kind in ("Notebook", "nope", ""):
        response = platform.client.get("/image", params={"type": kind})
        assert (response.status_code, response.text) == (400, f"unknown type: {kind}\n")


def test_repositories(platform):
    """There is one registry, on one line."""
    assert platform.client.get("/repository").text == '["images.canfar.net"]'


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


def test_capabilities(platform):
    """They contain this platform's URL, and also v0, which is not served; a HEAD has no body."""
    response = platform.client.get(f"{platform.url}/capabilities")
    assert response.headers["content-type"].startswith("text/xml")
    assert f">{platform.url}/v1/session</accessURL>" in response.text
    assert f">{platform.url}/v0</accessURL>" in response.text
    assert response.text.count('standardID="ivo://ivoa.net/sso#token"') == 5
    assert response.text.count('<accessURL use="full">') == 2
    for count, text in ((17, '<accessURL use="base">'), (17, ' role="std" version="1.0">')):
        assert response.text.count(text) == count - 1
    assert "\r\n" in response.text
    head = platform.client.head(f"{platform.url}/capabilities")
    assert head.content == b""
    assert "content-type" not in head.headers
    for answer in (response, head):
        assert answer.headers["server"] == "OpenCADC/cadc-rest + cadc-vosi-1.4"


def test_availability(platform):
    """The service is available; the response with minimum detail is empty."""
    response = platform.client.get(f"{platform.url}/availability")
    assert response.headers["content-type"].startswith("text/xml")
    assert response.text == (
        '<?xml version="1.0" encoding="UTF-8"?>\r\n'
        '<vosi:availability xmlns:vosi="http://www.ivoa.net/xml/VOSIAvailability/v1.0">\r\n'
        "  <vosi:available>true</vosi:available>\r\n"
        "  <vosi:note>Skaha Service Available.\r\n\r\nEnabled Experimental Features:\r\n"
        " ExperimentalFeatures{featureGates={}}</vosi:note>\r\n"
        "  <!--<clientip>127.0.0.1</clientip>-->\r\n"
        "</vosi:availability>\r\n"
    )
    least = platform.client.get(f"{platform.url}/availability", params={"detail": "min"})
    assert (least.status_code, least.text) == (200, "")
    url = f"{platform.url}/availability"
    head = httpx.head(url, trust_env=False)
    assert (head.status_code, head.headers["content-type"]) == (200, "text/xml")
    post = httpx.post(url, trust_env=False)
    assert (post.status_code, post.headers["location"]) == (302, url)
    for method in ("PUT", "DELETE"):
        refused = httpx.request(method, url, trust_env=False)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
        assert f"HTTP method {method} is not supported by this URL" in refused.text


def test_log_control(platform):
    """Only operators may use it, and this platform has no operators."""
    assert platform.client.get(f"{platform.url}/logControl").status_code == 403
