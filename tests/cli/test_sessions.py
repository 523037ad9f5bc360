"""Commands that inspect sessions, wait for them, renew them and delete them."""

import re

import pytest
from scripted import Response, json_response

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
FIELDS = re.findall(r"\w+", "id name kind status image cores ram_gib gpus started expires url user")


def test_a_session_from_launch_to_deletion(clean):
    skaha = clean
    words = ["create", IMAGE, "--name", "way", "-o", "name", "--", "echo", "hello"]
    session_id = skaha(*words).strip()
    [ended] = skaha.json("wait", "way-1", "--timeout", "20")
    assert ended == {"id": session_id, "name": "way-1", "status": "Completed"}
    [listed] = skaha.json("ps")
    assert list(listed) == FIELDS
    assert listed["id"] == session_id
    assert (listed["kind"], listed["cores"], listed["ram_gib"]) == ("headless", 2, 4)
    [known] = skaha.json("info", "way-1")
    assert {key: known[key] for key in FIELDS} == listed
    assert known["record"]["id"] == session_id
    assert skaha("logs", session_id) == "hello\n"
    assert skaha.json("logs", session_id) == [{"id": session_id, "name": "way-1", "log": "hello\n"}]
    reasons = [event["reason"] for event in skaha.json("events", "way-1")]
    assert reasons[-1] == "Completed"
    assert skaha("rm", "WAY-1") == f"{session_id}\tway-1\n"
    assert skaha("ls") == ""


def test_ps_filters_by_status_kind_and_user(clean):
    skaha = clean
    skaha.launch("good", "true")
    skaha.launch("bad", "false")
    assert skaha("ps", "-q", "--status", "Completed") == skaha("ps", "-q", "good")
    assert skaha("ps", "--status", "succeeded", "-q") == skaha("ps", "-q", "good")
    assert [item["name"] for item in skaha.json("ps", "--status", "Failed")] == ["bad-1"]
    both = skaha.json("ps", "--status", "Failed", "--status", "Completed", "--kind", "headless")
    assert [item["name"] for item in both] == ["bad-1", "good-1"]
    assert skaha.json("ps", "--kind", "notebook") == []
    kinds = ["--kind", "notebook", "--kind", "headless"]
    assert [item["name"] for item in skaha.json("ps", *kinds)] == ["bad-1", "good-1"]
    public = skaha("ps", "--everyone").splitlines()
    assert len(public) == 2
    assert public[0].split("\t")[1] == "headless"


RECORDS = [
    {"id": "a1", "name": "good-1", "type": "headless", "status": "Running"},
    {"id": "b2", "name": None, "type": "headless", "status": "Running"},
]


def test_a_session_with_odd_values_hides_no_other(skaha, scripted):
    times = ["0001-01-01T00:00:00Z", "0999-02-03T04:05:06Z", "9999-12-31T23:59:59-01:00", "soon"]
    records = [
        {**RECORDS[1], "id": f"c{number}", "expiryTime": text, "startTime": text}
        for number, text in enumerate(times)
    ]
    scripted.respond = lambda _: json_response([*records, RECORDS[0]])
    lines = skaha("ps", env={"SKAHA_SERVER": scripted.url}).splitlines()
    assert sorted(line.split("\t")[0] for line in lines) == ["a1", "c0", "c1", "c2", "c3"]
    items = skaha.json("ps", env={"SKAHA_SERVER": scripted.url})
    assert {item["id"]: item["expires"] for item in items} == {
        "a1": None,
        "c0": None,
        "c1": "0999-02-03T04:05:06Z",
        "c2": None,
        "c3": None,
    }


def test_numbers_with_thousands_of_digits_hide_no_session(skaha, scripted):
    names = ["n-10", "n-" + "9" * 5000, "n-0002"]
    records = [RECORDS[0] | {"id": f"c{number}", "name": name} for number, name in enumerate(names)]
    records[0]["requestedGPUCores"] = "9" * 5000
    scripted.respond = lambda _: json_response(records)
    items = skaha.json("ps", env={"SKAHA_SERVER": scripted.url})
    assert [item["id"] for item in items] == ["c2", "c0", "c1"]
    assert items[1]["gpus"] is None


def test_a_pattern_matches_no_session_without_a_name(skaha, scripted):
    scripted.respond = lambda _: json_response(RECORDS)
    skaha("renew", "*one*", env={"SKAHA_SERVER": scripted.url}, code=5)
    assert "there is no session *one*" in skaha.err


