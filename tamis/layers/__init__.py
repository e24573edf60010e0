"""Layers: tensors in, tensors out.

Made here: the arithmetic of the models, each with its paper, its shapes and its formula test. From: torch, the
``kernels`` that do the same faster on a CPU, and plain numbers in the constructor; a layer knows no field, no
configuration and no device. Who may ask: ``embeddings`` and ``models``.
"""

from tamis.layers.averaged_batch_norm import AveragedBatchNorm
from tamis.layers.batch_centre import BatchCentre
from tamis.layers.bilinear_fusion import BilinearFusion
from tamis.layers.competitive_filter import CompetitiveFilter, competitive_sparse
from tamis.layers.control_filter import ControlFilter, ControlKind
from tamis.layers.cross import CrossLayer, CrossNetwork
from tamis.layers.dice import Dice
from tamis.layers.dropout import Dropout
from tamis.layers.factorized_interaction import (
    INTERACTION_RESIDUALS,
    FactorizedBlock,
    FactorizedInteraction,
    InteractionResidual,
)
from tamis.layers.feature_gate import FeatureGate
from tamis.layers.field_gate import FieldGate
from tamis.layers.field_mix import mix_fields
from tamis.layers.field_tokens import FieldTokens
from tamis.layers.gated_cross import GatedCrossLayer, GatedCrossNetwork
from tamis.layers.gated_pairs import GatedPairs
from tamis.layers.initialisation import glorot_normal_, glorot_uniform_
from tamis.layers.input_norm import INPUT_NORMS, InputNorm, InputNormKind
from tamis.layers.interacting import InteractingLayer, InteractingNetwork
from tamis.layers.linear_compression import LinearCompression
from tamis.layers.logarithmic import LogarithmicLayer
from tamis.layers.mask_block import MaskBlock, MaskBlocks
from tamis.layers.mixed_precision import as_multiplied
from tamis.layers.mlp import MLP
from tamis.layers.multi_gate_experts import MultiGateExperts
from tamis.layers.own_towers import OwnTowers
from tamis.layers.pair_interaction import PairInteraction
from tamis.layers.per_token_ffn import PerTokenFFN
from tamis.layers.rank_mixer import RankMixerBlock, RankMixerStack, mix_tokens
from tamis.layers.recomputed import RecomputedStack
from tamis.layers.side_by_side import SideBySide
from tamis.layers.ssr_block import DynamicBlock, StaticBlock
from tamis.layers.static_filter import StaticFilter, draw_indices
from tamis.layers.target_attention import TargetAttention
from tamis.layers.task_towers import TaskTowers
from tamis.layers.view_dense import ViewDense
from tamis.layers.view_fusion import DropoutPlace, ViewFusion
from tamis.layers.view_mean import mean_of_views
from tamis.layers.view_norm import ViewNorm
from tamis.layers.view_projection import ViewProjection
from tamis.layers.wukong import FactorizationMachineBlock, WukongLayer, WukongStack

__all__ = [
    "INPUT_NORMS",
    "INTERACTION_RESIDUALS",
    "MLP",
    "AveragedBatchNorm",
    "BatchCentre",
    "BilinearFusion",
    "CompetitiveFilter",
    "ControlFilter",
    "ControlKind",
    "CrossLayer",
    "CrossNetwork",
    "Dropout",
    "DropoutPlace",
    "DynamicBlock",
    "FactorizationMachineBlock",
    "FactorizedBlock",
    "FactorizedInteraction",
    "FeatureGate",
    "FieldGate",
    "FieldTokens",
    "GatedCrossLayer",
    "GatedCrossNetwork",
    "InputNorm",
    "InputNormKind",
    "InteractingLayer",
    "InteractingNetwork",
    "InteractionResidual",
    "LinearCompression",
    "LogarithmicLayer",
    "MaskBlock",
    "MaskBlocks",
    "PairInteraction",
    "PerTokenFFN",
    "RankMixerBlock",
    "RankMixerStack",
    "RecomputedStack",
    "StaticBlock",
    "StaticFilter",
    "Dice",
    "GatedPairs",
    "MultiGateExperts",
    "OwnTowers",
    "SideBySide",
    "TargetAttention",
    "TaskTowers",
    "ViewDense",
    "ViewFusion",
    "ViewNorm",
    "ViewProjection",
    "WukongLayer",
    "WukongStack",
    "as_multiplied",
    "competitive_sparse",
    "glorot_normal_",
    "glorot_uniform_",
    "mean_of_views",
    "mix_fields",
    "mix_tokens",
    "draw_indices",
]
