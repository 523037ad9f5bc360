"""What a platform of one's own must reproduce to be honest: point by point, by number.

Other files look closer at many of these; here each has a test that carries its number. Where the
two profiles of the server differ, both are asked.
"""

import base64
import json
import re
import time

import httpx
import pytest

FORM = {"content-type": "application/x-www-form-urlencoded"}
OWN = "images.canfar.net/own/image:1"  # the registry has no label for it
ID = re.compile(r"[a-z][a-z0-9]{7}\n")


@pytest.fixture(autouse=True)
def _clean(request):
    """Leave no session and no fault behind."""
    yield
    for name in {"platform", "old"} & set(request.fixturenames):
        platform = request.getfixturevalue(name)
        platform.faults()
        for session in platform.sessions(view="interactive") + platform.sessions():
            platform.delete(session["id"])


def answered(response, status, text):
    assert (response.status_code, response.text) == (status, text)
    return True


def anonymous(platform, path="session"):
    return httpx.get(f"{platform.url}/{platform.version}/{path}", trust_env=False)


def test_01_one_profile_at_its_own_version_and_404_at_the_other(platform, old):
    for one, other in ((platform, "v0"), (old, "v1")):
        assert one.client.get("/context").status_code == 200
        assert one.client.get(f"{one.url}/{other}/context").status_code == 404
    new_fields, old_fields = (set(one.session(one.create(cmd="true"))) for one in (platform, old))
    assert "isFixedResources" in new_fields - old_fields
    assert {"appid", "ramInUse", "gpuUtilization"} <= old_fields - new_fields


def test_02_a_post_is_read_by_its_content_type(platform, image):
    launch = {"NAME": "n", "Image": image, "cmd": "true"}
    for content_type in ("application/json", None):
        headers = {"content-type": content_type} if content_type else {}
        response = platform.client.post("/session", params=launch, headers=headers)
        assert answered(response, 400, "Missing parameter 'image'\n")
    assert platform.client.post("/session", params=launch, headers=FORM).status_code == 200
    assert platform.client.post("/session", data=launch).status_code == 200
    parts = {name: (None, value) for name, value in launch.items()}
    assert platform.client.post("/session", files=parts).status_code == 200
    both = platform.client.post("/session", params={"name": "query"}, data=launch | {"name": "b"})
    assert answered(both, 400, "null\n")
    twice = platform.post(cmd="env", name=["first", "second"], env=["A=1", "B=2"])
    session_id = twice.text.strip()
    assert platform.wait(session_id)["name"] == "first"
    assert {"A=1", "B=2"} <= set(platform.logs(session_id).split())


def test_03_refusals_are_plain_text_with_the_servers_line_feeds(platform):
    for response, ends in (
        (platform.post(type="nope"), True),
        (platform.client.get("/session/nope"), True),
        (platform.post(cmd='say"hi'), False),
        (httpx.get(f"{platform.url}/v1/session", headers={"authorization": "Bearer no"}), False),
    ):
        assert response.status_code >= 400
        assert response.headers["content-type"] == "text/plain"
        assert int(response.headers["content-length"]) == len(response.content)
        assert response.text.endswith("\n") is ends


def test_04_the_first_thing_that_is_wrong_decides(platform, old):
    bad = {"type": "nope", "cores": "99", "ram": "3", "name": "a_b", "gpus": "0"}
    for right, text in (
        ({}, "Invalid session type: nope"),
        ({"type": "headless"}, "Invalid value for 'cores': 99"),
        ({"type": "headless", "cores": "1"}, "Invalid value for 'ram': 3"),
        (
            {"type": "headless", "cores": "1", "ram": "1"},
            "name can only contain alpha-numeric chars and '-'",
        ),
        (
            {"type": "headless", "cores": "1", "ram": "1", "name": "a"},
            "Invalid value for 'gpus': 0",
        ),
    ):
        assert answered(platform.post(**bad | right), 400, f"{text}\n")
    # The older server asks for the image's credential before all that, the newer one after it.
    unknown = {"image": "images.canfar.net/skaha/terminal"}
    assert platform.post(**bad | unknown).text == "Invalid session type: nope\n"
    assert old.post(**bad | unknown).text.startswith("No authentication provided")