@pytest.mark.parametrize(
    ("words", "out", "deleted"),
    [
        (["delete", "xterm"], None, []),
        (["delete", "desk1234"], "desk1234\tmydesk\n", ["desk1234"]),
        (["delete", "mydesk", "xterm"], "desk1234\tmydesk\n", ["desk1234"]),
        (["renew", "xt*"], None, []),
        (["wait", "xterm"], None, []),
        (["wait", "*", "--until", "RUNNING"], "desk1234\tmydesk\tRunning\n", []),
    ],
)
def test_an_app_does_not_stand_for_its_desktop(skaha, scripted, words, out, deleted):
    """Older platforms list the apps, with the ids of their desktops."""
    desktop = {"id": "desk1234", "name": "mydesk", "type": "desktop", "status": "Running"}
    app = desktop | {"name": "xterm", "type": "desktop-app", "appid": "app99"}

    def respond(request):
        is_list = request.path.endswith("/session")
        if request.method == "GET":
            return (
                json_response([desktop, app]) if is_list else Response(404, "session not found\n")
            )
        return Response()

    scripted.respond = respond
    code = 5 if out is None else 3 if "xterm" in words else 0
    assert skaha(*words, env={"SKAHA_SERVER": scripted.url}, code=code) == (out or "")
    changed = [
        request.path.rpartition("/")[2] for request in scripted.received if request.method != "GET"
    ]
    assert changed == deleted


def test_capital_letters_of_kinds_and_statuses_do_not_matter(skaha, scripted):
    scripted.respond = lambda _: json_response(RECORDS)
    env = {"SKAHA_SERVER": scripted.url}
    assert skaha("ps", "--kind", "HEADLESS", "--status", "running", "-q", env=env) == "b2\na1\n"
    assert skaha("images", "--kind", "Headless", env=env) == "a1\nb2\n"
    words = ["prune", "--all", "--dry-run", "--kind", "Headless", "--status", "ANY"]
    assert skaha(*words, "-o", "name", env=env) == "b2\na1\n"


def test_the_option_quiet_excludes_other_formats(skaha, scripted):
    scripted.respond = lambda _: json_response(RECORDS)
    env = {"SKAHA_SERVER": scripted.url}
    assert skaha("ps", "-q", "-o", "name", env=env) == "b2\na1\n"
    skaha("ps", "-q", "-o", "json", env=env, code=2)
    assert "-q is the same as --output name: leave -q or --output out" in skaha.err


def test_a_wait_shows_an_outage_and_survives_it(skaha, scripted):
    ended = [RECORDS[0] | {"status": "Completed"}]
    busy = Response(503, "busy", headers={"Retry-After": "0"})
    responses = [json_response(RECORDS), json_response(RECORDS), *[busy] * 3, json_response(ended)]
    scripted.respond = lambda _: responses.pop(0)
    assert skaha("wait", "a1", env={"SKAHA_SERVER": scripted.url}) == "a1\tgood-1\tCompleted\n"
    begin, end = skaha.err.splitlines()
    assert begin.startswith("skaha: warning: wait: the platform does not respond since ")
    assert end.startswith("skaha: warning: wait: the platform responds again, after ")


def test_the_page_of_an_ingress_is_not_a_missing_session(skaha, scripted):
    page = Response(404, "<html><title>404 Not Found</title></html>", "text/html")
    scripted.respond = lambda _: page
    for words in (["ps"], ["wait", "a1"], ["logs", "a1"], ["delete", "a1"]):
        skaha(*words, env={"SKAHA_SERVER": scripted.url}, code=1)
        assert "an HTML page, '404 Not Found'" in skaha.err


def test_the_log_of_a_session_that_ended_long_ago_is_a_failure(skaha, scripted):
    """It is still in the list, and gone when its log is read."""

    def respond(request):
        if request.path.endswith("/session"):
            return json_response(RECORDS)
        return Response() if "view" in request.query else Response(404, "session a1 not found\n")

    scripted.respond = respond
    skaha("logs", "a1", env={"SKAHA_SERVER": scripted.url}, code=5)
    assert "session a1 not found" in skaha.err


def test_capital_letters_of_names_do_not_matter(clean):
    session_id = clean("create", IMAGE, "-n", "Typed", "-o", "name", "--", "true")
    assert clean("wait", "Typed-*", "-o", "name") == session_id
    assert clean("ps", "-q", "Typed") == session_id
    assert clean("prune", "Typed", "--yes", "-o", "name") == session_id


