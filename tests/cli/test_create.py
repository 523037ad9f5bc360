"""Launches: the container's arguments, the preview, the report, interruptions."""

import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from scripted import Response, json_response

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
SHOW_ARGUMENTS = "import sys; print(sys.argv[1:])"


def test_arguments_arrive_exactly_as_given(skaha):
    words = ["plain", "words", "two  blanks", "", "a'b", 'c"d', "$HOME", "`id`", "back\\slash"]
    words += ["new\nline", "*", "{a,b}", "ünïcödé ☃", "--dry-run", "-o", "json"]
    out = skaha("run", IMAGE, "--logs", "--rm", "--", "python3", "-c", SHOW_ARGUMENTS, *words)
    assert out == f"{words}\n"


def test_only_words_that_the_platform_would_break_are_encoded(skaha):
    [plain] = skaha.json("create", IMAGE, "--dry-run", "--", "echo", "-n", "a")
    assert (plain["cmd"], plain["args"]) == ("echo", "-n a")
    [encoded] = skaha.json("create", IMAGE, "--dry-run", "--", "echo", "a  b")
    assert encoded["cmd"] == "bash"


def test_a_command_in_quotes_is_not_a_program(skaha):
    """The session would fail, because it has no program of this name."""
    skaha("create", IMAGE, "--dry-run", "--", "python x.py", code=2)
    assert "write -- python x.py without the quotes, or -- bash -c 'python x.py'" in skaha.err


def test_the_platform_chooses_the_resources_of_a_flexible_session(skaha):
    [replica] = skaha.json("create", IMAGE, "--flexible", "--dry-run")
    assert replica["cores"] is replica["ram_gib"] is None
    skaha("create", IMAGE, "--flexible", "--cores", "2", "--dry-run", code=2)
    assert "--flexible lets the platform choose: leave --cores and --ram out" in skaha.err


def test_a_dry_run_shows_every_replica_and_launches_none(clean):
    options = ["-n", "Dry", "-r", "11", "-c", "1", "-m", "2.5", "-g", "1", "-e", "SECRET=abc"]
    items = clean.json("create", IMAGE, *options, "--dry-run", "--", "env")
    assert [item["name"] for item in items] == [f"Dry-{number}" for number in range(1, 12)]
    assert items[0] == {
        "name": "Dry-1",
        "image": IMAGE,
        "kind": "headless",
        "cores": 1,
        "ram_gib": 2.5,
        "gpus": 1,
        "cmd": "env",
        "args": None,
        "env": ["SECRET", "REPLICA_ID", "REPLICA_COUNT"],
    }
    assert "abc" not in clean.out
    assert not clean.ids("dry-")


def test_a_dry_run_takes_the_options_of_a_launch_in_waves(skaha):
    [replica] = skaha.json("create", IMAGE, "--at-most", "2", "--dry-run")
    assert replica["image"] == IMAGE
    skaha("create", IMAGE, "--at-most", "0", "--dry-run", code=2)
    assert "--at-most" in skaha.err


def test_a_dry_run_sends_nothing(skaha):
    skaha("--server", "http://127.0.0.1:9/skaha", "create", IMAGE, "--dry-run")
    assert skaha.err.startswith("skaha: nothing was sent. Only the platform can check ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-n", "not a name"], "letters, digits"),
        (["-n", ""], "and not be empty"),
        (["-e", "A=$B"], "lose or change the value of A"),
        (["-e", "NOT_SET_ANYWHERE"], "is not set here"),
        (["--script", "/nowhere"], "cannot be read"),
        (["--kind", "notebook", "--", "true"], "headless"),
        (["--kind", "Notebook", "--", "true"], "not for notebook"),
        (["-e", "REPLICA_ID=7"], "create sets REPLICA_ID of each replica itself: leave it out"),
    ],
)
def test_wrong_options_are_refused_before_anything_is_sent(clean, words, message):
    assert clean("create", IMAGE, "--dry-run", *words, code=2) == ""
    assert message in clean.err
    assert "abc" not in clean.err


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (["notebook", IMAGE], f"{IMAGE} --kind notebook"),
        (["Headless", IMAGE, "--", "echo", "a b"], f"{IMAGE} --kind headless -- echo 'a b'"),
        (["headless", IMAGE, "-n", "a", "env"], f"{IMAGE} --kind headless -- env"),
        (["carta"], "IMAGE --kind carta"),
    ],
)
def test_a_kind_before_the_image_is_refused_with_the_right_form(skaha, scripted, words, form):
    skaha("create", *words, env={"SKAHA_SERVER": scripted.url}, code=2)
    assert f"is a kind, not an image: write `skaha create {form}`" in skaha.err
    skaha("create", "skaha/astroml", env={"SKAHA_SERVER": scripted.url}, code=2)
    assert "images.canfar.net/skaha/astroml:TAG" in skaha.err
    assert scripted.received == []