def test_05_success_is_200_with_an_id_or_with_nothing(platform):
    created = platform.post(cmd="sleep", args="60")
    assert created.status_code == 200
    assert ID.fullmatch(created.text)
    assert "location" not in created.headers
    session_id = created.text.strip()
    platform.wait(session_id, "Running")
    for response in (
        platform.client.post(f"/session/{session_id}", data={"action": "renew"}),
        platform.delete(session_id),
    ):
        assert (response.status_code, response.content) == (200, b"")
        assert "content-type" not in response.headers


def test_06_ids_begin_with_a_letter_and_names_are_lower_case_and_not_unique(platform):
    ids = [platform.create(name="Same", cmd="true") for _ in range(2)]
    assert len(set(ids)) == 2
    assert all(ID.fullmatch(f"{one}\n") for one in ids)
    assert {platform.session(one)["name"] for one in ids} == {"same"}
    desktop = platform.create(type="desktop")
    app = platform.client.post(f"/session/{desktop}/app", data={"image": "a/b:1"})
    assert re.fullmatch(r"[a-z][a-z0-9]{2}\n", app.text)


def test_07_unknown_values_are_absent_or_filled_in(platform, old):
    new = platform.session(platform.create(cmd="true", cores="2", ram="8"))
    assert not {"appid", "ramInUse", "gpuRAMInUse"} & set(new)
    assert (new["requestedRAM"], new["requestedCPUCores"], new["connectURL"]) == ("8.59", "2", "")
    session_id = old.create(cmd="true", cores="2", ram="8")
    filled = old.wait(session_id, "Succeeded")
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
    desktop = old.session(old.create(type="desktop", image=OWN))
    assert desktop["requestedGPUCores"] == "<none>"


def test_08_states_come_late_and_an_interactive_one_may_turn_back(launch, eventually):
    platform = launch("--start-delay", "0.3", "--cores", "4", "--ram", "32", "--grace", "1")
    session_id = platform.create(cmd="sleep", args="0.2")
    pending = platform.session(session_id)
    assert pending["status"] == "Pending"
    assert not {"startTime", "expiryTime"} & set(pending)
    assert "startTime" in platform.wait(session_id, "Running")
    platform.wait(session_id, "Completed")
    platform.image("images.canfar.net/me/page:1", "python3", "-m", "http.server", "{port}")
    page = platform.create(type="contributed", image="images.canfar.net/me/page:1")
    platform.wait(page, "Running")
    platform.faults(flap=0.2)
    eventually(lambda: platform.session(page)["status"] == "Pending")
    eventually(lambda: platform.session(page)["status"] == "Running")
    assert "startTime" in platform.session(page)


def test_08_the_older_profile_has_another_word_for_a_good_end(old):
    session_id = old.create(cmd="true")
    old.wait(session_id, "Succeeded")
    assert old.sessions(status="completed") == []
    assert [session["id"] for session in old.sessions(status="succeeded")] == [session_id]


def test_09_a_failed_one_is_not_tried_again_and_finished_ones_vanish(launch, eventually):
    platform = launch("--time-scale", "0.0001")  # an hour is 0.36 seconds
    ran = platform.home / "ran"
    failed = platform.shell(f"echo ran >> {ran}; exit 1")
    platform.wait(failed, "Failed")
    eventually(lambda: platform.client.get(f"/session/{failed}").status_code == 404)
    assert platform.logs(failed) == ""
    assert ran.read_text() == "ran\n"


def test_10_connect_urls_are_there_in_every_status(platform):
    session_id = platform.create(type="firefly")
    session = platform.session(session_id)
    assert session["status"] == "Pending"
    assert session["connectURL"].endswith(f"/session/firefly/{session_id}/firefly/")


def test_11_logs_are_empty_and_events_none_or_404(launch, eventually):
    platform = launch("--time-scale", "0.0001", "--start-delay", "0.2")
    session_id = platform.create(type="carta")
    for one in (session_id, "nope"):
        response = platform.client.get(f"/session/{one}", params={"view": "logs"})
        assert answered(response, 200, "")
    unknown = platform.client.get("/session/nope", params={"view": "events"})
    assert answered(unknown, 404, "session nope not found.\n")
    assert platform.events(session_id) == "<none>\n"
    eventually(lambda: "<nil>" in platform.events(session_id))