def test_replicas_are_in_natural_order(clean):
    clean("create", IMAGE, "-n", "many", "-r", "11", "--", "true")
    assert [item["name"] for item in clean.json("ps", "many-")][-2:] == ["many-10", "many-11"]
    assert [item["name"] for item in clean.json("wait", "many-*")][:2] == ["many-1", "many-2"]


def test_a_missing_session_has_exit_code_5_or_3(skaha):
    session_id = skaha.launch("there", "true")
    for command in ("info", "logs", "events", "wait", "renew", "delete"):
        assert skaha(command, "nobodys1", code=5) == ""
        assert "there is no session nobodys1" in skaha.err
    [present, missing] = skaha.json("info", session_id, "no-one", code=3)
    assert present["id"] == session_id
    assert missing["id"] == "no-one"
    assert missing["error"]["code"] == "not_found"
    skaha("delete", "no-one", "--force")


def test_wait_tells_how_a_session_ended(skaha):
    skaha.begin("slow", "sleep", "60")
    skaha("wait", "slow-1", "--until", "running", "--timeout", "20")
    [late] = skaha.json("wait", "slow-1", "--timeout", "0.2", code=124)
    assert (late["name"], late["status"]) == ("slow-1", "Running")
    assert late["error"]["code"] == "timed_out"
    assert "slow-1" not in skaha("ps", "--status", "Failed")
    skaha.launch("failing", "false")
    [failed] = skaha.json("wait", "failing-1", code=1)
    assert (failed["name"], failed["status"]) == ("failing-1", "Failed")
    assert failed["error"]["code"] == "session_failed"
    assert re.match(r"skaha wait: error: session failing-1 \(.*\) ended as Failed", skaha.err)
    skaha("wait", "failing-1", "--until", "Failed")
    skaha("delete", "slow-1", "failing-1", "--verify")


def test_wait_takes_both_words_for_success(clean):
    session_id = clean.launch("good", "true")
    for status in ("Succeeded", "Completed"):
        assert clean("wait", "good-1", "--until", status, "-o", "name") == f"{session_id}\n"
    [failed] = clean.json("wait", "good-1", "--until", "Failed", code=1)
    assert "ended as Completed" in failed["error"]["message"]


def test_prune_deletes_the_sessions_that_it_shows(clean):
    skaha = clean
    skaha.launch("prune-a", "true")
    skaha.launch("prune-b", "false")
    skaha("prune", "prune", code=2)
    assert "no terminal to ask on: pass --yes or --dry-run" in skaha.err
    skaha("prune", code=2)
    assert [item["name"] for item in skaha.json("prune", "prune", "--dry-run")] == ["prune-a-1"]
    any_status = ("prune", "--dry-run", "--all", "--status", "any")
    assert [item["name"] for item in skaha.json(*any_status)] == ["prune-a-1", "prune-b-1"]
    [deleted] = skaha.json("prune", "prune", "--yes", "--verify")
    assert deleted["name"] == "prune-a-1"
    assert [item["name"] for item in skaha.json("ps")] == ["prune-b-1"]


def test_renew(skaha):
    session_id = skaha.begin("renewed", "sleep", "60")
    [renewed] = skaha.json("renew", session_id)
    assert renewed["id"] == session_id
    assert renewed["expires"].endswith("Z")
    skaha("delete", session_id)
    ended = skaha.launch("over", "true")
    [failed] = skaha.json("renew", "over-1", code=1)
    assert (failed["id"], failed["name"], failed["status"]) == (ended, "over-1", "Completed")
    expected = f"over-1 ({ended}): only a pending or running session can be renewed"
    assert skaha.err == f"skaha renew: error: {expected}\n"


def test_a_failure_of_a_renewal_keeps_its_reason(skaha, scripted):
    running = {"id": "a1", "name": "one-1", "type": "headless", "status": "Running"}
    failure = Response(409, "oops")
    scripted.respond = lambda request: (
        json_response([running]) if request.method == "GET" else failure
    )
    env = {"SKAHA_SERVER": scripted.url}
    [failed] = skaha.json("renew", "one-1", code=1, env=env)
    assert (failed["id"], failed["error"]["status"]) == ("a1", 409)
    assert "oops" in skaha.err


