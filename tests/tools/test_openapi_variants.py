"""A call that fits one of a description's variants is sent, and told from the others by the discriminator."""

import json

import pytest

from ste_graph.tools.arguments import ArgumentChecker
from ste_graph.tools.openapi.request import build_request
from ste_graph.tools.openapi.source import OpenAPITools

KIND = {"kind": {"type": "string"}}
NUMBER, IBAN = {"number": {"type": "string"}}, {"iban": {"type": "string", "minLength": 15}}


def obj(*, required=(), **properties):
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


def mapped(**mapping):
    return {"propertyName": "kind", "mapping": {key: ref(name)["$ref"] for key, name in mapping.items()}}


@pytest.fixture
def tool_of(tmp_path):
    """The tool whose body is the schema `body`, in a spec with the other schemas."""

    async def make(body, version="3.0.3", **schemas):
        spec = {
            "openapi": version,
            "servers": [{"url": "http://localhost:9"}],
            "paths": {"/x": {"post": {"operationId": "pay", "requestBody": {"required": True, "content": {}}}}},
            "components": {"schemas": schemas},
        }
        spec["paths"]["/x"]["post"]["requestBody"]["content"] = {"application/json": {"schema": body}}
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        source = OpenAPITools(spec=str(path))
        (tool,) = await source.open()
        return tool

    return make


def sent(tool, arguments):
    """The body that is sent; the problem if the call is refused."""
    checked = ArgumentChecker(tool.name, tool.parameters).check(arguments)
    return checked.problem or json.loads(build_request(tool.operation, checked.arguments).content)


def problem(tool, arguments):
    return str(ArgumentChecker(tool.name, tool.parameters).problem(arguments)).splitlines()[1:]


