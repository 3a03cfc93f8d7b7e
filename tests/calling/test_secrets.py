"""A secret planted in the environment stands in no file that a run leaves, and reaches no prompt."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

import ste_graph as ste
from ste_graph.errors import RunError, WorkflowError
from tests.planted import SECRETS, find_planted, find_planted_files, write_all_forms
from tests.servers.chat import Answer, ChatServer, Request

KEY = "sesame-0pen"
WORD = 'rhubarb "crumble"/7'

LEAKING = '''
import os

import ste_graph as ste

KEY = os.environ["STE_TEST_KEY"]
WORD = os.environ["STE_TEST_WORD"]


@ste.tool(effect="read")
def echo(text: str) -> dict:
    """Say a text, and say secrets with it."""
    import base64
    import json
    from urllib.parse import quote

    if text == "raise":
        raise ValueError(f"denied for {KEY}")
    if text == "long":
        return {"text": "x" * 8000 + KEY + "x" * 8000}
    forms = [KEY, WORD, json.dumps(WORD), quote(WORD), quote(WORD, safe=""), base64.b64encode(KEY.encode()).decode()]
    return {"text": text, "forms": forms, KEY: WORD}
'''

MODEL = """
from ste_graph.errors import ModelError
from ste_graph.models.adapter import Adapter, RawReply
from ste_graph.settings import Secret

SCRIPT = ["Say hi", "hi", "raise", "long", None, "Yes"]


class Talkative(Adapter):
    api_key: Secret
    headers: dict[str, Secret] = {}
    fails: bool = False

    @property
    def label(self) -> str:
        return "talkative"

    def open_client(self):
        return self

    async def close(self) -> None: ...

    async def probe(self) -> None:
        if self.fails:
            raise ModelError(f"refused: {self.headers}")

    async def ask(self, request) -> RawReply:
        messages = request.messages
        told = "".join(str(message["content"]) for message in messages)
        assert self.api_key not in told and "rhu" + "barb" not in told, told
        said = SCRIPT[len([message for message in messages if message["role"] == "assistant"]) % len(SCRIPT)]
        if said == "Yes" and "fail now" in told:
            raise ValueError(f"no place for {self.api_key}")
        if said is None:
            return RawReply(f"Thought: I know {self.api_key}\\nFinal Answer: {self.headers['X-Token']} done")
        if said in ("hi", "raise", "long"):
            return RawReply(f'Thought: {self.api_key}\\nAction: echo\\nAction Input: {{"text": "{said}"}}')
        return RawReply(f"{said} with {self.api_key} please" if said != "Yes" else said)
"""

SECTIONS = """
redact: [{env: STE_TEST_WORD}]
plugins: [model.py]
cassette: {path: tape, mode: record}
"""


@pytest.fixture
def leaking(project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STE_TEST_KEY", KEY)
    monkeypatch.setenv("STE_TEST_WORD", WORD)
    workflow = (project.folder / "workflow.yaml").read_text()
    model = "{use: model.Talkative, api_key: {env: STE_TEST_KEY}, headers: {X-Token: {env: STE_TEST_KEY}}}"
    workflow = workflow.replace("{use: recorded, path: replies.jsonl}", model) + SECTIONS
    project.write(**{"workflow.yaml": workflow, "tools.py": LEAKING, "model.py": MODEL})
    return project


def found_in(folder: Path) -> list[str]:
    """The files below a folder in which a secret stands, in any of its forms."""
    forms = {KEY, WORD, json.dumps(WORD)[1:-1], base64.b64encode(KEY.encode()).decode(), "crumble", KEY[:-2]}
    written = {form.encode(encoding) for form in forms for encoding in ("utf-8", "utf-16-le")}
    return [
        str(file.relative_to(folder))
        for file in sorted(folder.rglob("*"))
        if file.is_file() and any(form in file.read_bytes() for form in written)
    ]


def test_a_scan_of_every_file_of_a_run_finds_no_secret(leaking, capsys):
    summary = leaking.run()
    assert not summary.failed
    assert [step["observation"]["kind"] for step in leaking.trials()[0]["steps"]] == ["ok", "tool_error", "ok"]
    files = {file.name for file in leaking.folder.rglob("*") if file.is_file()}
    assert {"journal.jsonl", "events.jsonl", "workflow.lock.yaml", "echo.jsonl", "models.jsonl", "tools.jsonl"} <= files
    assert found_in(leaking.folder) == []
    said = capsys.readouterr()
    assert KEY not in said.out + said.err


def test_what_the_model_and_the_tool_gave_is_there_but_for_the_secrets(leaking):
    leaking.run()
    (trial,) = leaking.trials()
    assert trial["query"] == "Say hi with *** please"
    assert trial["answer"] == "*** done"
    given = json.loads(trial["steps"][0]["observation"]["text"])
    assert given == {"text": "hi", "forms": ["***", "***", '"***"', "***", "***", "***"], "***": "***"}
    assert trial["steps"][1]["observation"]["text"] == "ValueError: denied for ***"
    assert trial["steps"][2]["observation"]["text"].count("x") < 8192


def test_the_error_of_a_unit_shows_no_secret(leaking):
    leaking.write(**{"reflect.md": 'fail now Respond with "Yes" or "No".'})
    summary = leaking.run()
    assert "no place for ***" in summary.failed["echo"]
    assert found_in(leaking.folder) == []


def test_the_error_of_a_run_shows_no_secret(leaking):
    with pytest.raises(RunError) as caught:
        leaking.run(models__explorer__fails=True)
    assert "refused: {'X-Token': '***'}" in str(caught.value)


def test_a_replay_shows_no_secret_either(leaking):
    leaking.run("first")
    leaking.run("second", cassette__mode="replay")
    assert leaking.trials("first") == leaking.trials("second")
    assert found_in(leaking.folder) == []


def test_a_variable_to_redact_that_is_not_set_is_an_error(leaking, monkeypatch):
    monkeypatch.delenv("STE_TEST_WORD")
    with pytest.raises(WorkflowError, match="the environment variable `STE_TEST_WORD` is not set"):
        ste.load(leaking.folder / "workflow.yaml")


ECHO = """
import os

