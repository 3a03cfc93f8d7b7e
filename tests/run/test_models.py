"""Models as nodes have them: free of secrets, recorded and replayed, with errors of the same kind."""

import pytest

from ste_graph.contracts import ModelRequest, Reply
from ste_graph.errors import ModelError
from ste_graph.models.meter import Meter
from ste_graph.redaction import Redactor
from ste_graph.run.cassettes.recording import Recording, RecordingModel
from ste_graph.run.cassettes.replay import Replay, ReplayModel
from ste_graph.run.models import RedactedModel

REQUEST = ModelRequest(messages=[{"role": "user", "content": "hi"}], seed=1)


class Failing:
    """A model that raises an error with a secret in it."""

    label = "m"

    async def reply(self, request: ModelRequest) -> Reply:
        raise ModelError("no reply, key hunter2-hunter2")


async def test_an_error_loses_its_secrets_also_in_a_replay(tmp_path) -> None:
    recording = Recording(tmp_path)
    model = RecordingModel(RedactedModel(Failing(), Redactor(["hunter2-hunter2"])), recording)
    with pytest.raises(ModelError, match=r"^no reply, key \*\*\*$") as live:
        await model.reply(REQUEST)
    recording.close()
    with pytest.raises(ModelError, match=r"^no reply, key \*\*\*$") as replayed:
        await ReplayModel("m", Replay(tmp_path), Meter()).reply(REQUEST)
    assert (live.type, replayed.type) == (ModelError, ModelError)