def test_a_command_without_an_image_is_refused(skaha):
    for words in (["--", "true"], ["--name", "a", "--", "sh", "-c", "x -- y"], ["--"], []):
        skaha("create", "--dry-run", *words, code=2)
        assert "give an IMAGE before the COMMAND, or --jobs FILE" in skaha.err
    [replica] = skaha.json("create", "--dry-run", IMAGE, "--", "echo", "--", "a")
    assert (replica["cmd"], replica["args"]) == ("echo", "-- a")


@pytest.mark.parametrize("seconds", ["-5", "nan", "inf"])
@pytest.mark.parametrize("option", ["--wait", "--logs", "--rm", "--dry-run", "--jobs"])
def test_a_wrong_timeout_is_refused_before_the_launch(skaha, scripted, tmp_path, option, seconds):
    launch = ["--jobs", write_jobs(tmp_path, job("bias", "true"))]
    launch = launch if option == "--jobs" else [IMAGE, option]
    skaha("create", *launch, f"--timeout={seconds}", env={"SKAHA_SERVER": scripted.url}, code=2)
    assert re.search(r"timeout must be (0|2147483647) seconds or (more|less)", skaha.err)
    assert scripted.received == []


def test_the_environment_reaches_the_container(skaha):
    options = ["-e", "HERE", "-e", "THERE=b c", "--logs", "--rm"]
    program = "import os; print(os.environ['HERE'], os.environ['THERE'])"
    out = skaha("create", IMAGE, *options, "--", "python3", "-c", program, env={"HERE": "a"})
    assert out == "a b c\n"


def test_a_script_with_arguments(skaha, tmp_path):
    script = 'for word; do echo "<$word>"; done'
    (tmp_path / "script.sh").write_text(script)
    expected = "<a>\n<b  c>\n"
    words = ["--logs", "--rm", "--", "a", "b  c"]
    assert skaha("create", IMAGE, "--script", str(tmp_path / "script.sh"), *words) == expected
    assert skaha("create", IMAGE, "--script", "-", *words, stdin=script.encode()) == expected


def test_logs_of_replicas_in_every_format(clean):
    skaha = clean
    words = ["create", IMAGE, "-n", "say", "-r", "2", "--logs", "--", "printenv", "REPLICA_ID"]
    assert sorted(skaha(*words).split()) == ["1", "2"]
    assert "==> say-1 (" in skaha.err
    items = skaha.json(*words)
    assert [item["log"] for item in items] == ["1\n", "2\n"]
    assert [item["status"] for item in items] == ["Completed", "Completed"]
    ids = skaha("ps", "-q").split()
    assert len(skaha("logs", *ids, "-o", "ndjson").splitlines()) == 4


def test_the_exit_code_tells_how_the_sessions_ended(clean):
    skaha = clean
    assert skaha("create", IMAGE, "--logs", "--rm", "--", "sh", "-c", "echo x; exit 3", code=1)
    assert skaha.out == "x\n"
    assert not skaha.ids("terminal-")
    half = "test $REPLICA_ID = 1"
    skaha("create", IMAGE, "-r", "2", "--wait", "--rm", "--", "sh", "-c", half, code=3)
    skaha("create", IMAGE, "--wait", "--timeout", "0.2", "--rm", "--", "sleep", "60", code=124)
    assert not skaha.ids("terminal-")


def test_a_replica_that_is_not_launched_is_reported(clean):
    # The platform refuses the sixth session of this kind.
    items = clean.json("create", IMAGE, "-n", "part", "--kind", "contributed", "-r", "6", code=3)
    failed = [item for item in items if "error" in item]
    assert len(items) == 6
    assert len(failed) == 1
    assert failed[0]["error"]["status"] == 400
    assert failed[0]["name"] in clean.err


def test_a_launch_without_a_name_gets_a_new_name(skaha):
    first, second = (skaha.json("create", IMAGE, "--dry-run")[0]["name"] for _ in range(2))
    assert first != second
    assert first.startswith("terminal-")


