"""Objectives: what a model said and what was true become one scalar to make smaller.

Made here: a scalar tensor. From: an ``Output`` and the ``Batch`` it answers. Asked for by: ``training``.
"""

from tamis.objectives.binary_cross_entropy import binary_cross_entropy

__all__ = ["binary_cross_entropy"]