def test_12_other_views_are_the_session(platform):
    session_id = platform.create(type="carta")
    for view in ("event", "Logs", "foo"):
        response = platform.client.get(f"/session/{session_id}", params={"view": view})
        assert response.json()["id"] == session_id


def test_13_filters_never_complain_but_that_of_the_images(platform):
    platform.create(type="carta")
    for query in ({"type": "nope"}, {"type": ""}, {"status": "nope"}, {"status": ""}):
        assert platform.sessions(**query) == []
    response = platform.client.get("/image", params={"type": "nope"})
    assert answered(response, 400, "unknown type: nope\n")


def test_14_what_is_not_yours_looks_missing_and_everybody_sees_four_fields(platform):
    # There is one user, so the only foreign session is one that is not there.
    response = platform.client.get("/session/foreign1")
    assert answered(response, 404, "session foreign1 not found\n")
    platform.wait(platform.create(cmd="true"))
    (public,) = platform.sessions(view="all")
    assert list(public) == ["userid", "type", "status", "startTime"]


def test_15_delete_says_nothing_or_in_the_older_profile_404(platform, old):
    assert answered(platform.delete("nope"), 200, "")
    assert answered(old.delete("nope"), 404, "nope\n")
    for one in (platform, old):
        assert answered(one.client.delete("/session"), 400, "Cannot kill all sessions.\n")
        first, second = (one.create(type="desktop", image=OWN) for _ in range(2))
        app = one.client.post(f"/session/{first}/app", data={"image": "a/b:1"}).text.strip()
        (listed,) = one.client.get(f"/session/{second}/app").json()
        assert (listed["id"], listed["appid"]) == (first, app)
        one.delete(first)
        left = [app["appid"] for app in one.client.get(f"/session/{second}/app").json()]
        assert left == ([] if one is platform else [app])
        one.client.delete(f"/session/{first}/app/{app}")


def test_16_interactive_sessions_share_a_limit_and_headless_ones_have_none(platform, old):
    for one, limit in ((platform, 5), (old, 3)):
        kinds = ("carta", "desktop", "firefly", "carta", "desktop")
        for kind in kinds[:limit]:
            one.create(type=kind, image=OWN)
        user = one.sessions()[0]["userid"]
        text = f"User {user} has reached the maximum of {limit} active sessions.\n"
        refused = one.post(type="carta", image=OWN)
        assert answered(refused, 400, text)
        one.create(cmd="true")


def test_17_resources_have_to_be_options_of_the_context(platform, old):
    assert answered(platform.post(gpus="0"), 400, "Invalid value for 'gpus': 0\n")
    assert answered(platform.post(ram="3"), 400, "Invalid value for 'ram': 3\n")
    assert answered(platform.post(cores="0.5"), 400, "Invalid value for 'cores': 0.5\n")
    assert platform.post(cores="2.9", ram="", gpus="").status_code == 200
    for name, value in (("cores", "2.9"), ("cores", ""), ("ram", ""), ("gpus", "")):
        assert answered(old.post(**{name: value}), 400, f"Invalid value for '{name}': {value}\n")


def test_18_flexible_sessions_hide_their_requests_and_sizes_are_decimal(platform, old):
    for asked, kind, shown in (
        ({}, "headless", (False, None, None)),
        ({"cores": "2"}, "headless", (False, None, None)),
        ({"ram": "32"}, "headless", (True, "34.36", "1")),
        ({"cores": "2", "ram": "16"}, "desktop", (False, None, None)),
        ({"cores": "2", "ram": "16"}, "firefly", (True, "4.29", "0.100")),
    ):
        session = platform.session(platform.create(type=kind, cmd="true", **asked))
        found = (
            session["isFixedResources"],
            *map(session.get, ("requestedRAM", "requestedCPUCores")),
        )
        assert found == shown
    own = {"image": OWN}
    for kind, ram, cores in (
        ("headless", "4G", "1"),
        ("carta", "2G", "1"),
        ("desktop", "1G", "0.25"),
    ):
        session = old.session(old.create(type=kind, cmd="true", **own))
        assert (session["requestedRAM"], session["requestedCPUCores"]) == (ram, cores)


