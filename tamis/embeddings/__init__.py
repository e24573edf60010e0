"""Embeddings: ids and numbers in, one vector a field out.

Made here: the packed table, whose gradient holds only the rows of the batch, and the vectors of a whole
``Batch``. From: ``layers``, ``features`` (the layout) and the base modules. Who may ask: ``models``.
"""

from tamis.embeddings.chosen_fields import ChosenFields
from tamis.embeddings.dense_vectors import DenseVectors
from tamis.embeddings.field_embedding import FieldEmbedding
from tamis.embeddings.row_gather import gather_rows
from tamis.embeddings.table_storage import tables_stored
from tamis.embeddings.tables import PackedTable

__all__ = ["ChosenFields", "DenseVectors", "FieldEmbedding", "PackedTable", "gather_rows", "tables_stored"]