def interrupt(skaha, words, wait, by=signal.SIGINT):
    """Run the program, and send it a signal after `wait`; return its outputs."""
    # A signal during an import leaves the file of the module open for a moment.
    env = {name: value for name, value in skaha.env.items() if name != "PYTHONWARNINGS"}
    with subprocess.Popen(
        [*words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        beginning = wait(process)
        process.send_signal(by)
        out, err = process.communicate(timeout=60)
    err = beginning + err
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return out, err


def ids_to_delete(err):
    """Return the ids in the commands that the program shows."""
    return [word for command in re.findall("skaha delete (.*)", err) for word in command.split()]


def for_sessions(skaha, prefix, number=1):
    """Return a function that waits until there are sessions."""

    def wait(_):
        end = time.monotonic() + 60
        while len(skaha.ids(prefix)) < number:
            assert time.monotonic() < end
            time.sleep(0.05)
        return ""

    return wait


def for_the_announcement(process):
    """Wait until the program names the launched sessions; return this line."""
    line = process.stderr.readline()
    assert "launched" in line
    return line


def test_ctrl_c_names_the_launched_sessions_and_the_command_that_deletes_them(clean, entry):
    skaha = clean
    words = [entry, "--concurrency", "1", "create", IMAGE, "-n", "stop", "-r", "50"]
    words += ["-o", "name", "--", "true"]
    skaha.faults(create_delay=0.4)
    out, err = interrupt(skaha, words, for_sessions(skaha, "stop-", 2))
    ids = out.split()
    assert ids
    assert f"interrupted: {len(ids)} of 50 launched" in err
    # The session that was in flight is found by its name, and has its own command.
    assert set(ids_to_delete(err)) == set(ids)
    assert "skaha ps stop-" in err
    assert set(ids) <= skaha.ids()


def test_ctrl_c_during_a_wait_keeps_or_deletes_the_sessions(clean, entry):
    skaha = clean
    words = [entry, "create", IMAGE, "-n", "left", "--wait", "--", "sleep", "60"]
    _, err = interrupt(skaha, words, for_the_announcement)
    [session_id] = skaha.ids("left-")
    assert f"skaha delete {session_id}" in err
    skaha("delete", session_id)
    words = [entry, "create", IMAGE, "-n", "removed", "--logs", "--rm", "--", "sleep", "60"]
    interrupt(skaha, words, for_the_announcement)
    assert not skaha.ids("removed-")


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_delete_the_sessions_too(clean, entry, by):
    words = [entry, "create", IMAGE, "-n", "ended", "--logs", "--rm", "--", "sleep", "60"]
    _, err = interrupt(clean, words, for_the_announcement, by)
    assert "deleted 1 of 1" in err
    assert not clean.ids("ended-")


# Different jobs in a file.


@pytest.mark.parametrize("options", [["--logs"], ["--wait"], ["--logs", "--timeout", "60"]])
@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["false"], "Exit status 1"),
        (["no-such-program"], "Error: failed to start container: exec: .* not found in \\$PATH"),
    ],
)
def test_a_failure_has_the_warnings_of_the_platform(clean, options, words, reason):
    """With --rm, the events end with the session."""
    clean("create", IMAGE, "-n", "bad", *options, "--rm", "--", *words, code=1)
    assert re.search(f"session bad-1 .* ended as Failed: {reason}\n$", clean.err)
    assert not clean.ids("bad")


@pytest.mark.parametrize("options", [["--logs"], ["--wait"], ["--logs", "--timeout", "60"]])
def test_all_messages_have_the_names_of_the_platform(clean, options):
    words = ["create", IMAGE, "-n", "Upper", "-r", "2", *options, "--rm"]
    clean(*words, "--", "sh", "-c", "echo $REPLICA_ID; exit $((REPLICA_ID - 1))", code=3)
    assert "Upper" not in clean.err
    assert "session upper-2 " in clean.err
    assert ("==> upper-1 " in clean.err) is ("--logs" in options)


def write_jobs(folder, *lines):
    path = folder / "jobs.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def job(name, *words):
    fields = {"name": name, "image": IMAGE, "cores": 1, "ram": 1}
    return json.dumps(fields | {"cmd": words[0], "args": " ".join(words[1:])})