def test_19_commands_are_not_quoted_and_dollars_are_refused(platform):
    script = platform.home / "show.sh"
    script.write_text('for word; do echo "<$word>"; done; env')
    session_id = platform.create(
        cmd="sh", args=f"{script} 'b  c'", env=["A=1", "LOST=a=b", "EMPTY=", "HOME=/else"]
    )
    platform.wait(session_id)
    lines = platform.logs(session_id).splitlines()
    assert lines[:3] == ["<'b>", "<>", "<c'>"]
    assert "A=1" in lines
    assert f"HOME={platform.home}" in lines
    assert not [line for line in lines if line.startswith(("LOST", "EMPTY"))]
    assert platform.post(cmd="true", args="$HOME").status_code == 400
    assert platform.post(type="carta", cmd="true", args="$HOME").status_code == 200


def test_20_images_outside_the_cache_need_a_credential(platform, old):
    elsewhere = platform.post(image="docker.io/a/b:1")
    text = "session image 'docker.io/a/b:1' must come from one of [images.canfar.net]\n"
    assert answered(elsewhere, 400, text)
    data = {"name": "n", "image": "images.canfar.net/a/untagged", "cmd": "true"}
    refused = platform.client.post("/session", data=data)
    assert refused.status_code == 400
    assert "base64Encode(username:secret)" in refused.text
    headers = {"x-skaha-registry-auth": base64.b64encode(b"user:secret").decode()}
    assert platform.client.post("/session", data=data, headers=headers).status_code == 200
    carta = "images.canfar.net/skaha/carta:5.1.0"
    assert platform.post(image=carta, cmd="true").status_code == 200
    assert answered(old.post(image=carta), 400, f"image/type mismatch: {carta}/headless\n")


def test_21_renewing_moves_the_expiry_only_if_that_is_later(launch, eventually):
    platform = launch("--time-scale", "0.0001")  # four days are 35 seconds
    carta, batch = platform.create(type="carta"), platform.create(cmd="sleep", args="60")
    platform.wait(batch, "Running")
    before = {one: platform.session(one)["expiryTime"] for one in (carta, batch)}

    def renewed():
        for one in (carta, batch):
            platform.client.post(f"/session/{one}", data={"action": "renew"})
        return platform.session(carta)["expiryTime"] > before[carta]

    eventually(renewed)
    assert platform.session(batch)["expiryTime"] == before[batch]
    user = platform.session(carta)["userid"]
    response = platform.client.post("/session/nope", data={"action": "renew"})
    assert answered(response, 400, f"No active job for user {user} with session nope\n")


def test_22_methods_slashes_and_segments(platform):
    for path, allow in (("session", "GET, POST, DELETE"), ("context", "GET"), ("image", "GET")):
        for method in ("HEAD", "PUT"):
            response = platform.client.request(method, f"/{path}")
            assert response.status_code == 405
            assert response.headers["allow"] == allow
    session_id = platform.create(type="carta")
    assert platform.client.get("/session/").json()["id"] == session_id
    response = platform.client.get("/session/a/app/b/c")
    assert answered(response, 400, "Invalid request: a/app/b/c\n")


def test_23_who_is_asked_and_who_asked(platform, old):
    for one in (platform, old):
        response = one.client.get("/session")
        assert response.headers["server"] == "OpenCADC/cadc-rest"
        assert response.headers["x-vo-authenticated"]
        assert anonymous(one).headers["www-authenticate"] == "Bearer"
        bad = {"authorization": "Bearer nope"}
        response = one.client.get("/session", headers=bad)
        assert answered(response, 401, "Invalid JWT token")
        assert 'error="invalid_token"' in response.headers["www-authenticate"]
    assert answered(anonymous(platform), 400, "cannot get group memberships for anonymous\n")
    assert answered(anonymous(old), 401, "Unauthorized\n")
    called_back = {"x-auth-token-skaha": "nope"}
    for one, status in ((platform, 403), (old, 500)):
        url = f"{one.url}/{one.version}/session"
        assert httpx.get(url, headers=called_back, trust_env=False).status_code == status


