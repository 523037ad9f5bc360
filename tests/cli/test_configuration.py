"""Sources of the settings, contents of the file, and its changes."""

import os
import stat
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from filelock import FileLock
from scripted import Response, json_response

from skaha import Session, config, errors
from skaha.auth import token_expiry

FILE = """\
# mine
active = "site"

[profiles.site]  # the usual one
server = "https://site.example/skaha"
version = "v0"
token = "of-the-file"
timeout = 5
registry_username = "me"
registry_secret = "hush"

[profiles.here]
server = "local"
"""
CERTIFICATE = Path(__file__).parents[1] / "nobody.pem"


@pytest.fixture
def file(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SKAHA_")]:
        monkeypatch.delenv(name)
    path = tmp_path / "config.toml"
    path.touch(mode=0o600)
    path.write_text(FILE)
    monkeypatch.setenv("SKAHA_CONFIG", str(path))
    return path


def test_arguments_come_before_the_environment_the_profile_and_the_defaults(file, monkeypatch):
    assert config.settings()["timeout"] == 5
    assert config.settings().sources["timeout"] == f"profile site in {file}"
    monkeypatch.setenv("SKAHA_TIMEOUT", "7")
    assert config.settings()["timeout"] == 7
    assert config.settings().sources["timeout"] == "environment variable SKAHA_TIMEOUT"
    assert config.settings(timeout=9)["timeout"] == 9
    assert config.settings(timeout=9).sources["timeout"] == "argument"
    assert "concurrency" not in config.settings()


@pytest.mark.usefixtures("file")
def test_a_client_accepts_the_settings():
    session = Session(**config.settings())
    assert (session.server, session.version) == ("https://site.example/skaha", "v0")
    assert session.token == "of-the-file"
    assert session.registry.username == "me"
    assert "of-the-file" not in repr(config.settings())


@pytest.mark.usefixtures("file")
def test_the_profile_is_the_argument_the_variable_or_the_active_one(monkeypatch):
    assert config.settings("here")["server"] == "local"
    monkeypatch.setenv("SKAHA_PROFILE", "here")
    assert config.settings().profile == "here"
    assert config.settings("site").profile == "site"
    with pytest.raises(config.ConfigurationError, match="no profile 'nope'; there is site, here"):
        config.settings("nope")


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_profile_keeps_its_credentials_for_its_own_server(monkeypatch, how):
    arguments = {"server": "https://other.example/skaha"} if how == "argument" else {}
    if not arguments:
        monkeypatch.setenv("SKAHA_SERVER", "https://other.example/skaha")
    settings = config.settings(**arguments)
    assert set(settings) == {"profile", "server", "timeout"}
    assert config.settings(server="https://site.example/skaha/")["token"] == "of-the-file"


@pytest.mark.usefixtures("file")
def test_credentials_of_a_higher_level_hide_those_of_a_lower_one(monkeypatch, tmp_path):
    settings = config.settings(certificate="/a.pem")
    assert "token" not in settings
    assert str(settings["certificate"]) == "/a.pem"
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(" of-another-file\n")
    monkeypatch.setenv("SKAHA_TOKEN_FILE", str(tmp_path / "token"))
    assert config.settings()["token"]() == "of-another-file"
    assert "SKAHA_TOKEN_FILE" in config.settings().sources["token"]
    monkeypatch.setenv("SKAHA_TOKEN", "of-the-environment")
    assert config.settings()["token"] == "of-the-environment"


def test_a_path_in_the_file_is_relative_to_it(file):
    file.write_text('active = "a"\n[profiles.a]\ntoken_file = "beside"\n')
    (file.parent / "beside").touch(mode=0o600)
    (file.parent / "beside").write_text("t")
    assert config.settings()["token"]() == "t"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("active = ", "line 1"),
        ("[profiles.a]\nserver = 1", "line 2: profile a: server must be a URL or 'local', not int"),
        (
            '[profiles.a]\ntimeout = "x"',
            "line 2: profile a: timeout must be a number of seconds; not 'x'",
        ),
        ("[profiles.a]\nconcurrency = true", "line 2: profile a: concurrency must be"),
        ("\n[profiles.a]\n\nsevrer = 'x'", "line 4: profile a: unknown key 'sevrer'; did you"),
        ("profiles = {a = {tokn = 'x'}}", "line 1: profile a: unknown key 'tokn'"),
        ("profiles.a.tokn = 'x'", "line 1: profile a: unknown key 'tokn'"),
        ("other = 1", "line 1: unknown key 'other'"),
        ("[profiles]\na = 1", "line 2: profile a must be a table"),
        ('# one\nactive = "b"', "line 2: active: there is no profile 'b'"),
    ],
)
def test_an_error_names_the_file_the_line_and_the_key(file, text, message):
    file.write_text(text)
    with pytest.raises(errors.InvalidInputError) as raised:
        config.settings()
    assert str(file) in str(raised.value)
    assert message in str(raised.value)


