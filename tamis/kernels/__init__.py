"""Kernels: the passes of the SSR layers over every number, each in one sweep on the processor's cores.

Made here: C++ compiled once a machine at first use, and functions that call it with tensors. From: torch and the
base module ``cache``. Who may ask: ``layers``, which hold the same arithmetic in torch and use it wherever there is no
kernel (GPU, other dtypes, no compiler), and ``experiment``, which writes down what was used.
"""

from tamis.kernels.library import kernels_for, kernels_state
from tamis.kernels.rows import Kernels

__all__ = ["Kernels", "kernels_for", "kernels_state"]
