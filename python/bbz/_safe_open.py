"""`safe_open`: opens an archive, or a plain safetensors file, as the function of this name in safetensors does."""

from __future__ import annotations

import ctypes as c
import json
import os
import re
import sys
from typing import Any, Dict, List, Optional, Tuple, Type, Union

from bbz import _structs as s
from bbz._bases import BaseLike, base_of
from bbz._contents import Contents, Named, Tensor, open_model, open_reader
from bbz._frameworks import framework_of
from bbz._handles import Source, Url
from bbz._library import LIB, text_at
from bbz._listing import File, list_files
from bbz._loading import load_tensors
from bbz._slices import normalize, read_part, strict
from bbz.errors import Error, InvalidArgumentError, MalformedError, NotAnArchiveError, NotFoundError, TruncatedError


class SafetensorError(Error):
    """What safetensors has this name for: no such tensor, a file that is closed, an unknown framework.

    If safetensors is loaded, what is raised is an instance of its class of this name, too.
    """

    code = "invalid-argument"

    def __reduce__(self) -> Any:
        return _error, (str(self),)


_classes: Dict[Any, Type[SafetensorError]] = {}


def _error(message: str) -> SafetensorError:
    module = sys.modules.get("safetensors")
    theirs = getattr(module, "SafetensorError", None)
    if theirs is None:
        return SafetensorError(message)
    if theirs not in _classes:
        _classes[theirs] = type("SafetensorError", (SafetensorError, theirs), {"__module__": __name__})
    return _classes[theirs](message)


_FRAMEWORKS = {"pt": "pt", "torch": "pt", "pytorch": "pt", "np": "np", "numpy": "np"}
_DEVICES = ("cuda", "npu", "xpu", "xla", "mlu", "musa", "hpu")
_DEVICE = re.compile(rf"mps|({'|'.join(_DEVICES)})(:[0-9]+)?")


class safe_open:  # noqa: N801: the name is that of safetensors
    """Opens an archive or a safetensors file lazily, and reads the tensors that are asked for.

    Args:
        filename: a path, an http or https URL, or a `Url`.
        framework: "pt" for tensors of torch, "np" for arrays of numpy; also "torch", "pytorch" and "numpy".
        device: where tensors of torch are put, for example "cpu", "cuda:0" or 0.
        backend: accepted for safetensors' sake; it changes nothing.
        file: of an archive with several files, the path of the one whose tensors are wanted; None: all.
        base: where the tensors are on which those of the archive lean; see `Archive`.
        threads: the number of threads that decode; 0 for all cores.

    Raises:
        FileNotFoundError: there is no such file.
        SafetensorError: the framework or the device is unknown, or the bytes are not a model.
        bbz.Error: reading failed; see `Archive`.

    >>> with safe_open("model.bbz", framework="np") as f:
    ...     f.keys()
    ...     f.get_slice("lm_head.weight")[:2, ::16].shape
    ['lm_head.weight', 'norm']
    (2, 4)
    """

    def __init__(
        self,
        filename: Union[str, "os.PathLike[str]", Url],
        framework: str,
        device: Any = "cpu",
        *,
        backend: str = "mmap",
        file: Optional[str] = None,
        base: BaseLike = None,
        threads: int = 0,
    ) -> None:
        self._contents: Optional[Contents] = None
        if not isinstance(filename, (str, os.PathLike, Url)):
            raise TypeError(f"filename: expected a path or a URL, not {type(filename).__name__}")
        if not isinstance(framework, str):
            raise TypeError(f"framework: expected a str, not {type(framework).__name__}")
        if framework not in _FRAMEWORKS:
            raise _error(f"framework {framework} is not one of {', '.join(_FRAMEWORKS)}")
        if backend not in ("mmap", "pread"):
            raise _error(f'backend "{backend}" is neither "mmap" nor "pread"')
        name = _FRAMEWORKS[framework]
        _check_device(name, device)
        self._name = name
        self._framework = framework_of(name, "cpu" if device is None else device)
        contents, _, self._tensors, self._metadata = open_model_file(filename, file, threads, base)
        self._named = Named(self._tensors)
        self._contents = contents

    def keys(self) -> List[str]:
        """Returns the names of the tensors, sorted. Raises SafetensorError if the file is closed."""
        self._use()
        return sorted(self._named.first)

    def offset_keys(self) -> List[str]:
        """Returns the names of the tensors in the order of their data. Raises SafetensorError if the file is closed."""
        self._use()
        return list(dict.fromkeys(tensor.name for tensor in self._tensors))

    def metadata(self) -> Optional[Dict[str, str]]:
        """Returns the `__metadata__` of a safetensors file, or None. Raises SafetensorError if the file is closed."""
        self._use()
        return dict(self._metadata) if self._metadata else None

    def get_tensor(self, name: str) -> Any:
        """Reads a tensor: an array or a tensor of its shape and type, in memory of its own.

        Raises:
            SafetensorError: there is no such tensor, or the file is closed.
            UnsupportedError: the framework has no type for its elements.
            ChecksumError and other errors of reading, with tensor, chunk and offset.
        """
        contents = self._use()
        tensor = self._find(name)
        framework = self._framework
        array = framework.empty(tensor.dtype, tensor.shape)
        if tensor.nbytes:
            contents.read(tensor.number, tensor.nbytes, framework.address(array), keep=array)
        return framework.place(array)

    def get_tensors(self) -> Dict[str, Any]:
        """Reads all tensors, in the order of their data, with all threads at once. Raises as `get_tensor` does."""
        contents = self._use()
        for name in self._named.more:
            self._find(name)
        return load_tensors(contents, self._tensors, self._framework)

    def get_slice(self, name: str) -> "Slice":
        """Returns a view of a tensor that reads what it is indexed with. Raises as `get_tensor` does."""
        return Slice(self._use(), self._find(name), self._framework, self._name)

    def __enter__(self) -> "safe_open":
        return self

    def __exit__(self, *_: object) -> None:
        self._contents = None

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle 'safe_open' object")

    def _use(self) -> Contents:
        contents = self._contents
        if contents is None:
            raise _error("the file is closed")
        return contents

    def _find(self, name: str) -> Tensor:
        if not isinstance(name, str):
            raise TypeError(f"name: expected a str, not {type(name).__name__}")
        if name not in self._named.first:
            raise _error(f"the file has no tensor {name}")
        return self._named.find(name)


