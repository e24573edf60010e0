"""Raw rows in, probabilities out, from a bundle alone.

Made from ``export`` bundles and the same encoding and batching functions that training uses; asked for by
``experiment``, ``ranker`` and ``cli``.
"""

from tamis.serving.candidates import Candidates
from tamis.serving.scorer import Scorer

__all__ = ["Candidates", "Scorer"]
