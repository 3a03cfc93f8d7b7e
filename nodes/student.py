"""Student: a small model, made from nothing."""

from __future__ import annotations

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.training.job import Make, done
from ste_graph.training.student import Student as Shape


class Student(Node):
    """Make an untrained Llama of some hundred thousand parameters, whose tokenizer knows the words of the rows.

    It sees the rows of all batches: a word that it does not know is spelt out, which it can hardly read.
    """

    shape: Shape = Shape()

    class Inputs(NodeInputs):
        """`seed` makes it another one."""

        train_files: list[str]
        seed: int | None = None

    class Outputs(NodeOutputs):
        """The model's folder."""

        model: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        job = Make(
            rows=inputs.train_files, folder=str(ctx.output_path("student")), shape=self.shape, seed=inputs.seed or 0
        )
        return self.Outputs(**await done(job, ctx.progress))