def test_the_error_of_an_unreadable_setting_names_its_source(file, monkeypatch):
    file.write_bytes(b"\xff")
    with pytest.raises(config.ConfigurationError, match="cannot be read: it is not UTF-8"):
        config.settings()
    monkeypatch.setenv("SKAHA_CONFIG", str(file.parent))
    with pytest.raises(config.ConfigurationError, match="cannot be read: Is a directory"):
        config.settings()
    monkeypatch.setenv("SKAHA_CONFIG", str(file.parent / "nowhere"))
    monkeypatch.setenv("SKAHA_CONCURRENCY", "many")
    with pytest.raises(config.ConfigurationError, match="SKAHA_CONCURRENCY: concurrency must be"):
        config.settings()
    monkeypatch.delenv("SKAHA_CONCURRENCY")
    monkeypatch.setenv("SKAHA_TOKEN_FILE", "/nowhere")
    with pytest.raises(errors.TokenFileError, match="SKAHA_TOKEN_FILE: /nowhere cannot be"):
        config.settings()
    monkeypatch.delenv("SKAHA_TOKEN_FILE")
    monkeypatch.setenv("SKAHA_REGISTRY_SECRET", "hush")
    with pytest.raises(
        config.ConfigurationError, match=r"SKAHA_REGISTRY_SECRET: .* needs registry_username"
    ):
        config.settings()


def test_a_secret_that_others_can_read_causes_a_warning(file):
    file.chmod(0o644)
    with pytest.warns(UserWarning, match="chmod 600"):
        config.settings()
    config.settings("here")


