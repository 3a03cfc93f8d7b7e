"""Student: a small model, made from nothing."""

from __future__ import annotations

from ste_graph.node import Node, Output, Reads
from ste_graph.settings import RelativePath
from ste_graph.training.job import Make, done
from ste_graph.training.student import Student as Shape


class Student(Node):
    """Make an untrained Llama of a few hundred thousand parameters, whose tokenizer knows the words of these rows.

    Give all files that it will ever be trained on: a word it does not know is spelt out, which it can hardly read.
    """

    rows: tuple[RelativePath, ...]
    shape: Shape = Shape()

    class See(Reads):
        """`seed` makes it another one."""

        seed: int | None = None

    class Gives(Output):
        """The model's folder."""

        model: str

    async def __call__(self, see: See) -> Gives:
        folder = see.place("student")
        return self.Gives(**await done(Make(rows=self.rows, folder=str(folder), shape=self.shape, seed=see.seed or 0)))