class Slice:
    """A tensor of an open file. Indexing reads the elements that are selected, and decodes only their rows.

    The indices are those that safetensors takes: for torch, what tensors of torch take, and for numpy, ints,
    slices with positive steps that lie within the tensor, and one `...`.
    """

    def __init__(self, contents: Contents, tensor: Tensor, framework: Any, name: str) -> None:
        self._contents = contents
        self._tensor = tensor
        self._framework = framework
        self._name = name

    def get_shape(self) -> List[int]:
        """Returns the size of each axis in elements, the outermost first."""
        return list(self._tensor.shape)

    def get_dtype(self) -> str:
        """Returns the element type as safetensors writes it, for example "BF16"."""
        return self._tensor.dtype

    def __getitem__(self, index: Any) -> Any:
        tensor, framework = self._tensor, self._framework
        framework.dtype(tensor.dtype)  # raises before anything is read
        if self._name == "np":
            axes = strict(index, tensor.shape, _error)
            return framework.place(read_part(self._contents, tensor, axes, framework))
        selected = normalize(index, tensor.shape)
        if selected is not None:
            return framework.place(read_part(self._contents, tensor, selected, framework))
        whole = framework.empty(tensor.dtype, tensor.shape)
        if tensor.nbytes:
            self._contents.read(tensor.number, tensor.nbytes, framework.address(whole), keep=whole)
        return framework.place(whole[index].clone())


def _check_device(framework: str, device: Any) -> None:
    if device is None or device == "cpu":
        return
    valid = device >= 0 if isinstance(device, int) else isinstance(device, str) and _DEVICE.fullmatch(device)
    if isinstance(device, str) and device.partition(":")[0] in _DEVICES and not valid:
        raise InvalidArgumentError(f"device {device} has no valid number")
    if not valid:
        raise _error(f"device {device} is invalid")
    if framework != "pt":
        raise _error(f"device {device} is not supported for framework numpy")


def open_model_file(
    readable: Any, file: Optional[str], threads: int, base: BaseLike = None
) -> Tuple[Contents, List[Optional[Tensor]], List[Tensor], Dict[str, str]]:
    """Opens an archive or another model: its contents, all that is numbered, its tensors, and its metadata.

    `file` restricts the tensors to those of one file of an archive. Raises SafetensorError if the bytes are not a
    model; the errors of reading.
    """
    source = Source(readable)
    try:
        contents = open_reader(source, threads, base_of(base, source.path, threads))
    except (NotAnArchiveError, TruncatedError):
        return _open_other(source, file, threads)
    about = s.ArchiveInfo()
    contents.call(LIB.bbz_reader_info, c.byref(about))
    files, _ = list_files(contents, about)
    everything = contents.tensors(about.tensor_count)
    tensors = [tensor for tensor in everything if tensor is not None and tensor.kind == "tensor"]
    if file is not None:
        files = [each for each in files if each.path == file]
        if not files:
            raise NotFoundError(f"{source.name}: no file has the path {file!r}")
        tensors = [tensor for tensor in tensors if tensor.file == files[0].number]
    metadata: Dict[str, str] = {}
    for each in reversed(files):
        if "safetensors" in each.metadata:
            metadata.update(_texts(each))
    return contents, everything, tensors, metadata


def _texts(file: File) -> Dict[str, str]:
    """Returns the `__metadata__` that is recorded for a file. Raises MalformedError."""
    try:
        found = json.loads(file.metadata["safetensors"])
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"{file.path}: its metadata \"safetensors\" is no JSON: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise MalformedError(f"{file.path}: its metadata \"safetensors\" is not an object of strings")
    return found


def _open_other(
    source: Source, file: Optional[str], threads: int
) -> Tuple[Contents, List[Optional[Tensor]], List[Tensor], Dict[str, str]]:
    try:
        contents = open_model(source, threads)
    except Error as error:
        if error.code in ("invalid-argument", "not-an-archive", "truncated", "malformed"):
            raise _error(str(error)) from error
        raise
    if file is not None:
        raise InvalidArgumentError(f"{source.name} is no archive, so that it has no files: file={file!r}")
    info = s.ModelInfo()
    contents.call(LIB.bbz_model_get, c.byref(info))
    tensors = [tensor for tensor in contents.tensors(info.tensor_count) if tensor is not None]
    metadata = {}
    entry = s.ModelText()
    for number in range(info.metadata_count):
        contents.call(LIB.bbz_model_metadata, number, c.byref(entry))
        metadata[text_at(entry.key, entry.key_length)] = text_at(entry.value, entry.value_length)
    return contents, list(tensors), tensors, metadata
