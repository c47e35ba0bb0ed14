"""Models as dicts of torch tensors, as `safetensors.torch` has them, in bbz archives and plain safetensors files."""

from __future__ import annotations

import io
import os
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple, Union

import torch as _torch

from bbz import _long
from bbz._bases import BaseLike
from bbz._frameworks import Torch
from bbz._handles import Readable, Url
from bbz._models import load_any, path_inside
from bbz._safe_open import open_model_file
from bbz._saving import save_tensors
from bbz.archive import Archive
from bbz.errors import InvalidArgumentError

_Path = Union[str, "os.PathLike[str]"]


def load_file(
    filename: Union[_Path, Url], device: Any = "cpu", *, file: Optional[str] = None, base: BaseLike = None,
    pin_memory: bool = False, threads: int = 0, progress: _long.Progress = None,
) -> Dict[str, Any]:
    """Loads all tensors of an archive or a safetensors file, each into memory that is allocated once.

    Args:
        filename: a path, an http or https URL, or a `Url`.
        device: where the tensors are put, for example "cpu", "cuda:0" or 0.
        file: of an archive with several files, the path of the one whose tensors are wanted; None: all.
        base: where the tensors are on which those of the archive lean; see `Archive`.
        pin_memory: whether the memory is pinned, so that copying it to a GPU is faster.
        threads: the number of threads that decode; 0 for all cores.
        progress: see `bbz.pack`; counts bytes that are decoded.

    Returns:
        Tensors by name, in the order of their data. Tied tensors share their memory.

    Raises:
        NotFoundError: there is no such file.
        UnsupportedError: this version of torch has no type for an element type.
        SafetensorError: the bytes are not a model.
        ChecksumError and other errors of reading, with tensor, chunk and offset.

    >>> bbz.torch.load_file("model.bbz")["norm"].shape
    torch.Size([64])
    """
    return load_any(
        filename, "pt", device, file=file, threads=threads, pin_memory=pin_memory, progress=progress, base=base
    )


def load(
    source: Readable, map_location: Any = None, *, file: Optional[str] = None, base: BaseLike = None, threads: int = 0,
    **options: Any,
) -> Any:
    """Loads what `torch.save` saved: gives what `torch.load` gives for the file that was packed.

    Like `torch.load`, it runs what the pickle in the file asks for: load only what you trust. An archive without
    such a file, and the bytes of a safetensors file, give a dict of tensors.

    Args:
        source: a path, an http or https URL, a `Url`, bytes, or a binary file object that seeks.
        map_location: as of `torch.load`: a device, a dict of devices, or a function of a storage and its location.
        file: the path in the archive of the file to load; None: the only one that torch can have written.
        base: where the tensors are on which those of the archive lean; see `Archive`.
        threads: the number of threads that decode; 0 for all cores.
        options: others of `torch.load`.

    Raises:
        InvalidArgumentError: several files of the archive are of torch, and `file` is None.
        NotFoundError: there is no such archive, or no such file in it.
        ChecksumError and other errors of reading; those of `torch.load`.

    >>> torch.save({"step": 3, "weight": torch.ones(2)}, "ckpt.pt")
    >>> _ = bbz.pack("ckpt.pt", "ckpt.bbz")
    >>> bbz.torch.load("ckpt.bbz")["step"]
    3
    """
    if file is None and _is_safetensors(source):
        return load_any(source, "pt", _device_of(map_location), threads=threads)
    with Archive(source, base=base, threads=threads) as archive:
        if file is None:
            file = _torch_file(archive)
        if file is None:
            return load_any(source, "pt", _device_of(map_location), threads=threads, base=base)
        with archive.open_file(file) as opened:
            return _torch.load(opened, map_location, **options)


def _is_safetensors(source: Any) -> bool:
    """Returns whether a source is bytes that begin as a safetensors file does: with the size of an object of JSON."""
    if not isinstance(source, (bytes, bytearray, memoryview)):
        return False
    return bytes(memoryview(source).cast("B")[8:9]) == b"{"


def _device_of(map_location: Any) -> Any:
    """Returns the device to which a map_location of torch.load moves a tensor that is on the CPU."""
    if map_location is None:
        return "cpu"
    if isinstance(map_location, Mapping):
        return map_location.get("cpu", "cpu")
    if callable(map_location):
        moved = map_location(_torch.empty(1).storage(), "cpu")
        return "cpu" if moved is None else moved.device
    return map_location


def _torch_file(archive: Archive) -> Optional[str]:
    """Returns the path of the only file of torch in an archive, or None if there is none."""
    paths = [each.path for each in archive.files if each.metadata.get("format") == "pytorch"]
    if not paths:  # formats that are packed as bytes: those of before 1.6, and whole modules
        paths = [each.path for each in archive.files if each.path.endswith((".pt", ".pth", ".bin", ".ckpt", ".tar"))]
    if not paths and len(archive.files) == 1 and archive.files[0].metadata.get("format", "bytes") == "bytes":
        paths = [archive.files[0].path]
    if len(paths) > 1:
        raise InvalidArgumentError(f"several files of the archive are of torch: {', '.join(paths)}; name one as file=")
    return paths[0] if paths else None