import ste_graph as ste


@ste.tool(effect="read")
def echo(text: str) -> dict:
    \"\"\"Say a text, and every form of every secret with it.\"\"\"
    from tests.planted import write_all_forms

    if text == "raise":
        raise ValueError(write_all_forms())
    return {"forms": write_all_forms(), **{form: form for form in write_all_forms()}}
"""


def speak(request: Request, proceed) -> Answer:
    """Repeats the headers of requests and every form of every secret, in an error at first, then in replies."""
    heard = json.dumps([dict(request.headers), write_all_forms()])
    if request.is_chat and request.number in request.server.failing:
        return Answer(request.server.failing[request.number], {"error": {"message": heard}})
    answer = proceed(request)
    if request.is_chat:
        turn = sum(message["role"] == "assistant" for message in request.body["messages"])
        says = [
            f"Say hi and {heard}",
            f'Thought: {heard}\nAction: echo\nAction Input: {{"text": "hi"}}',
            f'Thought: {heard}\nAction: echo\nAction Input: {{"text": "raise"}}',
            f"Thought: I know {heard}\nFinal Answer: {heard}",
            "Yes",
        ]
        answer.message.update({"content": says[min(turn, 4)], "reasoning_content": heard})
    return answer


@pytest.fixture
def echoing(project, monkeypatch: pytest.MonkeyPatch):
    with ChatServer(speak) as server:
        server.failing = {}
        for variable, secret in SECRETS.items():
            monkeypatch.setenv(variable, secret)
        address = server.url.replace("://", f"://bob:{quote(SECRETS['STE_PLANTED_PASSWORD'], safe='')}@")
        monkeypatch.setenv("STE_PLANTED_URL", address)
        model = (
            "{use: openai, model: tiny, base_url: {env: STE_PLANTED_URL}, headers: {X-Token: {env: STE_PLANTED_TOKEN},"
            " X-Key: {env: STE_PLANTED_KEY}}}"
        )
        workflow = (project.folder / "workflow.yaml").read_text()
        workflow = workflow.replace("{use: recorded, path: replies.jsonl}", model)
        workflow += "cassette: {path: tape, mode: record}\nredact: [{env: STE_PLANTED_WORD}, {env: STE_PLANTED_PATH}]\n"
        project.write(**{"workflow.yaml": workflow, "tools.py": ECHO})
        project.server = server
        yield project


def test_no_form_of_five_secrets_stands_in_any_file_of_a_run(echoing, capsys):
    echoing.server.failing = {0: 500}
    summary = echoing.run()
    assert not summary.failed
    assert [step["observation"]["kind"] for step in echoing.trials()[0]["steps"]] == ["ok", "tool_error"]
    heard = echoing.server.requests[0].headers["authorization"]
    assert heard.startswith("Basic ")
    assert find_planted(heard) == ["STE_PLANTED_PASSWORD"]
    assert len([file for file in echoing.folder.rglob("*.jsonl")]) >= 5
    assert find_planted_files(echoing.folder) == []
    said = capsys.readouterr()
    assert find_planted(said.out + said.err) == []


@pytest.mark.parametrize("status", [400, 401])
def test_no_form_of_five_secrets_stands_in_what_ends_a_run(echoing, status):
    echoing.server.failing = dict.fromkeys(range(20), status)
    try:
        told = str(echoing.run().failed)
    except RunError as error:
        told = str(error)
    assert str(status) in told
    assert find_planted(told) == []
    assert find_planted_files(echoing.folder) == []