def test_a_change_keeps_the_comments_and_makes_the_file_private(file):
    file.chmod(0o644)
    config.save("timeout", "60")
    config.save("server", "https://new.example/skaha", "here")
    assert file.read_text() == FILE.replace("= 5", "= 60.0").replace(
        '"local"', '"https://new.example/skaha"'
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    config.remove("timeout")
    assert "timeout" not in file.read_text()
    with pytest.raises(config.ConfigurationError, match="a whole number, 1 or more; not 'x'"):
        config.save("concurrency", "x")
    with pytest.raises(config.ConfigurationError, match="there is no profile 'x'"):
        config.save("active", "x")
    assert sorted(file.parent.iterdir()) == [file.with_name(".config.toml.lock"), file]


@pytest.mark.usefixtures("file")
def test_the_first_entry_creates_the_file_and_keeps_a_link(tmp_path, monkeypatch):
    target, link = tmp_path / "deep" / "er" / "real.toml", tmp_path / "link.toml"
    link.symlink_to(target)
    monkeypatch.setenv("SKAHA_CONFIG", str(link))
    config.save("server", "local")
    assert link.is_symlink()
    assert target.read_text() == 'active = "default"\n\n[profiles.default]\nserver = "local"\n'


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_chosen_profile_becomes_active_only_as_the_first_one(file, monkeypatch, how):
    def save(profile):
        if how == "environment":
            monkeypatch.setenv("SKAHA_PROFILE", profile)
        config.save("timeout", "9", profile if how == "argument" else None)
        monkeypatch.delenv("SKAHA_PROFILE", raising=False)
        return config.settings().profile

    file.write_text('[profiles.site]\nserver = "local"\n')
    assert save("try-out") is None
    config.save("timeout", "8")
    assert config.settings().profile == "default"
    file.write_text("")
    assert [save("first"), save("second")] == ["first", "first"]


# Files that are valid, and whether tomlkit changes them well.
UNUSUAL = [
    ('profiles.a.server = "local"\n', False),
    ('profiles.a = {server = "local"}\n', True),
    ('profiles = {a = {server = "local"}}\n', True),
    ('[profiles]\na.server = "local"\n', True),
    ('active = "a"\nprofiles.a.server = "local"\n', False),
    ('profiles.a.server = "local"\nactive = "a"\n', False),
    ('[profiles.a]\nserver = "local"\n[profiles]\n', False),
]


@pytest.mark.parametrize(("text", "is_possible"), UNUSUAL)
def test_a_file_in_an_unusual_notation_is_changed_or_stays(file, text, is_possible):
    file.write_text(text)
    config.save("timeout", "5", "a")
    assert config.settings("a") == {"profile": "a", "server": "local", "timeout": 5}
    before = file.read_text()
    if is_possible:
        config.save("timeout", "6", "b")
        assert config.settings("b")["timeout"] == 6
    else:
        with pytest.raises(
            errors.ConfigurationError, match=r"cannot be changed.*\[profiles\.NAME\]"
        ):
            config.save("timeout", "6", "b")
        assert file.read_text() == before
    assert config.settings("a")["timeout"] == 5


@pytest.mark.parametrize(
    "call",
    [
        lambda: config.save(5, "x"),
        lambda: config.save(["a"], "x"),
        lambda: config.save("timeout", ["5"]),
        lambda: config.save("timeout", 10**400),
        lambda: config.save("concurrency", 2.5),
        lambda: config.save("concurrency", True),
        lambda: config.save("token", lambda: "t"),
        lambda: config.save("token_file", "a\udcff"),
        lambda: config.save("timeout", "5", profile=5),
        lambda: config.save("timeout", "5", profile=["a"]),
        lambda: config.save("timeout", "5", profile="\udcff"),
        lambda: config.remove(["a"]),
        lambda: config.remove("timeout", profile=5),
        lambda: config.settings(["x"]),
        lambda: config.settings(token_file="a\0b"),
        lambda: config.in_use(tokn="hush"),
        lambda: config.valid_until(5),
    ],
)
def test_wrong_arguments_are_refused_and_the_file_stays(file, call):
    with pytest.raises(errors.InvalidInputError):
        call()
    assert file.read_text() == FILE


def test_without_an_active_profile_the_defaults_apply(file):
    config.remove("active")
    assert config.settings() == {}
    assert file.read_text() == FILE.replace('active = "site"\n', "")


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_file_that_another_process_changes_for_long_is_an_error(file, monkeypatch, is_linked):
    monkeypatch.setattr("skaha.config._file._LOCK_TIMEOUT", 0.05)
    if is_linked:
        link = file.with_name("link.toml")
        link.symlink_to(file)
        monkeypatch.setenv("SKAHA_CONFIG", str(link))
    with (
        FileLock(file.with_name(".config.toml.lock")),
        pytest.raises(config.ConfigurationError, match="another process has been changing"),
    ):
        config.save("timeout", "9")
    assert file.read_text() == FILE


@pytest.mark.parametrize("how", ["argument", "file"])
def test_a_server_with_the_name_of_its_version_is_refused(file, how):
    server = "https://site.example/skaha/beta"
    if how == "file":
        file.write_text(f'[profiles.a]\nserver = "{server}"\nversion = "beta"\n')
    arguments = {"server": server, "version": "beta"} if how == "argument" else {}
    with pytest.raises(errors.InvalidInputError, match="remove /beta"):
        config.settings(**arguments)


def test_a_path_is_saved_as_a_text(file):
    config.save("token_file", file)
    assert f'token_file = "{file}"' in file.read_text()


def test_an_unknown_setting_is_refused_and_not_shown():
    with pytest.raises(
        errors.InvalidInputError, match="unknown key 'tokn'; did you mean token"
    ) as e:
        config.settings(tokn="hush")
    shown = traceback.TracebackException.from_exception(e.value, capture_locals=True)
    assert "hush" not in "".join(str(frame.locals) for frame in shown.stack[1:])


def test_the_commands_show_get_set_and_unset_values(skaha):
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    path = skaha("config", "path").strip()
    assert path == str(skaha.home / ".config" / "skaha" / "config.toml")
    assert skaha("config", "get", "token", code=5) == ""
    skaha("config", "set", "server", skaha.url)
    skaha("config", "set", "token", stdin=b"a-token-of-the-tests\n")
    shown = {item["key"]: item for item in skaha.json("config", "show")}
    assert shown["server"] == {
        "key": "server",
        "value": skaha.url,
        "source": f"profile default in {path}",
    }
    assert shown["token"]["value"] == "..."
    assert shown["timeout"]["source"] == "default"
    assert skaha("config", "get", "token") == "a-token-of-the-tests\n"
    skaha("ps", "-q")
    skaha("--profile", "nope", "ps", code=2)
    skaha("config", "set", "sevrer", "x", code=2)
    skaha("config", "unset", "token")
    assert "token" not in Path(path).read_text()
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_an_incomplete_registry_is_shown_and_refused_with_its_source(skaha):
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    skaha("config", "set", "server", skaha.url)
    skaha("config", "set", "token", "a-token-of-the-tests")
    skaha("config", "set", "registry_username", "me")
    shown = {item["key"]: item["value"] for item in skaha.json("config", "show")}
    assert (shown["registry_username"], shown["registry_secret"]) == ("me", None)
    assert skaha("config", "get", "registry_username") == "me\n"
    skaha("ps", code=2)
    assert "config.toml: registry_username needs registry_secret, too" in skaha.err
    skaha("config", "set", "registry_secret", stdin=b"hush")
    assert "hush" not in skaha("config", "show")
    skaha("ps")


def test_get_token_reads_a_token_file(skaha):
    skaha.without("SKAHA_TOKEN", "SKAHA_SERVER")
    skaha("config", "set", "token_file", "/nowhere")
    assert "token_file\t/nowhere\tprofile default" in skaha("config", "show")
    skaha("config", "get", "token", code=4)
    (skaha.home / "token").write_text("a-token")
    skaha("config", "set", "token_file", "~/token")
    assert skaha("config", "get", "token") == "a-token\n"
    assert skaha("config", "get", "token_file") == f"{skaha.home / 'token'}\n"
    skaha("config", "get", "tokn", code=2)
    assert "unknown key 'tokn'" in skaha.err


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("server", "not a url", "server must be"),
        ("server", "https://skaha.example.org/skaha/v1", "must not end in the version"),
        ("concurrency", "0", "concurrency must be"),
        ("timeout", "nan", "timeout must be"),
        ("version", "a/b", "version must be"),
        ("token", "two words", "token must be"),
        ("login", "iam.example.org", "login must be an https URL"),
        ("registry_username", "a:b", "may not contain a colon"),
        ("registry_secret", "a:b", "may not contain a colon"),
    ],
)
def test_config_set_refuses_the_values_that_every_command_would_refuse(skaha, key, value, reason):
    skaha("config", "set", key, value, code=2)
    assert reason in skaha.err
    assert not (skaha.home / ".config" / "skaha" / "config.toml").exists()


