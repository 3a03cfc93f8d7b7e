"""Student: a small model, created from nothing."""

from __future__ import annotations

from ste_graph.contracts import Context
from ste_graph.node import Node, NodeInputs, NodeOutputs
from ste_graph.training.job import CreateStudentJob, run_job
from ste_graph.training.student.student import StudentShape


class Student(Node):
    """Create an untrained Llama of some hundred thousand parameters, whose tokenizer knows the words of the rows.

    It is given the rows of all batches: an unknown word is spelt out, which it can hardly read.
    """

    shape: StudentShape = StudentShape()
    """The size of the model, and what it can do from the start."""

    class Inputs(NodeInputs):
        """`seed` decides its weights."""

        train_files: list[str]
        seed: int | None = None

    class Outputs(NodeOutputs):
        """The model's folder."""

        model: str

    async def __call__(self, inputs: Inputs, ctx: Context) -> Outputs:
        folder = str(ctx.output_path("student"))
        job = CreateStudentJob(rows=inputs.train_files, folder=folder, shape=self.shape, seed=inputs.seed or 0)
        return self.Outputs(**await run_job(job, ctx.progress))
