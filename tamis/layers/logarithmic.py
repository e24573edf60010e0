"""Logarithmic neurons: products of powers of fields, with the powers learned."""

import torch
from torch import Tensor, nn

from tamis.layers.averaged_batch_norm import AveragedBatchNorm
from tamis.layers.field_mix import mix_fields


class LogarithmicLayer(nn.Module):
    """Each neuron multiplies powers of all fields: ``exp(sum_i w_i ln e_i)``, for each of the ``dim`` numbers apart.

    Logarithms need positive numbers: absolute values are taken, and at least ``smallest``. The logarithms are batch
    normalised for each field, the products for each neuron. Everything is computed in float32, also in mixed
    precision, since ``exp`` makes a rounded sum a wrong factor. Powers start normal with deviation 0.1, as in the
    authors' code.

    Source: Cheng et al. 2020, "Adaptive Factorization Network", arXiv 1909.03276, equation 7 (the neuron) and its
    section on optimisation (absolute values, 1e-7, batch normalisation).

    Shape:
        - vectors: ``(rows, fields, dim)``
        - output: ``(rows, dim * neurons)``, the neurons of one dimension side by side

    Raises:
        ValueError: ``fields`` or ``neurons`` is below 1, or ``smallest`` is not positive.

    Example:
        >>> LogarithmicLayer(fields=3, neurons=2)(torch.ones(4, 3, 5)).shape
        torch.Size([4, 10])
    """

    def __init__(self, *, fields: int, neurons: int, smallest: float = 1e-7) -> None:
        super().__init__()
        if min(fields, neurons) < 1:
            raise ValueError(f"LogarithmicLayer fields and neurons must be at least 1; got {fields} and {neurons}.")
        if smallest <= 0:
            raise ValueError(f"LogarithmicLayer smallest must be above 0; got {smallest}.")
        self.smallest = smallest
        self.weight = nn.Parameter(torch.empty(neurons, fields).normal_(std=0.1))
        self.log_norm = AveragedBatchNorm(fields)
        self.product_norm = AveragedBatchNorm(neurons)

    def forward(self, vectors: Tensor) -> Tensor:
        """Multiply powers of all fields."""
        return self.finish(self.project(self.logarithms(vectors)))

    def logarithms(self, vectors: Tensor) -> Tensor:
        """The normalised logarithms, ``(rows, fields, dim)``."""
        return self.log_norm(vectors.float().abs().clamp_min(self.smallest).log())

    def project(self, logarithms: Tensor) -> Tensor:
        """What is linear in the logarithms: those of all products, ``(rows, dim, neurons)``."""
        with torch.autocast(logarithms.device.type, enabled=False):
            return mix_fields(logarithms, self.weight)

    def finish(self, projected: Tensor) -> Tensor:
        """What follows: the products, normalised."""
        return self.product_norm(projected.exp().flatten(0, 1)).view(len(projected), -1)