def test_the_command_line_names_the_source_of_a_wrong_setting(skaha):
    for variable, value in (
        ("SKAHA_CONCURRENCY", "0"),
        ("SKAHA_TOKEN", "two words"),
        ("SKAHA_PROFILE", "nope"),
    ):
        skaha("ps", code=2, env={variable: value})
        assert variable in skaha.err
    for variable, reason in (
        ("SKAHA_CERTIFICATE", "the certificate /nowhere cannot be read"),
        ("SKAHA_TOKEN_FILE", "/nowhere cannot be read"),
    ):
        environment = {"SKAHA_TOKEN": "", "SKAHA_SERVER": "https://skaha.example.org"}
        skaha("ps", code=4, env=environment | {variable: "/nowhere"})
        assert f"{variable}: {reason}" in skaha.err


def test_auth_shows_when_the_token_in_a_file_expires(skaha):
    (skaha.home / "token").write_text("Bearer a-token-of-the-tests")
    environment = {"SKAHA_TOKEN": "", "SKAHA_TOKEN_FILE": str(skaha.home / "token")}
    [item] = skaha.json("auth", env=environment)
    assert (item["method"], item["expires"]) == ("token", None)
    assert "SKAHA_TOKEN_FILE" in item["source"]


def test_profiles_are_listed_with_their_servers(skaha):
    assert skaha.json("config", "profiles") == []
    skaha("config", "set", "server", "local", "--profile", "laptop")
    skaha("config", "set", "timeout", "9", "--profile", "Ünï c.d")
    [laptop, other] = skaha.json("config", "profiles")
    assert laptop == {"profile": "laptop", "server": "local", "active": True}
    assert other["server"] == config.DEFAULTS["server"]
    assert skaha("config", "profiles", "-o", "name") == "laptop\nÜnï c.d\n"
    assert "local\tno\n" in skaha("config", "profiles", env={"SKAHA_PROFILE": "Ünï c.d"})
    skaha("config", "profiles", "--profile", "nope", code=2)


