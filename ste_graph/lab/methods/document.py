"""The methods of a run or a file as a document."""

from __future__ import annotations

from ste_graph.lab.methods.facts import Subject
from ste_graph.lab.methods.markup import Document
from ste_graph.lab.methods.prose import write_paragraphs
from ste_graph.lab.methods.settings import write_tables


def write_methods(subject: Subject) -> Document:
    """The document: paragraphs, then tables."""
    return Document(write_paragraphs(subject), write_tables(subject))