def test_each_line_of_a_file_is_a_job(clean, tmp_path):
    path = write_jobs(tmp_path, job("bias", "echo", "one"), "", job("flat", "echo", "two"))
    items = clean.json("create", "--jobs", path, "--wait", "--logs", "--rm")
    assert [(item["name"], item["status"], item["log"]) for item in items] == [
        ("bias", "Completed", "one\n"),
        ("flat", "Completed", "two\n"),
    ]
    assert not clean.ids("bias")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"a" 1}', " is not a JSON object: Expecting ':' delimiter: column 6 (char 5)"),
        ("9" * 5000, " is not a JSON object: Exceeds the limit"),
        ("[]", " is not a JSON object: it has another type"),
        ('{"name": "n", "image": "a/b:c"}', ": the platform cannot launch"),
        ('{"name": "bias", "image": "a/b:c"}', ": two jobs have the name 'bias'"),
        ('{"name": "a", "image": "a/b:c", "core": 1}', ": unknown keyword 'core'"),
        # Only a line feed separates lines.
        ('{"name": "a", "image": "a/b:c", "cmd": "a\u2028b"}', ": cmd may not contain"),
    ],
)
def test_an_error_names_the_line_and_nothing_is_launched(clean, tmp_path, line, message):
    path = write_jobs(tmp_path, job("bias", "true"), "", line)
    clean("create", "--jobs", path, code=2)
    assert f"line 3 of {path}{message}" in clean.err
    assert not clean.ids("bias")


def test_a_dry_run_shows_every_job_of_a_file_and_launches_none(clean, tmp_path):
    flat = {**json.loads(job("flat", "echo", "two")), "ram": 2, "env": {"BAND": "secret"}}
    path = write_jobs(tmp_path, job("bias", "echo", "one"), "", json.dumps(flat))
    items = clean.json("create", "--jobs", path, "--at-most", "1", "--dry-run")
    assert [(item["name"], item["args"], item["ram_gib"]) for item in items] == [
        ("bias", "one", 1),
        ("flat", "two", 2),
    ]
    assert items[1]["env"] == ["BAND", "REPLICA_ID", "REPLICA_COUNT"]
    assert "secret" not in clean.out + clean.err
    assert "nothing was sent" in clean.err
    assert clean.ids() == set()
    path = write_jobs(tmp_path, job("bias", "true"), "", job("bias", "true"))
    clean("create", "--jobs", path, "--dry-run", code=2)
    assert f"line 3 of {path}: two jobs have the name 'bias'" in clean.err


def test_a_file_without_jobs_is_an_error(skaha, tmp_path):
    skaha("create", "--jobs", write_jobs(tmp_path, "", "  "), code=2)
    assert "there is no job in" in skaha.err
    assert "jobs.jsonl" in skaha.err


@pytest.mark.parametrize(
    "option", [IMAGE, "--name=a", "--kind=headless", "--replicas=2", "--cores=1"]
)
def test_a_file_of_jobs_excludes_the_options_of_one_job(clean, tmp_path, option):
    path = write_jobs(tmp_path, job("bias", "true"))
    clean("create", "--jobs", path, option, code=2)
    assert "--jobs has its own jobs" in clean.err


@pytest.mark.parametrize(
    ("option", "kinds", "message"),
    [
        ("--wait", ["headless", "notebook"], "for the start of others (notebook)"),
        ("--logs", ["headless", "notebook"], "--logs needs the kind headless, not notebook"),
        ("--rm", ["headless", "notebook"], "do not end by themselves: notebook;"),
        ("--rm", ["carta", "desktop"], "do not end by themselves: carta, desktop;"),
        ("--logs", ["firefly"], "--logs needs the kind headless, not firefly"),
    ],
)
def test_an_option_that_needs_the_end_refuses_interactive_kinds(
    skaha, scripted, tmp_path, option, kinds, message
):
    jobs = [json.dumps({"name": kind, "image": IMAGE, "kind": kind}) for kind in kinds]
    launches = [["--jobs", write_jobs(tmp_path, *jobs)]]
    launches += [[IMAGE, "--kind", kind] for kind in kinds if len(kinds) == 1]
    for launch in launches:
        skaha("create", *launch, option, env={"SKAHA_SERVER": scripted.url}, code=2)
        assert message in skaha.err
    assert scripted.received == []


@pytest.mark.parametrize("kind", ["notebook", "desktop", "carta", "contributed", "firefly"])
def test_no_interactive_session_is_deleted_as_soon_as_it_runs(skaha, scripted, kind):
    words = ["create", IMAGE, "--kind", kind, "--rm"]
    for more in ([], ["--wait"], ["--timeout", "9"], ["--dry-run"]):
        skaha(*words, *more, env={"SKAHA_SERVER": scripted.url}, code=2)
        assert f"do not end by themselves: {kind}; leave --rm out" in skaha.err
    assert scripted.received == []