def test_use_makes_a_profile_active(skaha):
    for profile in ("laptop", "other"):
        skaha("config", "set", "server", "local", "--profile", profile)
    assert skaha.json("config", "use", "other") == [
        {"profile": "other", "server": "local", "active": True}
    ]
    assert skaha("config", "get", "profile") == "other\n"
    skaha("config", "use", "nope", code=2)
    assert "there is no profile 'nope'; there is laptop, other" in skaha.err
    assert "skaha config set server SERVER --profile nope" in skaha.err
    skaha("config", "use", "laptop", env={"SKAHA_PROFILE": "other"})
    assert "the environment variable SKAHA_PROFILE still selects other" in skaha.err


def test_a_secret_as_an_argument_causes_a_warning(skaha):
    skaha("config", "set", "token", "a-token-of-the-tests")
    assert "other users can see the commands that you run: leave the token out" in skaha.err
    assert "a-token-of-the-tests" not in skaha.err
    skaha("config", "set", "token", stdin=b"a-token-of-the-tests")
    skaha("config", "set", "timeout", "9")
    assert skaha.err == ""


def test_an_empty_value_is_refused(skaha):
    skaha("config", "set", "token", code=2)
    assert "token cannot be empty" in skaha.err
    skaha("config", "unset", "token")
    assert not (skaha.home / ".config").exists()


@pytest.mark.usefixtures("file")
def test_changes_by_several_processes_are_all_kept():
    names = [f"p{number}" for number in range(10)]
    code = "import sys; from skaha import config; config.save('server', 'local', sys.argv[1])"
    processes = [subprocess.Popen([sys.executable, "-c", code, name]) for name in names]
    assert [process.wait(30) for process in processes] == [0] * len(names)
    assert {*names} < {*config.profiles()}


def test_a_missing_or_read_only_home_directory(skaha):
    skaha("ps", "-q", env={"HOME": "", "SKAHA_CONFIG": ""})
    skaha("ps", "-q", env={"HOME": "/proc"})
    skaha("config", "set", "server", "local", env={"HOME": "/proc"}, code=2)
    assert "cannot be written" in skaha.err
    skaha("ps", "-q", env={"HOME": "/dev/null"})


def test_auth_shows_the_user_and_the_credentials(skaha):
    [item] = skaha.json("auth")
    assert item["user"]
    assert (item["method"], item["source"]) == ("token", "environment variable SKAHA_TOKEN")
    assert item["expires"] is None
    assert skaha("auth", "-o", "name") == f"{item['user']}\n"
    assert "a-token-of-the-tests" not in skaha.out


def test_the_expiry_of_a_certificate():
    assert config.valid_until(CERTIFICATE).year > 2000


def test_a_certificate_that_is_not_utf_8_is_not_shown(tmp_path):
    path = tmp_path / "proxy.pem"
    path.write_bytes(b"# Andr\xe9\n" + CERTIFICATE.read_bytes())
    with pytest.raises(OSError, match="not UTF-8") as caught:
        config.valid_until(path)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_the_expiry_of_a_token():
    assert token_expiry("a.eyJleHAiOjE4MDAwMDAwMDB9.b").year == 2027
    for token in ("", "a", "a.b.c", "a.e30.c", "a.eyJleHAiOiJ4In0.c"):
        assert token_expiry(token) is None


def test_the_command_line_accepts_the_name_of_a_server(skaha):
    url = "https://ws-uv.canfar.net/skaha"
    skaha.without("SKAHA_SERVER", "SKAHA_TOKEN")
    [item] = skaha.json("--server", "canSRC", "config", "get", "server")
    assert item["value"] == "https://src.canfar.net/skaha"
    skaha("config", "set", "server", "canfar")
    assert skaha("config", "get", "server") == f"{url}\n"
    [failed] = skaha.json("ps", "--server", "canfra", code=2)
    assert "a URL like" in failed["error"]["message"]
    assert "one of the names canfar, ausSRC" in skaha.err
    skaha("config", "set", "server", "canfra", code=2)
    assert skaha("config", "get", "server") == f"{url}\n"


@pytest.mark.parametrize("how", ["argument", "environment", "file"])
@pytest.mark.parametrize("name", ["canfar", "CANFAR"])
def test_a_server_has_a_name_in_every_source(file, monkeypatch, how, name):
    url = "https://ws-uv.canfar.net/skaha"
    if how == "environment":
        monkeypatch.setenv("SKAHA_SERVER", name)
    if how == "file":
        file.write_text(f'active = "a"\n[profiles.a]\nserver = "{name}"\ntoken = "of-a"\n')
    arguments = {"server": name} if how == "argument" else {}
    assert Session(**arguments).server == config.settings(**arguments)["server"] == url
    # The token belongs to the server of its profile, however that is written.
    if how == "file":
        assert config.settings(server=url)["token"] == "of-a"
        assert config.profiles() == {"a": url}


