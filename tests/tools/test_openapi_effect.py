"""A GET that says of itself that it writes is not taken for one that reads; one that merely sounds so is."""

import json

import pytest

from ste_graph.tools.openapi.effect import find_doubt
from ste_graph.tools.openapi.source import OpenAPITools
from ste_graph.tools.openapi.spec import ListedOperation
from ste_graph.tools.verbs import third_person

GET = "GET, but its name says that it deletes; not called unless `effects: {deleteUser: read}`"


def entry(id: str = "", path: str = "/x", summary: str = "", method: str = "get") -> ListedOperation:
    return ListedOperation(id, id, method, path, {"operationId": id, "summary": summary}, {}, "", "")


@pytest.mark.parametrize(
    ("operation", "doubt"),
    [
        (entry("deleteUser", "/user/delete", "Deletes a user"), "its name says that it deletes"),
        (entry("GET_TerminateInstances", "/#Action=TerminateInstances"), "its name says that it terminates"),
        (entry("GET_RunInstances", "/#Action=RunInstances"), "its name says that it runs"),
        (entry("GET_BatchDeleteAttributes", "/#Action=BatchDeleteAttributes"), "its name says that it deletes"),
        (entry("GET_ModifyImageAttribute", "/#Action=ModifyImageAttribute"), "its name says that it modifies"),
        (entry("setHTMLUsingGET", "/setHTML"), "its name says that it sets"),
        (entry("delete_user_users__id__get", "/users/{id}"), "its name says that it deletes"),
        (entry("apps_uninstall", "/apps.uninstall"), "its name says that it uninstalls"),
        (entry("UserController/delete", "/users/{id}/gone"), "its name says that it deletes"),
        (entry("deleteSavedSearch", "/x"), "its name says that it deletes"),
        (entry("getUserDelete", "/user/delete"), "its path says that it deletes"),
        (entry("", "/user/delete"), "its path says that it deletes"),
        (entry("", "/v1/removeContact/{id}"), "its path says that it removes"),
        (entry("", "/meetings/{id}/start"), "its path says that it starts"),
        (
            entry("connectCoreV1GetNamespacedPodExec", "/pods/{name}/exec", "connect GET requests to exec of Pod"),
            "its path says that it executes",
        ),
        (entry("getSendTx", "/tx/{hex}", "Send transaction"), "its summary says that it sends"),
        (entry("userGone", "/x", "Deletes a user"), "its summary says that it deletes"),
        (entry("", "/x", "Sets a private note on a user."), "its summary says that it sets"),
        (entry("", "/x", "<p>Modifies the group.</p>"), "its summary says that it modifies"),
    ],
    ids=lambda value: getattr(value, "name", None) or getattr(value, "path", ""),
)
def test_a_get_that_says_that_it_writes_is_doubted(operation, doubt):
    assert find_doubt(operation) == doubt


@pytest.mark.parametrize(
    "operation",
    [
        entry("GetSetting", "/s", "One setting"),
        entry("sites.termStore.sets.terms.GetSet", "/sets/{id}/set", "Get set from sites"),
        entry("settings_list", "/settings"),
        entry("createdAtList", "/created-at"),
        entry("listDeleted", "/deleted"),
        entry("getDeletedUsers", "/users/deleted", "Lists deleted users"),
        entry("StopPoint_GetByMode", "/StopPoint/Mode/{modes}", "Gets the stop points of a mode"),
        entry("StopPoint_Arrivals", "/StopPoint/{id}/Arrivals", "Gets the list of arrivals"),
        entry("uploadSessionsOne", "/upload-sessions/{id}", "Get Upload Session"),
        entry("purchaseOrdersAll", "/purchase-orders", "List Purchase Orders"),
        entry("postReplies", "/posts/{id}/replies.json", "List replies to a post"),
        entry("ExecInspect", "/exec/{id}/json", "Inspect an exec instance"),
        entry("Element_ExecuteSearchByAttribute", "/elements/searchbyattribute/{id}"),
        entry("getQuery", "/v1/query", "Execute an ad-hoc query"),
        entry("getTag", "/tag/{name}.json", "Get a specific tag"),
        entry("getTags", "/tags", "Tags List"),
        entry("droplets_list_associatedResources", "/droplets/{id}/destroy_with_resources", "List the resources"),
        entry("List_all_Company_for_User", "/user/{id}/company", "Create and manage companies."),
        entry("", "/trip/{trip_id}/stop", "list stops for a trip"),
        entry("Schedule", "/Schedule/{id}", "Schedule"),
        entry("FailoverGroups_Get", "/failoverGroups/{name}", "Gets a failover group."),
        entry("RateCard_Get", "/RateCard", "Enables you to query for the metadata"),
        entry("", "/x", "Updates"),
    ],
    ids=lambda operation: operation.name or operation.path,
)
def test_a_get_with_such_a_word_elsewhere_reads(operation):
    assert find_doubt(operation) is None


@pytest.mark.parametrize(
    ("verb", "written"),
    [("delete", "deletes"), ("apply", "applies"), ("destroy", "destroys"), ("publish", "publishes"), ("put", "puts"),
     ("exec", "executes"), ("shutdown", "shuts down")],
)  # fmt: skip
def test_verbs_are_written_in_the_third_person(verb, written):
    assert third_person(verb) == written


def source(tmp_path, **settings) -> OpenAPITools:
    user = {"operationId": "deleteUser", "summary": "Deletes a user"}
    paths = {
        "/user/delete": {"get": user},
        "/user": {"get": {"operationId": "getUser"}},
        "/a": {"head": {**user, "operationId": "a"}},
    }
    spec = {"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "servers": [{"url": "http://127.0.0.1:9"}]}
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "paths": paths}), encoding="utf-8")
    return OpenAPITools(spec=str(tmp_path / "spec.json"), **settings)


async def test_a_doubtful_get_counts_as_destructive_and_the_tool_says_why(tmp_path):
    tools = {tool.name: (tool.effect, tool.effect_note) for tool in await source(tmp_path).open()}
    assert tools == {
        "deleteUser": ("destructive", GET),
        "getUser": ("read", None),
        "a": (
            "destructive",
            "HEAD, but its summary says that it deletes; not called unless `effects: {a: read}`",
        ),
    }


async def test_an_effect_of_the_workflow_settles_the_doubt(tmp_path):
    stated = {"deleteUser": "read", "a": "destructive"}
    tools = {tool.name: (tool.effect, tool.effect_note) for tool in await source(tmp_path, effects=stated).open()}
    assert tools == {"deleteUser": ("read", None), "getUser": ("read", None), "a": ("destructive", None)}