def save_file(
    tensors: Mapping[str, Any], filename: _Path, metadata: Optional[Mapping[str, str]] = None, **options: Any
) -> None:
    """Saves tensors as an archive with one safetensors file, which appears when it is complete.

    Args:
        tensors: dense tensors by name, of any strides and on any device. Tied ones are stored once.
        filename: the path of the archive.
        metadata: the `__metadata__` of the safetensors file.
        options: those of `bbz.Writer`; an existing file is replaced, as safetensors does, unless
            `overwrite=False` is given.

    Raises:
        UnsupportedError: a tensor has a type that the format has not.
        InvalidArgumentError: a tensor is sparse or quantized.
        TypeError: a value is not a tensor.
        IOFailedError: writing failed.

    >>> bbz.torch.save_file({"x": torch.arange(3)}, "x.bbz")
    >>> bbz.torch.load_file("x.bbz")["x"]
    tensor([0, 1, 2])
    """
    save_tensors(Torch(), tensors, filename, metadata, path_inside(filename), **{"overwrite": True, **options})


def save(tensors: Mapping[str, Any], metadata: Optional[Mapping[str, str]] = None, **options: Any) -> bytes:
    """Returns the archive that `save_file` would write; `load_file`'s counterpart for bytes is `load`.

    >>> bbz.torch.load(bbz.torch.save({"x": torch.ones(2)}))["x"]
    tensor([1., 1.])
    """
    output = io.BytesIO()
    save_tensors(Torch(), tensors, output, metadata, "model.safetensors", **options)
    return output.getvalue()


def save_model(
    model: Any, filename: _Path, metadata: Optional[Mapping[str, str]] = None, **options: Any
) -> None:
    """Saves the parameters and buffers of a module. Tied ones are saved under one name, and noted in the metadata.

    Args:
        model: a module of torch.
        filename, metadata, options: as of `save_file`.

    Raises:
        Those of `save_file`.

    >>> bbz.torch.save_model(torch.nn.Linear(2, 1), "linear.bbz")
    >>> bbz.torch.load_model(torch.nn.Linear(2, 1), "linear.bbz")
    ([], [])
    """
    state = model.state_dict()
    notes = dict(metadata or {})
    kept = {}
    for names in _tied(state):
        kept[names[0]] = state[names[0]]
        for name in names[1:]:
            notes.setdefault(name, names[0])
    save_file(kept, filename, notes or None, **options)


def load_model(
    model: Any, filename: Union[_Path, Url], strict: bool = True, device: Any = "cpu", *, file: Optional[str] = None,
    base: BaseLike = None, threads: int = 0, progress: _long.Progress = None,
) -> Tuple[List[str], List[str]]:
    """Loads parameters and buffers into a module: what fits is decoded into the memory that the module has.

    So a model takes no memory beside the module's. If reading fails, some tensors of the module are new, one may
    hold anything, and the others are as before: load a whole model then. `bbz.verify()` beforehand finds damage.

    Args:
        model: a module of torch. Tied tensors stay tied.
        filename: a path, an http or https URL, or a `Url`.
        strict: whether missing and unexpected names are an error.
        device: accepted for safetensors' sake; each tensor goes to where the module has it.
        file, base, threads, progress: as of `load_file`.

    Returns:
        The names in the module that are not in the file, and those in the file that are not in the module.

    Raises:
        RuntimeError: names are missing or unexpected, and `strict` is true; or a shape differs. Nothing is changed then.
        Others: those of `load_file`.
    """
    contents, _, tensors, _ = open_model_file(filename, file, threads, base)
    state = model.state_dict()
    found = {tensor.name: tensor for tensor in tensors}
    if len(found) < len(tensors):
        raise InvalidArgumentError(f"{filename}: several files have a tensor of the same name: name one as file=")
    missing, unexpected = _mismatch(state, set(found))
    wrong = [
        f"{name}: shape {list(found[name].shape)} in the file, {list(state[name].shape)} in the module"
        for name in found
        if name in state and tuple(state[name].shape) != found[name].shape
    ]
    complaints = wrong + ([f"missing: {', '.join(missing)}"] if missing and strict else [])
    complaints += [f"unexpected: {', '.join(unexpected)}"] if unexpected and strict else []
    if complaints:
        raise RuntimeError(f"{type(model).__name__} does not fit {filename}: {'; '.join(complaints)}")
    framework = Torch()
    parts = []
    copies: List[Tuple[Any, Any]] = []
    placed = [(state[name], tensor) for name, tensor in found.items() if name in state]
    placed.sort(key=lambda each: (framework.address(each[0]), -each[1].nbytes))
    last, end = (0, 0), 0
    for target, tensor in placed:
        memory, place = target, (framework.address(target), tensor.nbytes)
        direct = target.device.type == "cpu" and target.is_contiguous() and target.dtype == framework.dtype(tensor.dtype)
        if direct and place == last:
            continue  # what is tied is decoded once
        if not direct or place[0] < end:  # the library wants buffers that do not overlap
            memory = framework.empty(tensor.dtype, tensor.shape)
            copies.append((target, memory))
        else:
            last, end = place, sum(place)
        parts.append((tensor.number, 0, tensor.nbytes, framework.address(memory)))
    contents.read_many(parts, progress, (state, copies))
    with _torch.no_grad():
        for target, memory in copies:
            target.copy_(memory)
    return missing, unexpected


def _tied(state: Mapping[str, Any]) -> List[List[str]]:
    """Returns the names of each memory in a state, sorted: those of tensors that are the same view of it."""
    groups: Dict[Any, List[str]] = {}
    for name, tensor in state.items():
        place = (tensor.device, tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.dtype)
        groups.setdefault(place if tensor.data_ptr() else name, []).append(name)
    return [sorted(names) for names in groups.values()]


def _mismatch(state: Mapping[str, Any], names: Set[str]) -> Tuple[List[str], List[str]]:
    """Returns the names that are missing, but for those that are tied to one that is there, and the unexpected ones."""
    missing = []
    for group in _tied(state):
        if not names.intersection(group):
            missing += group
    return sorted(missing), sorted(names.difference(state))