@pytest.mark.parametrize("option", ["--wait", "--logs", "--rm"])
@pytest.mark.parametrize("kind", ["Headless", 5])
def test_an_unknown_kind_in_a_file_of_jobs_is_named(skaha, scripted, tmp_path, kind, option):
    good, bad = {"name": "good", "image": IMAGE}, {"name": "bad", "image": IMAGE, "kind": kind}
    path = write_jobs(tmp_path, json.dumps(good), json.dumps(bad))
    skaha("create", "--jobs", path, option, env={"SKAHA_SERVER": scripted.url}, code=2)
    assert f"line 2 of {path}: unknown kind {kind!r}" in skaha.err
    assert scripted.received == []


# Sessions that are left on the platform.


def records_of(*ids, status="Completed"):
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    return [
        {"id": session_id, "name": f"left-{number}", "type": "headless", "status": status}
        | {"startTime": started}
        for number, session_id in enumerate(ids, 1)
    ]


class Platform:
    """A platform with sessions, of which some requests fail."""

    def __init__(self, scripted, ids, **responses):
        """Take the responses to requests: by method, to the list of sessions, and for logs."""
        self.ids, self.responses = list(ids), responses
        self.received, self._new = scripted.received, iter(self.ids)
        scripted.respond = self.respond

    def respond(self, request):
        is_list = request.path.endswith("/session")
        what = "logs" if "view" in request.query else "list" if is_list else request.method
        what = "POST" if request.method == "POST" else what
        if what in self.responses:
            return self.responses[what]
        if what == "POST":
            return Response(200, f"{next(self._new)}\n")
        return json_response(records_of(*self.ids)) if what == "list" else Response(200, "a line\n")

    @property
    def deleted(self):
        return [
            request.path.rpartition("/")[2]
            for request in self.received
            if request.method == "DELETE"
        ]


REFUSED = Response(401, "token expired")
BAD_GATEWAY = Response(502, "bad gateway")
LEFT = ["create", IMAGE, "-n", "left", "--timeout", "9"]


@pytest.mark.parametrize(
    ("options", "responses", "code"),
    [
        (["--rm"], {}, 3),
        (["--logs", "--rm"], {}, 3),
        (["--logs", "--rm"], {"logs": REFUSED}, 4),
    ],
)
def test_a_session_that_was_found_by_its_name_is_not_deleted(
    skaha, scripted, options, responses, code
):
    platform = Platform(scripted, ["foreign1"], POST=BAD_GATEWAY, **responses)
    skaha(*LEFT, *options, "--", "true", env={"SKAHA_SERVER": scripted.url}, code=code)
    assert platform.deleted == []
    assert "another program may have launched" in skaha.err
    assert ids_to_delete(skaha.err) == ["foreign1"]


def test_the_wait_for_an_interactive_session_ends_when_it_runs(skaha, scripted):
    Platform(scripted, ["a1"], list=json_response(records_of("a1", status="Running")))
    words = [*LEFT, "--kind", "notebook", "--wait", "-o", "json"]
    [item] = json.loads(skaha(*words, env={"SKAHA_SERVER": scripted.url}))
    assert item["status"] == "Running"


MANY = [f"abcd{number:04}" for number in range(1, 26)]


@pytest.mark.parametrize(
    ("options", "responses", "code"),
    [
        # The wait fails, and the deletion after it, too.
        (["--rm"], {"list": REFUSED, "DELETE": REFUSED}, 4),
        (["--wait"], {"list": REFUSED}, 4),
        # Only the deletion at the end fails.
        (["--rm"], {"DELETE": REFUSED}, 3),
        (["--logs", "--rm"], {"DELETE": REFUSED}, 3),
        (["--rm"], {"DELETE": Response(403, "forbidden")}, 3),
        (["--rm"], {"DELETE": Response(409, "session is being updated")}, 3),
    ],
)
def test_a_failure_names_every_session_that_is_left(skaha, scripted, options, responses, code):
    Platform(scripted, MANY, **responses)
    words = [*LEFT, "-r", "25", *options, "--", "true"]
    skaha(*words, env={"SKAHA_SERVER": scripted.url}, code=code)
    assert sorted(ids_to_delete(skaha.err)) == MANY
    assert skaha.out.count("a line") == (25 if "--logs" in options else 0)