def test_a_server_whose_url_only_a_registry_knows_is_looked_up_when_it_is_used(file, scripted):
    registry = scripted.url.replace("/skaha", "/reg")
    file.with_name("sites.toml").write_text(
        f'[providers.mine]\nmethod = "oidc"\nurl = "https://a.example"\nregistry = "{registry}"\n'
        '[servers.mySRC]\nprovider = "mine"\nuri = "ivo://my.example/skaha"\n'
    )
    file.write_text('active = "a"\n[profiles.a]\nserver = "mySRC"\n[profiles.b]\n')
    url = "https://my.example/skaha"
    listing = f"ivo://my.example/skaha = {url}/capabilities\n"
    scripted.respond = lambda _: Response(200, listing)
    assert config.in_use()["server"] == "mySRC"
    assert config.settings("b").profile == "b"
    assert scripted.received == []
    assert Session(token="t").server == url
    assert Session(server="mysrc", token="t").server == url
    config.save("server", "mySRC", "b")
    assert config.profiles()["b"] == url
    scripted.respond = lambda _: Response(404)
    with pytest.raises(errors.CredentialsError, match="the URL of mySRC is unknown"):
        config.settings()


@pytest.mark.parametrize("where", ["before", "after"])
def test_every_connection_option_stands_before_or_after_the_command(skaha, scripted, where):
    skaha.without("SKAHA_TOKEN")
    scripted.respond = lambda _: json_response([])
    (skaha.home / "token").write_text("of-a-file")
    (skaha.home / "token").chmod(0o600)
    options = ["--server", scripted.url, "--api-version", "v7", "--concurrency", "3"]
    options += ["--token-file", str(skaha.home / "token"), "--request-timeout", "9"]
    skaha(*(options if where == "before" else []), "ps", *(options if where == "after" else []))
    [request] = scripted.received
    assert request.path == "/skaha/v7/session"
    assert request.headers["authorization"] == "Bearer of-a-file"
    options += ["--certificate", str(CERTIFICATE)]
    words = ["config", "show"]
    words = [*options, *words] if where == "before" else [*words, *options]
    values = {item["key"]: item for item in skaha.json(*words)}
    assert (values["timeout"]["value"], values["concurrency"]["value"]) == (9, 3)
    assert values["version"]["source"] == "argument"


def test_a_timeout_limits_the_wait_for_sessions_or_for_responses(skaha, scripted):
    running = {"id": "a1", "name": "a-1", "type": "headless", "status": "Running"}
    scripted.respond = lambda _: json_response([running])
    env = {"SKAHA_SERVER": scripted.url}
    skaha("--timeout", "0.1", "wait", "a-1", env=env, code=124)
    skaha("wait", "a-1", "--timeout", "0.1", env=env, code=124)
    for words in (["--timeout", "7", "config", "show"], ["config", "show", "--timeout", "7"]):
        assert "timeout\t7\targument" in skaha(*words)


def test_a_long_file_that_is_no_configuration_is_refused_at_once(tmp_path, monkeypatch):
    """The search for the line of the problem must be short."""
    file = tmp_path / "config.toml"
    monkeypatch.setenv("SKAHA_CONFIG", str(file))
    start = time.monotonic()
    file.write_text("# a comment\n" * 20_000 + "active = 'a'\nprofiles.a.timeout = -1\n")
    with pytest.raises(errors.ConfigurationError, match="timeout must be more than 0"):
        config.settings()
    file.write_text("# a comment\n" * 20_000 + "active = 'a'\nprofiles.a.timeout = \n")
    with pytest.raises(errors.ConfigurationError, match="at line 20002"):
        config.settings()
    assert time.monotonic() - start < 10
    file.write_text("# a comment\n" * 100 + "active = 'a'\nprofiles.a.timeout = -1\n")
    with pytest.raises(errors.ConfigurationError, match="line 102: "):
        config.settings()


@pytest.mark.parametrize("name", ["config.toml", "sites.toml"])
def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setenv("SKAHA_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / name).write_text(f"profiles = {'[' * 5000}")
    with pytest.raises(errors.ConfigurationError, match=name):
        config.settings(server="canfar")
