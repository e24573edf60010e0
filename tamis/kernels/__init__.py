"""Kernels: the passes of the SSR layers over every number, each in one sweep on a processor's cores or a GPU.

Made here: C++ compiled once a machine at first use, ICS for GPUs in Triton, and functions that call them with tensors.
From: torch, Triton where torch brings it, and the base module ``cache``. Who may ask: ``layers``, which hold the same
arithmetic in torch and use it wherever there is no kernel (other devices and dtypes, no compiler), and ``experiment``,
which writes down what was used.
"""

from tamis.kernels.gpu import Competition
from tamis.kernels.library import competition_for, kernels_for, kernels_state
from tamis.kernels.rows import Drops, Kernels

__all__ = ["Competition", "Drops", "Kernels", "competition_for", "kernels_for", "kernels_state"]
