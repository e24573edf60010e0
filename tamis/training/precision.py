"""Which numbers the forward pass uses: bfloat16 where the processor multiplies it natively, else float32."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import torch

from tamis.errors import ConfigError

PrecisionName = Literal["auto", "bf16", "fp32"]


@dataclass(frozen=True, kw_only=True)
class Precision:
    """The precision chosen, and why; weights, losses and probabilities are float32 in either case."""

    name: Literal["bf16", "fp32"]
    reason: str
    device_type: str

    def autocast(self) -> AbstractContextManager[Any]:
        """The context in which the model runs.

        Example:
            >>> precision = choose_precision("bf16", torch.device("cpu"))
            >>> with precision.autocast():
            ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
            torch.bfloat16
        """
        return torch.autocast(self.device_type, dtype=torch.bfloat16, enabled=self.name == "bf16")


def choose_precision(setting: PrecisionName, device: torch.device) -> Precision:
    """Decide between bf16 and fp32; ``"auto"`` takes bf16 only where the processor has it natively.

    Raises:
        ConfigError: the setting is none of the three.

    Example:
        >>> choose_precision("fp32", torch.device("cpu")).name
        'fp32'
    """
    if setting not in ("auto", "bf16", "fp32"):
        raise ConfigError(f"precision must be one of ['auto', 'bf16', 'fp32']; got {setting!r}.")
    if setting != "auto":
        return Precision(name=setting, reason="asked for", device_type=device.type)
    if has_native_bf16(device):
        return Precision(name="bf16", reason="auto: the processor has bf16", device_type=device.type)
    return Precision(name="fp32", reason="auto: the processor has no bf16", device_type=device.type)


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 matrices in hardware; imitating them is slower than fp32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return False
