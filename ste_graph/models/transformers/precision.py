"""The number format in which a model's weights are held and computed."""

from __future__ import annotations

from typing import Literal, TypeAlias

Precision: TypeAlias = Literal["auto", "fp32", "bf16"]
"""`auto`: bf16 where the hardware computes it, else fp32."""


def has_fast_bf16(device: str = "auto") -> bool:
    """True if bf16 is faster than fp32: on a GPU that computes it, or on a CPU with AMX or AVX512-BF16.

    Other CPUs convert every weight at each use: a training step of a 0.5 B model takes four times as long in bf16
    (measured on AVX512 without BF16).
    """
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    cpu = torch.cpu
    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())


def choose_precision(wanted: Precision, device: str = "auto") -> Literal["fp32", "bf16"]:
    """The precision to load a model in on `device` (`auto` takes a GPU where there is one)."""
    if wanted != "auto":
        return wanted
    return "bf16" if has_fast_bf16(device) else "fp32"
