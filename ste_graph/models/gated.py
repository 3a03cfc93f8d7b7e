"""Models that may be used only if an evaluation has adopted them."""

from __future__ import annotations

from pydantic import Field, model_validator

from ste_graph.models.adapter import Adapter
from ste_graph.settings import RelativePath


class GatedModel(Adapter):
    """A model in a folder, with the gate before it. `model` is declared by the kinds that have one."""

    only_if: RelativePath = Field(
        "", description="The run of an evaluation: the model is refused unless that adopted what is in its folder."
    )

    @model_validator(mode="after")
    def _gates_a_folder(self) -> GatedModel:
        if self.only_if and not is_path(self.gated):
            raise ValueError("`only_if` looks into the model's folder: let `model` be one (`./folder`)")
        return self

    @property
    def gated(self) -> str:
        """The model as the settings name it."""
        raise NotImplementedError

    def check_access(self) -> None:
        if self.only_if:
            from ste_graph.scoring.adoption import require_model

            require_model(self.gated, self.only_if)


def is_path(model: str) -> bool:
    """Whether a model is named by its folder, and not as one on a hub."""
    return model.startswith((".", "/", "~"))
