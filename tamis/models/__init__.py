"""Models: a ``Batch`` in, an ``Output`` out.

Made here: one ranking architecture a file, with its settings beside it; importing this package registers all
of them in ``tamis.registry.MODELS``. From: ``layers``, ``embeddings``, ``features`` (the layout) and the base
modules; a model knows no loss, optimizer, device or epoch. Who may ask: whoever builds by name (``export``,
``experiment``, the command line).
"""

from tamis.models.afn import AFN, AFNConfig
from tamis.models.autofis import AutoFIS, AutoFISConfig
from tamis.models.autoint import AutoInt, AutoIntConfig
from tamis.models.dcn_v2 import DCNv2, DCNv2Config
from tamis.models.deepfm import DeepFM, DeepFMConfig
from tamis.models.din import DIN, DINConfig
from tamis.models.final_mlp import FinalMLP, FinalMLPConfig
from tamis.models.final_net import FinalNet, FinalNetConfig
from tamis.models.fm import FM, FMConfig
from tamis.models.gdcn import GDCN, GDCNConfig
from tamis.models.lighter import lighter_choices, make_lighter
from tamis.models.lr import LR, LRConfig
from tamis.models.masknet import MaskNet, MaskNetConfig
from tamis.models.mlp import MLPConfig, MLPRanker
from tamis.models.mmoe import MMoE, MMoEConfig
from tamis.models.rank_mixer import RankMixer, RankMixerConfig
from tamis.models.split import SplitModel, field_share
from tamis.models.ssr_d import SSRD, SSRDConfig
from tamis.models.ssr_s import SSRS, SSRSConfig
from tamis.models.wukong import Wukong, WukongConfig
from tamis.registry import MODELS

__all__ = [
    "AFN",
    "FM",
    "GDCN",
    "LR",
    "MODELS",
    "SSRD",
    "SSRS",
    "AFNConfig",
    "AutoFIS",
    "AutoFISConfig",
    "AutoInt",
    "DIN",
    "DINConfig",
    "MMoE",
    "MMoEConfig",
    "AutoIntConfig",
    "DCNv2",
    "DCNv2Config",
    "DeepFM",
    "DeepFMConfig",
    "FMConfig",
    "FinalMLP",
    "FinalMLPConfig",
    "FinalNet",
    "FinalNetConfig",
    "GDCNConfig",
    "LRConfig",
    "MLPConfig",
    "MLPRanker",
    "MaskNet",
    "MaskNetConfig",
    "RankMixer",
    "RankMixerConfig",
    "SSRDConfig",
    "SSRSConfig",
    "SplitModel",
    "Wukong",
    "WukongConfig",
    "field_share",
    "lighter_choices",
    "make_lighter",
]