OPTIONS = {
    "mapped": (
        {"oneOf": [ref("Card"), ref("Bank")], "discriminator": mapped(card="Card", bank="Bank")},
        "card",
        "bank",
    ),
    "by their names": ({"oneOf": [ref("Card"), ref("Bank")], "discriminator": mapped()}, "Card", "Bank"),
    "of anyOf": (
        {"anyOf": [ref("Card"), ref("Bank")], "discriminator": mapped(card="Card", bank="Bank")},
        "card",
        "bank",
    ),
    "mapped by bare names": (
        {
            "oneOf": [ref("Card"), ref("Bank")],
            "discriminator": {"propertyName": "kind", "mapping": {"card": "Card", "bank": "Bank"}},
        },
        "card",
        "bank",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
async def test_options_are_chosen_by_the_discriminator(tool_of, name):
    body, card, bank = OPTIONS[name]
    tool = await tool_of(body, Card=obj(**KIND, **NUMBER, required=["kind"]), Bank=obj(**KIND, **IBAN))
    right = {"kind": card, "number": "1"}
    assert sent(tool, {"body": right}) == right
    assert sent(tool, {"body": {"kind": bank, "number": 1}}) == {"kind": bank, "number": 1}
    assert problem(tool, {"body": {"kind": bank, "iban": "DE"}}) == [
        '- `body.iban`: expected at least 15 characters; got "DE"'
    ]
    assert problem(tool, {"body": {"kind": "cash"}}) == [
        f'- `body.kind`: expected one of "{card}", "{bank}"; got "cash"'
    ]


async def test_options_that_name_themselves_are_left_as_they_are(tool_of):
    card = obj(kind={"enum": ["credit_card"]}, **NUMBER)
    bank = {"allOf": [ref("Common"), obj(kind={"const": "bank_account"})]}
    tool = await tool_of(
        {"oneOf": [ref("Card"), ref("Bank")], "discriminator": mapped()}, Card=card, Bank=bank, Common=obj(**IBAN)
    )
    assert sent(tool, {"body": {"kind": "credit_card", "number": "1"}}) == {"kind": "credit_card", "number": "1"}
    assert sent(tool, {"body": {"kind": "bank_account"}}) == {"kind": "bank_account"}
    assert problem(tool, {"body": {"kind": "Bank"}}) != []


async def test_a_broken_discriminator_is_left_out_of_account(tool_of):
    mapping = {"a": 5, "b": "http://[bad", "card": "Card"}
    body = {"oneOf": [ref("Card"), obj(**IBAN)], "discriminator": {"propertyName": "kind", "mapping": mapping}}
    tool = await tool_of(body, Card={"type": "object", "properties": 5})
    assert sent(tool, {"body": {"kind": "card", "x": 1}}) == {"kind": "card", "x": 1}
    for odd in (5, {"propertyName": 5}, None, {"propertyName": "kind", "mapping": [1]}):
        tool = await tool_of({"oneOf": [obj(**NUMBER), obj(**IBAN)], "discriminator": odd})
        assert sent(tool, {"body": {"number": "1"}}) == {"number": "1"}
    parent = {**PARENT, "properties": None, "anyOf": "x"}
    tool = await tool_of(ref("Pay"), Pay=parent, CardPay={"allOf": [ref("Pay"), {"properties": [1]}]})
    assert sent(tool, {"kind": "card"}) == {"kind": "card"}


async def test_what_fits_two_options_passes_where_nothing_tells_them_apart(tool_of):
    tool = await tool_of({"oneOf": [obj(**NUMBER), obj(**IBAN)]})
    assert sent(tool, {"body": {"number": "1"}}) == {"number": "1"}
    tool = await tool_of(
        obj(x={"oneOf": [obj(**NUMBER), obj(**IBAN)], "anyOf": [obj(required=["number"]), obj(**IBAN)]})
    )
    assert sent(tool, {"x": {"number": "1"}}) == {"x": {"number": "1"}}


PARENT = {**obj(**KIND, required=["kind"]), "discriminator": mapped(card="CardPay")}


def child(parent, **members):
    return {"allOf": [ref(parent), obj(**members)]}


async def test_a_parent_has_the_members_of_the_schemas_that_extend_it(tool_of):
    schemas = {
        "Pay": PARENT,
        "CardPay": child("Pay", **NUMBER),
        "BankPay": child("Pay", **IBAN),
        "GiroPay": child("BankPay", note={"type": "string"}),
        "Other": child("Unrelated", secret={"type": "string"}),
        "Unrelated": obj(),
    }
    tool = await tool_of(ref("Pay"), **schemas)
    assert sorted(tool.parameters["properties"]) == ["iban", "kind", "note", "number"]
    assert tool.parameters["properties"]["kind"]["examples"] == ["card", "BankPay", "GiroPay"]
    assert tool.parameters["required"] == ["kind"]
    assert sent(tool, {"kind": "card", "number": "1"}) == {"kind": "card", "number": "1"}
    assert problem(tool, {"kind": "card", "number": [1]}) == ["- `number`: expected string; got [1]"]
    assert problem(tool, {"kind": "card", "secret": "x"})[0].startswith("- `secret`: unknown argument")
    inner = await tool_of({"type": "array", "items": ref("Pay")}, **schemas)
    assert sent(inner, {"body": [{"kind": "card", "number": "1"}]}) == [{"kind": "card", "number": "1"}]
    assert problem(inner, {"body": [{"kind": "card", "number": []}]}) == ["- `body[0].number`: expected string; got []"]


async def test_what_extends_a_parent_does_not_have_the_members_of_its_siblings(tool_of):
    schemas = {"Pay": PARENT, "CardPay": child("Pay", **NUMBER), "BankPay": child("Pay", **IBAN)}
    tool = await tool_of(ref("CardPay"), **schemas)
    assert sorted(tool.parameters["properties"]) == ["kind", "number"]


async def test_a_parent_that_lists_what_extends_it_is_no_circle(tool_of):
    shape = {
        **obj(**KIND, required=["kind"]),
        "oneOf": [ref("Round"), ref("Square")],
        "discriminator": {"propertyName": "kind"},
    }
    schemas = {
        "Shape": shape,
        "Round": child("Shape", radius={"type": "number"}),
        "Square": child("Shape", side={"type": "number"}),
    }
    tool = await tool_of(ref("Shape"), **schemas)
    assert "$defs" not in tool.parameters
    assert sent(tool, {"body": {"kind": "Round", "radius": 2}}) == {"kind": "Round", "radius": 2}
    assert problem(tool, {"body": {"kind": "Round", "radius": "far"}}) == [
        '- `body.radius`: expected number; got "far"'
    ]
    del shape["discriminator"]
    tool = await tool_of(ref("Shape"), **schemas)
    assert sent(tool, {"body": {"kind": "Round", "radius": 2}}) == {"kind": "Round", "radius": 2}


async def test_swagger_names_the_member_alone_and_azure_the_value(tmp_path):
    spec = {
        "swagger": "2.0",
        "host": "localhost:9",
        "paths": {
            "/x": {
                "post": {
                    "operationId": "add",
                    "parameters": [
                        {"in": "body", "name": "it", "required": True, "schema": {"$ref": "#/definitions/Pet"}}
                    ],
                }
            }
        },
        "definitions": {
            "Pet": {**obj(**KIND, required=["kind"]), "discriminator": "kind"},
            "Dog": {
                "x-ms-discriminator-value": "a.dog",
                "allOf": [{"$ref": "#/definitions/Pet"}, obj(barks={"type": "boolean"})],
            },
        },
    }
    (tmp_path / "s.json").write_text(json.dumps(spec), encoding="utf-8")
    (tool,) = await OpenAPITools(spec=str(tmp_path / "s.json")).open()
    assert tool.parameters["properties"]["kind"]["examples"] == ["a.dog"]
    assert sent(tool, {"kind": "a.dog", "barks": True}) == {"kind": "a.dog", "barks": True}
