"""Long-term and short-term memory."""

from .experience import Experience
from .transcript import Transcript

__all__ = ["Experience", "Transcript"]