def test_a_session_that_is_deleted_already_is_not_left(skaha, scripted):
    Platform(scripted, ["a1"], DELETE=Response(404, "session a1 not found\n"))
    skaha(*LEFT, "--rm", "--", "true", env={"SKAHA_SERVER": scripted.url})
    assert "to delete" not in skaha.err


def test_the_sessions_are_named_if_standard_output_is_full(skaha, scripted, entry):
    Platform(scripted, ["a1"])
    with Path("/dev/full").open("w") as full:
        finished = subprocess.run(
            [entry, *LEFT, "--", "true"],
            env=skaha.env | {"SKAHA_SERVER": scripted.url},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 1
    assert ids_to_delete(finished.stderr) == ["a1"]


def test_logs_that_were_read_are_shown_and_the_other_sessions_are_kept(skaha, scripted):
    def respond(request):
        is_broken = "view" in request.query and request.path.endswith("/a2")
        return REFUSED if is_broken else platform.respond(request)

    platform = Platform(scripted, ["a1", "a2"])
    scripted.respond = respond
    words = [*LEFT, "-r", "2", "--logs", "--rm", "--", "true"]
    assert skaha(*words, env={"SKAHA_SERVER": scripted.url}, code=3) == "a line\n"
    assert platform.deleted == ["a1"]


def test_ctrl_c_during_the_deletion_names_the_sessions_that_are_left(skaha, scripted, entry):
    def respond(request):
        if request.method == "DELETE" and request.path.endswith("/a2"):
            deletion.set()
            end.wait(20)
            return None
        return platform.respond(request)

    def wait(_):
        assert deletion.wait(20)
        return ""

    deletion, end = threading.Event(), threading.Event()
    platform = Platform(scripted, ["a1", "a2"])
    scripted.respond = respond
    skaha.env["SKAHA_SERVER"] = scripted.url
    words = [entry, "--concurrency", "1", *LEFT, "-r", "2", "--rm", "--", "true"]
    out, err = interrupt(skaha, words, wait)
    end.set()
    assert ids_to_delete(err) == ["a2"]
    assert "a1" in out


def test_a_wait_that_is_over_shows_the_command_that_deletes_the_sessions(clean):
    clean("create", IMAGE, "--wait", "--timeout", "0.2", "--", "sleep", "60", code=124)
    assert set(ids_to_delete(clean.err)) == clean.ids()


def test_a_session_that_was_not_seen_to_end_is_not_deleted(skaha, scripted):
    """One list has the session, and then the platform denies that it exists."""
    lists = [[{"id": "a1", "name": "lost-1", "type": "headless", "status": "Running"}], []]

    def respond(request):
        if request.method == "POST":
            return Response(200, "a1\n")
        if request.path.endswith("/session"):
            return json_response(lists.pop(0) if len(lists) > 1 else lists[0])
        return Response(404, "session a1 not found\n")

    scripted.respond = respond
    words = ["create", IMAGE, "-n", "lost", "--wait", "--rm", "--", "true"]
    skaha(*words, env={"SKAHA_SERVER": scripted.url}, code=1)
    assert "lost-1 (a1) is gone" in skaha.err
    assert {request.method for request in scripted.received} == {"GET", "POST"}


def test_a_session_whose_log_cannot_be_read_is_not_deleted(skaha, scripted):
    records = [{"id": "a1", "name": "kept-1", "type": "headless", "status": "Completed"}]

    def respond(request):
        if request.method == "POST":
            return Response(200, "a1\n")
        if "view" in request.query:
            return Response(404, "no log\n")
        return json_response(records)

    scripted.respond = respond
    words = ["create", IMAGE, "-n", "kept", "--logs", "--rm", "--timeout", "9", "--", "true"]
    skaha(*words, env={"SKAHA_SERVER": scripted.url}, code=5)
    assert "no log" in skaha.err
    assert {request.method for request in scripted.received} == {"GET", "POST"}


def test_the_command_that_deletes_sessions_can_be_pasted(skaha, scripted):
    """An id that was found by a name comes from the platform, and may contain anything."""
    Platform(scripted, ["x; touch pwned"], POST=BAD_GATEWAY)
    skaha(*LEFT, "--rm", "--", "true", env={"SKAHA_SERVER": scripted.url}, code=None)
    assert "skaha delete 'x; touch pwned'" in skaha.err