def test_24_statistics_may_be_missing_and_the_older_ones_count_sessions(launch, platform, old):
    query = {"view": "stats"}
    response = launch("--no-stats").client.get("/session", params=query)
    assert answered(response, 503, "temporarily unavailable: null\n")
    assert response.headers["retry-after"] == "30"
    assert set(platform.sessions(**query)) == {"cores", "ram"}
    old.wait(old.create(cmd="sleep", args="60", ram="4"), "Running")
    stats = old.sessions(**query)
    assert stats["instances"] == {"session": 0, "desktopApp": 0, "headless": 1, "total": 1}
    assert (stats["ram"]["requestedRAM"], stats["ram"]["ramAvailable"]) == ("4G", "64G")
    broken = launch("--no-stats", version="v0").client.get("/session", params=query)
    assert broken.status_code == 500
    assert broken.text.endswith("failed to gather resource statistics")


def test_25_lists_are_in_the_order_of_the_jobs_names(platform):
    kinds = ("headless", "firefly", "carta", "desktop", "carta")
    for kind in kinds:
        platform.create(type=kind, cmd="true")
    listed = [(session["type"], session["id"]) for session in platform.sessions()]
    assert listed == sorted(listed)
    assert len(listed) == 5


def test_26_things_go_wrong_on_request(platform, old, eventually):
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
    assert answered(response, 503, "temporarily unavailable: abc\n")
    assert response.headers["retry-after"] == "7"
    assert platform.client.get("/context").status_code == 500
    assert platform.client.get("/context").status_code == 200

    platform.faults(create_delay=0.3, stuck="ill")
    begun = time.monotonic()
    stuck = platform.create(name="Ill-1", cmd="true")
    assert time.monotonic() - begun > 0.3
    eventually(lambda: "ImagePullBackOff" in platform.events(stuck))
    assert platform.session(stuck)["status"] == "Pending"

    talker = platform.create(cmd="echo", args="x" * 1000)
    platform.wait(talker)
    platform.faults(log_rate=4000)
    begun = time.monotonic()
    assert platform.logs(talker) == "x" * 1000 + "\n"
    assert time.monotonic() - begun > 0.2

    # Where Kubernetes refuses a batch job, the older server does not notice.
    phantom = old.create(name="ends-in-", cmd="true")
    assert old.client.get(f"/session/{phantom}").status_code == 404


def test_26_faults_that_are_none_are_said(platform):
    platform.faults(no_such_fault=1)
    response = platform.client.get("/session")
    assert response.status_code == 500
    assert "no_such_fault" in response.text
    assert "refused_creates" in response.text


def test_the_older_profile_elsewhere(old):
    """Context, capabilities, views and ids, where they differ."""
    context = old.client.get("/context")
    assert context.text == json.dumps(context.json(), indent=2)
    assert "maxInteractiveSessions" not in context.json()
    assert context.json()["cores"]["defaultHeadless"] == 1
    assert context.json()["memoryGB"]["defaultHeadless"] == 4
    capabilities = old.client.get(f"{old.url}/capabilities").text
    assert "sessions-1.0" in capabilities
    assert "session-1<" not in capabilities.replace('"', "<")
    session_id = old.create(cmd="true")
    shown = old.sessions(view="interactive")
    assert [session["id"] for session in shown] == [session_id]
    assert old.client.get("/session/a_").status_code == 500
    assert answered(old.post(name=" "), 400, "name must have a value\n")
    desktop = old.create(type="desktop", image=OWN)
    old.client.post(f"/session/{desktop}/app", data={"image": "a/b:1"})
    kinds = {session["type"]: session for session in old.sessions()}
    assert kinds["desktop-app"]["name"] == "<none>"
    carta = old.session(old.create(type="carta", image=OWN))
    assert carta["connectURL"].endswith(f"/session/carta/http/{carta['id']}/")
