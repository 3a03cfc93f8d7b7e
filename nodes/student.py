"""Student: a small model, made from nothing."""

from __future__ import annotations

from ste_graph.node import Node, Output, Reads
from ste_graph.training.job import Make, done
from ste_graph.training.student import Student as Shape


class Student(Node):
    """Make an untrained Llama of some hundred thousand parameters, whose tokenizer knows the words of the rows.

    It sees the rows of all batches: a word that it does not know is spelt out, which it can hardly read.
    """

    shape: Shape = Shape()

    class See(Reads):
        """`seed` makes it another one."""

        train_files: list[str]
        seed: int | None = None

    class Gives(Output):
        """The model's folder."""

        model: str

    async def __call__(self, see: See) -> Gives:
        job = Make(rows=see.train_files, folder=str(see.place("student")), shape=self.shape, seed=see.seed or 0)
        return self.Gives(**await done(job, see.say))
