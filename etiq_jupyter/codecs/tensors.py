"""Torch tensors and state_dicts: each tensor's raw bytes as a buffer of its own, dtype and shape.

Kept apart so that a model trained further is stored in part; `to_safetensors` joins them into the
one file that the safetensors library and others read.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import msgspec
import numpy as np

from etiq_jupyter.codecs.arrays import raw, read_array
from etiq_jupyter.codecs.base import Codec, Facts, Reading, Writing, need, type_name
from etiq_jupyter.errors import Corrupt, NotKept
from etiq_jupyter.objects.content import Buffer, Content, ContentReader

# The names of safetensors -> torch dtype name, NumPy dtype of the same width.
_DTYPES = {
    "BOOL": ("bool", "|b1"),
    "U8": ("uint8", "|u1"),
    "I8": ("int8", "|i1"),
    "I16": ("int16", "<i2"),
    "I32": ("int32", "<i4"),
    "I64": ("int64", "<i8"),
    "F16": ("float16", "<f2"),
    "BF16": ("bfloat16", "<i2"),
    "F32": ("float32", "<f4"),
    "F64": ("float64", "<f8"),
    "C64": ("complex64", "<c8"),
    "F8_E4M3": ("float8_e4m3fn", "|i1"),
    "F8_E5M2": ("float8_e5m2", "|i1"),
    "U16": ("uint16", "<u2"),
    "U32": ("uint32", "<u4"),
    "U64": ("uint64", "<u8"),
    "C128": ("complex128", "<c16"),
}
_NAMES = {torch_name: name for name, (torch_name, _) in _DTYPES.items()}
MAX_TENSORS = 1_000_000
_NOT_IN_FILES = ("C128",)
"""Types of tensors that the safetensors format does not have."""


def _torch() -> Any:
    return sys.modules.get("torch")


def _write(name: str, tensor: Any) -> tuple[dict[str, Any], Buffer]:
    kind = _NAMES.get(str(tensor.dtype).removeprefix("torch."))
    if kind is None or tensor.is_sparse or tensor.is_quantized or tensor.layout != _torch().strided:
        raise NotKept(f"a tensor of {tensor.dtype} and this layout has no portable form")
    if tensor.device.type == "meta":
        raise NotKept("a tensor without data has no portable form")
    plain = tensor.detach().cpu().contiguous()
    flat = plain.reshape(-1)
    code = _DTYPES[kind][1]
    same = {"bf": "int16", "float8": "int8"}
    view = next(
        (target for start, target in same.items() if str(plain.dtype)[6:].startswith(start)), None
    )
    array = (flat.view(getattr(_torch(), view)) if view else flat).numpy().view(np.dtype(code))
    rows = array.nbytes // tensor.shape[0] if tensor.ndim and tensor.shape[0] else array.nbytes
    spec = {
        "dtype": kind,
        "shape": list(tensor.shape),
        "grad": bool(tensor.requires_grad),
        "parameter": isinstance(tensor, _torch().nn.Parameter),
        "device": str(tensor.device),
    }
    return spec, Buffer(name, raw(array), itemsize=array.itemsize, row_bytes=rows)


def _read(reader: ContentReader, name: str, spec: dict[str, Any]) -> Any:
    import torch

    kind = need(spec, "dtype", str)
    if kind not in _DTYPES:
        raise Corrupt(f"{kind[:20]!r} is not a type of tensors")
    torch_name, code = _DTYPES[kind]
    array = read_array(reader.read(name), np.dtype(code), need(spec, "shape", list))
    tensor = (
        torch.from_numpy(array) if array.ndim else torch.from_numpy(array.reshape(1)).reshape(())
    )
    dtype = getattr(torch, torch_name)
    if tensor.dtype != dtype:
        tensor = tensor.view(dtype)
    grad = bool(spec.get("grad"))
    if spec.get("parameter"):
        return torch.nn.Parameter(tensor, requires_grad=grad)
    return tensor.requires_grad_(grad) if grad else tensor


class TensorCodec(Codec):
    """`torch.Tensor`. It comes back on the CPU; ``detail`` says where it was."""

    name = "torch.tensor"
    packages = ("torch",)

    def accepts(self, value: Any) -> bool:
        torch = _torch()
        return torch is not None and type(value) in (torch.Tensor, torch.nn.Parameter)

    def encode(self, value: Any, how: Writing) -> Content:
        spec, buffer = _write("data", value)
        return Content(self.name, self.version, spec, [buffer])

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        return _read(reader, "data", reader.meta)

    def summarise(self, value: Any, content: Content) -> Facts:
        meta = content.meta
        shape = " x ".join(f"{n:,}" for n in meta["shape"]) or "scalar"
        kind = str(value.dtype).removeprefix("torch.")
        return Facts(
            "tensor",
            type_name(type(value)),
            f"{shape} {kind}",
            {"shape": meta["shape"], "dtype": kind, "device": meta["device"]},
        )


class ModuleCodec(Codec):
    """`torch.nn.Module`: its state_dict. The class is code, so reading gives the state_dict."""

    name = "torch.module"
    packages = ("torch",)

    def accepts(self, value: Any) -> bool:
        torch = _torch()
        return torch is not None and isinstance(value, torch.nn.Module)

    def encode(self, value: Any, how: Writing) -> Content:
        state = value.state_dict()
        specs, buffers = {}, []
        for number, (name, tensor) in enumerate(state.items()):
            if not isinstance(tensor, _torch().Tensor):
                raise NotKept(f"its state {name!r} is not a tensor")
            specs[name], buffer = _write(f"t{number}", tensor)
            specs[name]["buffer"] = f"t{number}"
            buffers.append(buffer)
        meta = {"class": type_name(type(value)), "tensors": specs, "order": list(specs)}
        return Content(self.name, self.version, meta, buffers)

    def decode(self, reader: ContentReader, how: Reading) -> Any:
        import collections

        specs, order = need(reader.meta, "tensors", dict), need(reader.meta, "order", list)
        if len(order) > MAX_TENSORS or set(order) != set(specs):
            raise Corrupt("a state_dict is damaged")
        return collections.OrderedDict(
            (name, _read(reader, need(specs[name], "buffer", str), specs[name])) for name in order
        )

    def summarise(self, value: Any, content: Content) -> Facts:
        count = sum(parameter.numel() for parameter in value.parameters())
        detail = {
            "parameters": count,
            "tensors": len(content.meta["order"]),
            "restores_as": "state_dict",
        }
        return Facts(
            "model", type_name(type(value)), f"{count:,} parameters, kept as its state_dict", detail
        )


def _specs(reader: ContentReader) -> dict[str, dict[str, Any]]:
    """Return name -> description of each tensor; a tensor alone is called ``tensor``."""
    if reader.codec == TensorCodec.name:
        return {"tensor": {**reader.meta, "buffer": "data"}}
    tensors, order = need(reader.meta, "tensors", dict), need(reader.meta, "order", list)
    if len(order) > MAX_TENSORS or set(order) != set(tensors) or len(set(order)) != len(order):
        raise Corrupt("a state_dict is damaged")
    return {name: tensors[name] for name in order}


def has_safetensors(reader: ContentReader) -> bool:
    """Say whether a content can be written as a safetensors file."""
    if reader.codec not in (TensorCodec.name, ModuleCodec.name):
        return False
    try:
        specs = _specs(reader)
    except (Corrupt, TypeError):
        return False
    kinds = [spec.get("dtype") if isinstance(spec, dict) else None for spec in specs.values()]
    return "__metadata__" not in specs and all(
        isinstance(kind, str) and kind in _DTYPES and kind not in _NOT_IN_FILES for kind in kinds
    )


def to_safetensors(reader: ContentReader) -> bytes:
    """Return a tensor or state_dict as the bytes of a ``.safetensors`` file. Needs no torch.

    Raises
    ------
    Corrupt
        When a tensor does not have as many bytes as its shape asks for.
    """
    header: dict[str, Any] = {}
    parts: dict[str, memoryview] = {}
    offset = 0
    for name, spec in _specs(reader).items():
        buffer, shape = need(spec, "buffer", str), need(spec, "shape", list)
        kind = need(spec, "dtype", str)
        if buffer in parts or not all(type(n) is int and n >= 0 for n in shape):
            raise Corrupt(f"the tensor {name[:80]!r} is damaged")
        data = parts[buffer] = reader.read(buffer)
        if kind not in _DTYPES or math.prod(shape) * int(_DTYPES[kind][1][2:]) != data.nbytes:
            raise Corrupt(f"the tensor {name[:80]!r} has another size than its shape")
        end = offset + data.nbytes
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = msgspec.json.encode(header)
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *parts.values()])


CODECS = (TensorCodec, ModuleCodec)
