"""Behaviour of the real server that needs several requests, and differences of the profiles."""

import base64
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx

UNLISTED_IMAGE = "images.canfar.net/own/image:1"
ID = re.compile(r"[a-z][a-z0-9]{7}\n")


def assert_response(response, status, text):
    assert (response.status_code, response.text) == (status, text)


def test_each_profile_serves_only_its_own_version(platform, v0_platform):
    for server, other in ((platform, "v0"), (v0_platform, "v1")):
        assert server.client.get("/context").status_code == 200
        assert server.client.get(f"{server.url}/{other}/context").status_code == 404
    v1_fields, v0_fields = (
        set(server.session(server.create(cmd="true"))) for server in (platform, v0_platform)
    )
    assert "isFixedResources" in v1_fields - v0_fields
    assert {"appid", "gpuUtilization"} <= v0_fields - v1_fields


def test_format_of_ids_and_names(platform):
    ids = [platform.create(name="Same", cmd="true") for _ in range(2)]
    assert len(set(ids)) == 2
    assert all(ID.fullmatch(f"{session_id}\n") for session_id in ids)
    assert {platform.session(session_id)["name"] for session_id in ids} == {"same"}
    desktop = platform.create(type="desktop")
    image = f"a/{'B' * 60}_c.d:1"
    app = platform.client.post(f"/session/{desktop}/app", data={"image": image})
    assert re.fullmatch(r"[a-z][a-z0-9]{2}\n", app.text)
    assert platform.sessions(type="desktop-app")[0]["name"] == f"{'b' * 60}-c-"


def test_unknown_values_are_filled_in_on_v0(v0_platform):
    session_id = v0_platform.create(cmd="true", cores="2", ram="8")
    filled = v0_platform.wait(session_id, "Succeeded")
    assert list(filled) == [
        *("id", "userid", "runAsUID", "runAsGID", "supplementalGroups", "appid", "image", "type"),
        *("status", "name", "startTime", "expiryTime", "connectURL", "requestedRAM"),
        *("requestedCPUCores", "requestedGPUCores", "ramInUse", "gpuRAMInUse", "cpuCoresInUse"),
        "gpuUtilization",
    ]
    assert filled["requestedRAM"] == "8G"
    assert filled["connectURL"] == "not-applicable"
    assert filled["requestedGPUCores"] == "0"
    assert {filled[name] for name in ("appid", "ramInUse", "gpuUtilization")} == {"<none>"}
    desktop = v0_platform.session(v0_platform.create(type="desktop", image=UNLISTED_IMAGE))
    assert desktop["requestedGPUCores"] == "<none>"


def test_an_interactive_session_may_turn_back(platform, eventually):
    platform.image("images.canfar.net/me/page:1", "python3", "-m", "http.server", "{port}")
    page = platform.create(type="contributed", image="images.canfar.net/me/page:1")
    platform.wait(page, "Running")
    platform.faults(flap=0.2)
    eventually(lambda: platform.session(page)["status"] == "Pending")
    eventually(lambda: platform.session(page)["status"] == "Running")
    assert "startTime" in platform.session(page)


def test_the_v0_profile_says_succeeded(v0_platform):
    session_id = v0_platform.create(cmd="true")
    v0_platform.wait(session_id, "Succeeded")
    assert v0_platform.sessions(status="completed") == []
    assert [session["id"] for session in v0_platform.sessions(status="succeeded")] == [session_id]


def test_a_failed_session_does_not_restart_and_finished_sessions_vanish(fast_platform, eventually):
    platform = fast_platform
    ran = platform.home / "ran"
    failed = platform.shell(f"echo ran >> {ran}; exit 1")
    eventually(lambda: platform.client.get(f"/session/{failed}").status_code == 404)
    assert platform.logs(failed) == ""
    assert ran.read_text() == "ran\n"


def test_a_session_before_its_start_has_no_log_and_no_events(launch):
    platform = launch("--start-delay", "600")
    session_id = platform.create(type="carta")
    assert platform.logs(session_id) == ""
    assert platform.events(session_id) == "<none>\n"


def test_delete_of_a_missing_session_is_200_on_v1_and_404_on_v0(platform, v0_platform):
    assert_response(platform.delete("nope"), 200, "")
    assert_response(v0_platform.delete("nope"), 404, "nope\n")
    for server in (platform, v0_platform):
        assert_response(server.client.delete("/session"), 400, "Cannot kill all sessions.\n")
        first, second = (server.create(type="desktop", image=UNLISTED_IMAGE) for _ in range(2))
        app = server.client.post(f"/session/{first}/app", data={"image": "a/b:1"}).text.strip()
        (listed,) = server.client.get(f"/session/{second}/app").json()
        assert (listed["id"], listed["appid"]) == (first, app)
        server.delete(first)
        remaining = [app["appid"] for app in server.client.get(f"/session/{second}/app").json()]
        assert remaining == ([] if server is platform else [app])
        server.client.delete(f"/session/{first}/app/{app}")


