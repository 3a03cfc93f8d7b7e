"""Models as nodes have them: free of secrets, recorded and replayed, with errors of the same kind."""

import pytest

from ste_graph.contracts import ModelRequest, Reply
from ste_graph.errors import ModelError, NoReplyError
from ste_graph.models.meter import Meter
from ste_graph.redaction import Redactor
from ste_graph.run.models import RedactedModel
from ste_graph.run.recording import Recording, RecordingModel
from ste_graph.run.replay import Replay, ReplayModel

REQUEST = ModelRequest(messages=[{"role": "user", "content": "hi"}], seed=1)


class Failing:
    """A model that raises an error with a secret in it."""

    label = "m"

    def __init__(self, kind: type[ModelError]) -> None:
        self.kind = kind

    async def reply(self, request: ModelRequest) -> Reply:
        raise self.kind("no reply, key hunter2-hunter2")


@pytest.mark.parametrize("kind", [ModelError, NoReplyError])
async def test_an_error_keeps_its_kind_and_loses_its_secrets_also_in_a_replay(tmp_path, kind: type[ModelError]) -> None:
    recording = Recording(tmp_path)
    model = RecordingModel(RedactedModel(Failing(kind), Redactor(["hunter2-hunter2"])), recording)
    with pytest.raises(ModelError, match=r"^no reply, key \*\*\*$") as live:
        await model.reply(REQUEST)
    recording.close()
    with pytest.raises(ModelError, match=r"^no reply, key \*\*\*$") as replayed:
        await ReplayModel("m", Replay(tmp_path), Meter()).reply(REQUEST)
    assert (live.type, replayed.type) == (kind, kind)