def test_an_id_that_cannot_be_looked_up_is_an_error(skaha, scripted):
    scripted.respond = lambda request: (
        json_response([]) if request.path.endswith("/session") else Response(403, "not yours")
    )
    skaha("info", "a1b2c3d4", env={"SKAHA_SERVER": scripted.url}, code=4)
    assert "not yours" in skaha.err


def test_open_refuses_a_headless_session(skaha):
    session_id = skaha.begin("closed", "sleep", "60")
    [failed] = skaha.json("open", session_id, "--no-browser", code=2)
    assert "it is headless" in failed["error"]["message"]
    skaha("delete", session_id)


@pytest.mark.parametrize("command", ["images", "repositories", "resources", "availability", "apps"])
def test_the_platform_in_every_format(skaha, command):
    items = skaha.json(command)
    assert isinstance(items, list)
    names = skaha(command, "-o", "name").splitlines()
    assert len(names) == len(items)
    assert all(name in map(str, item.values()) for name, item in zip(names, items, strict=True))


def test_images_with_a_text(skaha):
    assert IMAGE in skaha("images", "terminal", "--kind", "headless", "-o", "name").splitlines()
    assert skaha("images", "nothing-like-this") == ""


def test_stats(skaha):
    assert "cores_available" in skaha("stats", "-o", "name")


@pytest.mark.parametrize("is_older", [False, True])
def test_amounts_have_the_words_and_units_of_the_options(skaha, scripted, is_older):
    stats = {
        "cores": {
            "requestedCPUCores": 377.0,
            "cpuCoresAvailable": 960.0,
            "maxCPUCores": {"cpuCores": 8.0, "withRam": "32Gi"},
        },
        "ram": {
            "requestedRAM": "137.439G",
            "ramAvailable": "1374.39G",
            "maxRAM": {"ram": "24G", "withCPUCores": 8.0},
        },
        "future": {"word": 1},
    }
    if is_older:
        stats |= {"instances": {"session": 88, "desktopApp": 30, "headless": 1, "total": 119}}
    scripted.respond = lambda _: json_response(stats)
    items = skaha.json("stats", env={"SKAHA_SERVER": scripted.url})
    values = {item["name"]: item["value"] for item in items}
    # Only newer platforms use units of 10^9 bytes for these two.
    assert values["ram_gib_requested"] == (137.4 if is_older else 128)
    assert values["ram_gib_available"] == (1374.4 if is_older else 1280)
    assert values["ram_gib_largest"] == 24
    assert values["cores_largest_ram_gib"] == 32
    assert (values["cores_requested"], values["cores_largest"]) == (377, 8)
    assert values["future.word"] == 1
    assert values.get("sessions_total") == (119 if is_older else None)


def test_the_resources_agree_with_the_options_of_create(skaha):
    items = {item["resource"]: item for item in skaha.json("resources")}
    [launch] = skaha.json("create", IMAGE, "--dry-run")
    defaults = items["cores"]["default"], items["ram"]["default"]
    assert (launch["cores"], launch["ram_gib"]) == defaults
    text = " ".join(skaha("create", "--help").split())
    assert f"CPU cores of each replica. Default: {defaults[0]}." in text
    assert f"Memory of each replica in GiB. Default: {defaults[1]}." in text
    assert (items["ram"]["unit"], items["cores"]["unit"]) == ("GiB", "cores")
    assert set(items) <= {"cores", "ram", "gpu", "interactive sessions"}


@pytest.mark.parametrize(
    ("requested_ram", "requested", "shown"),
    [("1374.39G", 0.0, [None, None]), ("0G", 0.0, [None, 0.0]), ("1374.39G", 310.5, [None, 310.5])],
)
def test_cores_that_the_server_cannot_read_are_not_shown(
    skaha, scripted, requested_ram, requested, shown
):
    """A server whose metrics are in millicores answers with 0.0."""
    cores = {"cpuCoresAvailable": 0.0, "requestedCPUCores": requested}
    scripted.respond = lambda _: json_response(
        {"cores": cores, "ram": {"requestedRAM": requested_ram}}
    )
    items = skaha.json("stats", env={"SKAHA_SERVER": scripted.url})
    values = {item["name"]: item["value"] for item in items}
    assert [values["cores_available"], values["cores_requested"]] == shown


def test_versions(skaha):
    assert {"skaha", "python", "httpx"} <= {item["name"] for item in skaha.json("version")}