def test_interactive_sessions_share_a_limit_and_headless_sessions_have_none(platform, v0_platform):
    for server, limit in ((platform, 5), (v0_platform, 3)):
        kinds = ("carta", "desktop", "firefly", "carta", "desktop")
        for kind in kinds[:limit]:
            server.create(type=kind, image=UNLISTED_IMAGE)
        user = server.sessions()[0]["userid"]
        text = f"User {user} has reached the maximum of {limit} active sessions.\n"
        response = server.post(type="carta", image=UNLISTED_IMAGE)
        assert_response(response, 400, text)
        server.create(cmd="true")


def test_the_profiles_read_amounts_in_different_ways(platform, v0_platform):
    assert platform.post(cores="2.9", ram="", gpus="").status_code == 200
    for name, value in (("cores", "2.9"), ("cores", ""), ("ram", ""), ("gpus", "")):
        assert_response(
            v0_platform.post(**{name: value}), 400, f"Invalid value for '{name}': {value}\n"
        )


def test_sizes_on_v0_are_defaults_of_the_kinds(v0_platform):
    for kind, ram, cores in (
        ("headless", "4G", "1"),
        ("carta", "2G", "1"),
        ("desktop", "1G", "0.25"),
    ):
        session = v0_platform.session(
            v0_platform.create(type=kind, cmd="true", image=UNLISTED_IMAGE)
        )
        assert (session["requestedRAM"], session["requestedCPUCores"]) == (ram, cores)


def test_images_are_checked_before_other_parameters_on_v0(platform, v0_platform):
    unknown = {"image": "images.canfar.net/skaha/terminal", "type": "nope"}
    assert platform.post(**unknown).text == "Invalid session type: nope\n"
    assert v0_platform.post(**unknown).text.startswith("No authentication provided")
    headers = {"x-skaha-registry-auth": base64.b64encode(b"user:secret").decode()}
    data = {"name": "job", "image": "images.canfar.net/a/untagged", "cmd": "true"}
    response = platform.client.post("/session", data=data, headers=headers)
    assert response.status_code == 200
    carta = "images.canfar.net/skaha/carta:5.1.0"
    assert platform.post(image=carta, cmd="true").status_code == 200
    assert_response(v0_platform.post(image=carta), 400, f"image/type mismatch: {carta}/headless\n")


def test_credentials_on_v0(v0_platform):
    response = v0_platform.client.get("/session")
    assert response.headers["server"] == "OpenCADC/cadc-rest"
    assert response.headers["x-vo-authenticated"]
    url = f"{v0_platform.url}/v0/session"
    anonymous = httpx.get(url, trust_env=False)
    assert_response(anonymous, 401, "Unauthorized\n")
    assert anonymous.headers["www-authenticate"] == "Bearer"
    assert anonymous.headers["server"] == "OpenCADC/cadc-rest"
    bad = httpx.get(url, headers={"authorization": "Bearer nope"}, trust_env=False)
    assert_response(bad, 401, "Cannot validate token using user info endpoint")
    assert "server" not in bad.headers
    callback = {"x-auth-token-skaha": "nope"}
    assert httpx.get(url, headers=callback, trust_env=False).status_code == 500


def test_statistics_may_be_missing_and_count_sessions_on_v0(launch, platform, v0_platform):
    query = {"view": "stats"}
    response = launch("--no-stats").client.get("/session", params=query)
    assert_response(response, 503, "temporarily unavailable: null\n")
    assert response.headers["retry-after"] == "30"
    assert set(platform.sessions(**query)) == {"cores", "ram"}
    v0_platform.wait(v0_platform.create(cmd="sleep", args="60", ram="4"), "Running")
    stats = v0_platform.sessions(**query)
    assert stats["instances"] == {"session": 0, "desktopApp": 0, "headless": 1, "total": 1}
    assert (stats["ram"]["requestedRAM"], stats["ram"]["ramAvailable"]) == ("4G", "64G")
    broken = launch("--no-stats", version="v0").client.get("/session", params=query)
    assert broken.status_code == 500
    assert broken.text.endswith("failed to gather resource statistics")


def test_lists_are_in_the_order_of_the_job_names(platform):
    kinds = ("headless", "firefly", "carta", "desktop", "carta")
    for kind in kinds:
        platform.create(type=kind, cmd="true")
    listed = [(session["type"], session["id"]) for session in platform.sessions()]
    assert listed == sorted(listed)
    assert len(listed) == 5


