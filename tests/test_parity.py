"""Both variants have the same names and docstrings, and exactly the published signatures."""

import inspect
import re

import pytest

import skaha
import skaha.client
import skaha.context
import skaha.images
import skaha.overview
import skaha.session

CLASSES = ["Session", "Images", "Context", "Overview"]
CONSTRUCTION = (
    "server=None, version=None, token=None, certificate=None, timeout=None, concurrency=None, "
    "registry=None, loglevel=None, verify=True"
)
# The published parameters: scripts rely on their names, order and defaults.
PUBLISHED = {
    "Session.create": (
        "name, image, cores=2, ram=4, kind='headless', gpu=None, cmd=None, args=None, env=None, "
        "replicas=1"
    ),
    "Session.fetch": "kind=None, status=None, view=None",
    "Session.info": "ids",
    "Session.logs": "ids, verbose=False",
    "Session.events": "ids, verbose=False",
    "Session.destroy": "ids",
    "Session.destroy_with": "prefix, kind='headless', status='Succeeded'",
    "Session.stats": "",
    "Images.fetch": "kind=None",
    "Context.resources": "",
    "Overview.availability": "",
}
COROUTINES_ONLY_IN_ASYNC = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD


def positional_parameters(function):
    """Return the source text of the parameters that can be given by position."""
    parameters = list(inspect.signature(function).parameters.values())
    return ", ".join(
        parameter.name
        if parameter.default is parameter.empty
        else f"{parameter.name}={parameter.default!r}"
        for parameter in parameters
        if parameter.kind is POSITIONAL and parameter.name != "self"
    )


def other_parameters(function):
    """Return the parameters that cannot be given by position."""
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is not POSITIONAL]


def public_members(cls):
    special = set(COROUTINES_ONLY_IN_ASYNC) | set(COROUTINES_ONLY_IN_ASYNC.values())
    return {
        name: inspect.getattr_static(cls, name)
        for name in dir(cls)
        if not name.startswith("_") or name in special
    }


def as_sync(text):
    """Return the text of the sync variant for a text of the async variant."""
    text = re.sub(r"\bAsync(?=[A-Z])|\bawait ", "", text).replace("async ", "")
    return text.replace("aclose", "close").replace("_async", "_sync")


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("prefix", ["", "Async"])
def test_signatures_are_as_published(prefix, name):
    cls, method = name.split(".")
    function = getattr(getattr(skaha, prefix + cls), method)
    assert positional_parameters(function) == PUBLISHED[name]
    assert {parameter.kind for parameter in other_parameters(function)} <= {
        inspect.Parameter.KEYWORD_ONLY
    }


@pytest.mark.parametrize("name", ["SkahaClient", *CLASSES, *(f"Async{name}" for name in CLASSES)])
def test_all_classes_have_the_same_construction(name):
    cls = getattr(skaha, name)
    assert positional_parameters(cls) == CONSTRUCTION
    assert {parameter.kind for parameter in other_parameters(cls)} == {
        inspect.Parameter.KEYWORD_ONLY
    }
    assert issubclass(cls, skaha.SkahaClient)


@pytest.mark.parametrize("name", CLASSES)
def test_both_variants_have_the_same_names(name):
    asynchronous = {
        COROUTINES_ONLY_IN_ASYNC.get(member, member)
        for member in public_members(getattr(skaha, f"Async{name}"))
    }
    assert asynchronous == set(public_members(getattr(skaha, name)))


def pairs():
    for name in CLASSES:
        for member, function in public_members(getattr(skaha, f"Async{name}")).items():
            if inspect.isfunction(function):
                sync_name = COROUTINES_ONLY_IN_ASYNC.get(member, member)
                yield pytest.param(
                    function, public_members(getattr(skaha, name))[sync_name], id=f"{name}.{member}"
                )


PAIRS = list(pairs())


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_both_variants_have_the_same_signatures(asynchronous, synchronous):
    async_signature, sync_signature = map(inspect.signature, (asynchronous, synchronous))
    assert as_sync(str(async_signature)) == str(sync_signature)


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_both_variants_have_the_same_docstrings(asynchronous, synchronous):
    assert synchronous.__doc__
    assert as_sync(asynchronous.__doc__) == synchronous.__doc__


@pytest.mark.parametrize("name", CLASSES)
def test_both_classes_have_the_same_docstrings(name):
    synchronous = getattr(skaha, name).__doc__
    assert as_sync(getattr(skaha, f"Async{name}").__doc__) == synchronous


@pytest.mark.parametrize(("asynchronous", "synchronous"), PAIRS)
def test_only_the_methods_of_the_async_variant_are_coroutines(asynchronous, synchronous):
    is_generator = inspect.isasyncgenfunction(asynchronous)
    assert inspect.iscoroutinefunction(asynchronous) or is_generator
    assert not inspect.iscoroutinefunction(synchronous)
    assert not inspect.isasyncgenfunction(synchronous)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (skaha.session, ["Session", "AsyncSession"]),
        (skaha.images, ["Images", "AsyncImages"]),
        (skaha.context, ["Context", "AsyncContext"]),
        (skaha.overview, ["Overview", "AsyncOverview"]),
        (skaha.client, ["SkahaClient"]),
    ],
)
def test_every_class_can_be_imported_from_its_module_and_from_the_package(module, names):
    for name in names:
        assert getattr(module, name) is getattr(skaha, name)
        assert name in module.__all__
        assert name in skaha.__all__


def test_every_listed_name_of_the_package_exists_and_others_raise():
    assert {name for name in skaha.__all__ if hasattr(skaha, name)} == set(skaha.__all__)
    assert set(skaha.__all__) <= set(dir(skaha))
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = skaha.Sesion
