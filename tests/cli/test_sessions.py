"""Looking at sessions, waiting for them, ending them."""

import re

import pytest

IMAGE = "images.canfar.net/skaha/terminal:1.1.2"
FIELDS = re.findall(r"\w+", "id name kind status image cores ram_gib gpus started expires url user")


def test_the_way_of_a_session(clean):
    skaha = clean
    one = skaha("create", IMAGE, "--name", "way", "-o", "name", "--", "echo", "hello").strip()
    [done] = skaha.json("wait", "way-1", "--timeout", "20")
    assert done == {"id": one, "name": "way-1", "status": "Completed"}
    [listed] = skaha.json("ps")
    assert list(listed) == FIELDS
    assert listed["id"] == one
    assert (listed["kind"], listed["cores"], listed["ram_gib"]) == ("headless", 2, 4)
    [known] = skaha.json("info", "way-1")
    assert {key: known[key] for key in FIELDS} == listed
    assert known["record"]["id"] == one
    assert skaha("logs", one) == "hello\n"
    assert skaha.json("logs", one) == [{"id": one, "name": "way-1", "log": "hello\n"}]
    reasons = [event["reason"] for event in skaha.json("events", "way-1")]
    assert reasons[-1] == "Completed"
    assert skaha("rm", "WAY-1") == f"{one}\tway-1\n"
    assert skaha("ls") == ""


def test_ps_chooses(clean):
    skaha = clean
    skaha.launch("good", "true")
    skaha.launch("bad", "false")
    assert skaha("ps", "-q", "--status", "Completed") == skaha("ps", "-q", "good")
    assert skaha("ps", "--status", "succeeded", "-q") == skaha("ps", "-q", "good")
    assert [one["name"] for one in skaha.json("ps", "--status", "Failed")] == ["bad-1"]
    both = skaha.json("ps", "--status", "Failed", "--status", "Completed", "--kind", "headless")
    assert [one["name"] for one in both] == ["bad-1", "good-1"]
    assert skaha.json("ps", "--kind", "notebook") == []
    public = skaha("ps", "--everyone").splitlines()
    assert len(public) == 2
    assert public[0].split("\t")[1] == "headless"


def test_names_are_found_as_they_were_typed(clean):
    one = clean("create", IMAGE, "-n", "Typed", "-o", "name", "--", "true")
    assert clean("wait", "Typed-*", "-o", "name") == one
    assert clean("ps", "-q", "Typed") == clean("prune", "Typed", "--yes", "-o", "name") == one


def test_replicas_are_in_natural_order(clean):
    clean("create", IMAGE, "-n", "many", "-r", "11", "--", "true")
    assert [one["name"] for one in clean.json("ps", "many-")][-2:] == ["many-10", "many-11"]
    assert [one["name"] for one in clean.json("wait", "many-*")][:2] == ["many-1", "many-2"]


def test_what_is_not_there_is_5_and_part_of_it_is_3(skaha):
    one = skaha.launch("there", "true")
    for command in ("info", "logs", "events", "wait", "renew", "delete"):
        assert skaha(command, "nobodys1", code=5) == ""
        assert "there is no session nobodys1" in skaha.err
    [found, missing] = skaha.json("info", one, "no-one", code=3)
    assert found["id"] == one
    assert missing["id"] == "no-one"
    assert missing["error"]["code"] == "not_found"
    skaha("delete", "no-one", "--force")


def test_a_name_of_several_sessions_is_ambiguous(clean):
    ids = [clean.launch("twin", "true") for _ in range(2)]
    clean("delete", "twin-1", code=2)
    assert all(one in clean.err for one in ids)
    clean("delete", *ids)


def test_delete_takes_no_patterns(skaha):
    skaha("delete", "a*", code=2)
    assert "prune" in skaha.err


def test_a_wait_says_how_it_ended(skaha):
    skaha.begin("slow", "sleep", "60")
    skaha("wait", "slow-1", "--until", "running", "--timeout", "20")
    [late] = skaha.json("wait", "slow-1", "--timeout", "0.2", code=124)
    assert late["error"]["code"] == "timed_out"
    assert "slow-1" not in skaha("ps", "--status", "Failed")
    skaha.launch("failing", "false")
    skaha("wait", "failing-1", code=1)
    assert "ended as Failed" in skaha.err
    skaha("wait", "failing-1", "--until", "Failed")
    skaha("delete", "slow-1", "failing-1", "--verify")


def test_prune_deletes_what_it_shows(clean):
    skaha = clean
    skaha.launch("prune-a", "true")
    skaha.launch("prune-b", "false")
    skaha("prune", "prune", code=2)
    assert "nobody is there to be asked" in skaha.err
    skaha("prune", code=2)
    assert [one["name"] for one in skaha.json("prune", "prune", "--dry-run")] == ["prune-a-1"]
    anything = ("prune", "--dry-run", "--all", "--status", "any")
    assert [one["name"] for one in skaha.json(*anything)] == ["prune-a-1", "prune-b-1"]
    [gone] = skaha.json("prune", "prune", "--yes", "--verify")
    assert gone["name"] == "prune-a-1"
    assert [one["name"] for one in skaha.json("ps")] == ["prune-b-1"]


def test_renew(skaha):
    one = skaha.begin("renewed", "sleep", "60")
    [renewed] = skaha.json("renew", one)
    assert renewed["id"] == one
    assert renewed["expires"].endswith("Z")
    skaha("delete", one)


def test_open_says_why_it_cannot(skaha):
    one = skaha.begin("closed", "sleep", "60")
    [failed] = skaha.json("open", one, "--no-browser", code=2)
    assert "it is headless" in failed["error"]["message"]
    skaha("delete", one)


@pytest.mark.parametrize("command", ["images", "repositories", "resources", "availability", "apps"])
def test_the_platform_in_every_format(skaha, command):
    items = skaha.json(command)
    assert isinstance(items, list)
    names = skaha(command, "-o", "name").splitlines()
    assert len(names) == len(items)
    assert all(name in map(str, one.values()) for name, one in zip(names, items, strict=True))


def test_images_with_a_text(skaha):
    assert IMAGE in skaha("images", "terminal", "--kind", "headless", "-o", "name").splitlines()
    assert skaha("images", "nothing-like-this") == ""


def test_stats(skaha):
    assert "cores.cpuCoresAvailable" in skaha("stats", "-o", "name")


def test_versions(skaha):
    assert {"skaha", "python", "httpx"} <= {one["name"] for one in skaha.json("version")}
