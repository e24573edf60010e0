"""Named data sets: where each is found or how it is made up, its schema and split, and what others measured.

Made from folders the user names, a cache, publishers' addresses and published packages; each recipe opens a
source (``tamis.data.readers``). The command line, experiments and benchmarks ask for them by name:
``RECIPES["adult"].open()``.
"""

from tamis.data.recipes.adult import ADULT
from tamis.data.recipes.avazu import AVAZU
from tamis.data.recipes.criteo import CRITEO, CRITEO_60K
from tamis.data.recipes.frappe import FRAPPE
from tamis.data.recipes.movielens import MOVIELENS_1M, MOVIELENS_100K
from tamis.data.recipes.planted import PLANTED, PLANTED_39, PLANTED_CONTEXT, PLANTED_NULL, PLANTED_SPARSE
from tamis.data.recipes.recipe import RECIPES, Places, Recipe, Reference

__all__ = [
    "ADULT",
    "AVAZU",
    "CRITEO",
    "CRITEO_60K",
    "FRAPPE",
    "MOVIELENS_100K",
    "MOVIELENS_1M",
    "PLANTED",
    "PLANTED_39",
    "PLANTED_CONTEXT",
    "PLANTED_NULL",
    "PLANTED_SPARSE",
    "RECIPES",
    "Places",
    "Recipe",
    "Reference",
]
