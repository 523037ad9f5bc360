"""Tasks of the project: `scripts/nox` checks everything, `scripts/nox -s demo` shows an example."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - nox may run on an older Python than the project
    sys.exit("This project needs Python 3.11 or newer: run scripts/nox with such a Python.")

import shutil
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "drift", "types", "docs", "tests"]

CONSTRAINTS = "constraints.txt"
PYTEST = ["pytest", "-n", "auto", "--dist", "worksteal"]
ALL_TESTS = [*PYTEST, "-m", ""]
PYPROJECT = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))


def install(session: nox.Session, *groups: str, project: str | None = None) -> None:
    """Install dependency groups, and the project with its extras if `project` names it.

    The versions of all packages are those of `constraints.txt`, also while the project is built.
    """
    editable = [] if project is None else ["-e", project]
    tools = nox.project.dependency_groups(PYPROJECT, *groups)
    settings = {"PIP_BUILD_CONSTRAINT": CONSTRAINTS, "UV_BUILD_CONSTRAINT": CONSTRAINTS}
    # Without this, each of the many processes of the tests would compile the same modules.
    settings["UV_COMPILE_BYTECODE"] = "1"
    session.install("--constraint", CONSTRAINTS, *tools, *editable, env=settings)


@nox.session
def constraints(session: nox.Session) -> None:
    """Write the newest versions of all packages of the nox sessions to constraints.txt."""
    session.install("--constraint", CONSTRAINTS, "uv")
    command = ["uv", "pip", "compile", "pyproject.toml", "--all-extras", "--group", "dev"]
    command += ["--upgrade", "--universal", "--python-version", "3.11"]
    # The file holds names and versions only: each machine has its own package index.
    command += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
    # pyproject.toml alone pins these two, so that `nox -s upgrade` has one place to change.
    command += ["--no-emit-package", "openapi-python-client", "--no-emit-package", "ruff"]
    session.run(*command, "--quiet", "--output-file", CONSTRAINTS)


@nox.session
def generate(session: nox.Session) -> None:
    """Generate all generated code; `-- --spec FILE` only shows the changes that FILE causes."""
    install(session, "generate")
    script = "preview.py" if session.posargs else "regenerate.py"
    session.run("python", f"scripts/{script}", *session.posargs)


@nox.session(reuse_venv=False)
def upgrade(session: nox.Session) -> None:
    """Upgrade the generator and ruff, or install `-- NAME==VERSION`; generate, show the diff."""
    options = [argument for argument in session.posargs if argument.startswith("-")]
    wanted = [argument for argument in session.posargs if argument not in options]
    tools = nox.project.dependency_groups(PYPROJECT, "generate")
    names = [tool.split("==")[0] for tool in tools]
    session.install("--upgrade", *(wanted or names))
    session.run("python", "scripts/upgrade.py", *options)


@nox.session
def drift(session: nox.Session) -> None:
    """Fail if the committed code differs from the code that would be generated."""
    install(session, "generate")
    session.run("python", "scripts/regenerate.py", "--check")


@nox.session
def compare(session: nox.Session) -> None:
    """Compare a platform's published description with ours: `-- SOURCE`, and `--help`."""
    install(session, "compare", project=".")
    session.run("python", "scripts/compare.py", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check types strictly."""
    install(session, "types", project=".[all]")
    session.run("mypy")
    session.run("basedpyright")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the fast tests; arguments go to pytest."""
    install(session, "test", project=".[all]")
    session.run(*PYTEST, *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests; arguments go to pytest."""
    install(session, "test", project=".[all]")
    session.run(*PYTEST, "-m", "slow", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run all tests, and print the lines and branches of skaha/ that they do not reach."""
    install(session, "test", "coverage", project=".[all]")
    session.run("coverage", "erase")
    # Report also after failed tests: some tests forbid the modules that coverage imports.
    command = ["coverage", "run", "-m", *ALL_TESTS, *session.posargs]
    session.run(*command, success_codes=[0, 1])
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation in site/; the first page is site/index.html."""
    install(session, "docs", project=".[all]")
    session.run("sphinx-build", "-W", "--keep-going", "-n", "-q", "-E", "docs", "site")


@nox.session
def lowest(session: nox.Session) -> None:
    """Run all tests with the lowest versions that are allowed; arguments go to pytest."""
    # Install everything in one resolution: a second one could raise the versions.
    tools = nox.project.dependency_groups(PYPROJECT, "test")
    session.install("--resolution=lowest-direct", *tools, "-e", ".[all]")
    session.run(*ALL_TESTS, *session.posargs)


@nox.session(reuse_venv=False)
def newest(session: nox.Session) -> None:
    """Run all tests with the newest versions of all packages; arguments go to pytest."""
    # The generator keeps its version: the committed client depends on it.
    generator = nox.project.dependency_groups(PYPROJECT, "generate")
    tools = nox.project.dependency_groups(PYPROJECT, "test")
    names = [tool if tool in generator else tool.split("==")[0] for tool in tools]
    session.install("--upgrade", *names, "-e", ".[all]")
    session.run(*ALL_TESTS, *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """Run an example with replicas on the embedded platform, sync and async."""
    install(session, project=".[local]")
    session.run("python", "examples/count_lines.py", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Check that a live platform conforms to the description: `-- --server URL`, and `--help`."""
    install(session, "conformance", project=".[local]")
    session.run("python", "scripts/conformance.py", *session.posargs)


@nox.session
def clients(session: nox.Session) -> None:
    """Check the description with other tools, and send its requests; needs npm.

    `-- --record` records the requests for the tests.
    """
    install(session, "generate", project=".[local]")
    folder = Path(session.create_tmp())
    for path in Path("scripts/clients").iterdir():
        shutil.copy(path, folder)
    npm = ["npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    with session.chdir(folder):
        session.run(*npm, external=True)
    spec = "openapi/skaha.yaml"
    for command in (
        ["redocly", "lint", "--config", str(folder / "redocly.yaml"), spec],
        ["spectral", "lint", "-r", str(folder / "spectral.yaml"), "--fail-severity=hint", spec],
        ["openapi-typescript", spec, "--output", str(folder / "schema.d.ts")],
        ["tsc", "--project", str(folder)],
    ):
        program = folder.resolve() / "node_modules/.bin" / command[0]
        session.run(str(program), *command[1:], external=True)
    session.run("python", "scripts/clients.py", "--folder", str(folder), *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks against other clients; arguments go to the benchmarks."""
    install(session, project=".[cli,dask,local]")
    session.run("python", "-m", "benchmarks", *session.posargs)