def test_faults_can_be_injected(platform, v0_platform, eventually):
    platform.faults(refused_creates=[2], phantom_creates=[3])
    assert platform.post(cmd="true").status_code == 200
    broken = platform.post(cmd="true")
    assert broken.status_code == 500
    assert broken.text.startswith("unexpected exception: java.lang.")
    assert not broken.text.endswith("\n")
    assert platform.client.get(f"/session/{platform.create(cmd='true')}").status_code == 404
    assert len(platform.sessions()) == 1

    platform.faults(unavailable=1, retry_after=7, broken=1)
    response = platform.client.get("/session/abc")
    assert_response(response, 503, "temporarily unavailable: abc\n")
    assert response.headers["retry-after"] == "7"
    assert platform.client.get("/context").status_code == 500
    assert platform.client.get("/context").status_code == 200

    platform.faults(create_delay=0.3, stuck="ill")
    start = time.monotonic()
    stuck = platform.create(name="Ill-1", cmd="true")
    assert time.monotonic() - start > 0.3
    eventually(lambda: "ImagePullBackOff" in platform.events(stuck))
    assert platform.session(stuck)["status"] == "Pending"

    session_id = platform.create(cmd="echo", args="x" * 1000)
    platform.wait(session_id)
    platform.faults(log_rate=4000)
    start = time.monotonic()
    assert platform.logs(session_id) == "x" * 1000 + "\n"
    assert time.monotonic() - start > 0.2

    # The v0 server does not notice that Kubernetes refuses a headless job.
    phantom = v0_platform.create(name="ends-in-", cmd="true")
    assert v0_platform.client.get(f"/session/{phantom}").status_code == 404


def test_an_unknown_fault_is_an_error_with_all_names(platform):
    platform.faults(no_such_fault=1)
    response = platform.client.get("/session")
    assert response.status_code == 500
    assert "no_such_fault" in response.text
    assert "refused_creates" in response.text


def test_a_busy_server_shows_pending_at_the_end(platform, eventually, tmp_path):
    go = tmp_path / "go"
    session_id = platform.shell(f"until [ -e {go} ]; do sleep 0.01; done; exit 1")
    platform.wait(session_id, "Running")
    platform.faults(end_delay=600)
    go.touch()
    eventually(lambda: platform.session(session_id)["status"] != "Running")
    assert platform.session(session_id)["status"] == "Pending"
    platform.faults()
    assert platform.session(session_id)["status"] == "Failed"


def test_a_busy_server_counts_late(platform, image):
    # All creates are checked before the first session counts.
    platform.faults(create_delay=2)
    launch = {"name": "six", "image": image, "type": "carta"}
    with ThreadPoolExecutor(6) as pool:
        creates = [pool.submit(platform.client.post, "/session", data=launch) for _ in range(6)]
    assert [create.result().status_code for create in creates] == [200] * 6
    platform.faults()
    assert platform.post(type="carta").text.endswith("reached the maximum of 5 active sessions.\n")


def test_other_differences_of_the_v0_profile(v0_platform):
    """The context, the capabilities, the views and the errors of ids differ."""
    context = v0_platform.client.get("/context")
    assert context.text == json.dumps(context.json(), indent=2)
    assert "maxInteractiveSessions" not in context.json()
    assert context.json()["cores"]["defaultHeadless"] == 1
    assert context.json()["memoryGB"]["defaultHeadless"] == 4
    capabilities = v0_platform.client.get(f"{v0_platform.url}/capabilities").text
    assert "sessions-1.0" in capabilities
    assert "session-1<" not in capabilities.replace('"', "<")
    session_id = v0_platform.create(cmd="true")
    listed = v0_platform.sessions(view="interactive")
    assert [session["id"] for session in listed] == [session_id]
    assert v0_platform.client.get("/session/a_").status_code == 500
    assert_response(v0_platform.post(name=" "), 400, "name must have a value\n")
    desktop = v0_platform.create(type="desktop", image=UNLISTED_IMAGE)
    v0_platform.client.post(f"/session/{desktop}/app", data={"image": "a/b:1"})
    kinds = {session["type"]: session for session in v0_platform.sessions()}
    assert kinds["desktop-app"]["name"] == "<none>"
    carta = v0_platform.session(v0_platform.create(type="carta", image=UNLISTED_IMAGE))
    assert carta["connectURL"].endswith(f"/session/carta/http/{carta['id']}/")
    old_carta = {"type": "carta", "image": "images.canfar.net/own/carta:1.4"}
    old = v0_platform.session(v0_platform.create(**old_carta))
    path, _, query = old["connectURL"].partition("?")
    assert path.endswith(f"/session/carta/http/{old['id']}/")
    assert query == f"socketUrl=ws://{path.split('/')[2]}/session/carta/ws/{old['id']}/"
    blanks = v0_platform.post(**old_carta | {"type": " carta "})
    assert_response(blanks, 400, "Invalid session type:  carta \n")
    renewal = v0_platform.client.post("/session/nosuch00", data={"action": "renew"})
    assert renewal.text.startswith("No active job for user PosixPrincipal [uidNumber=")
