"""An open archive: what it holds, and how to read any part of it."""

from __future__ import annotations

import ctypes as c
import html
import io
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from bbz import _long
from bbz import _structs as s
from bbz._bases import BaseLike, base_of
from bbz._contents import Contents, Named, Tensor, open_reader
from bbz._files import ArchiveFile
from bbz._frameworks import framework_of, memory_of
from bbz._handles import Readable, Source
from bbz._layers import Layer, go_through, plan_layers
from bbz._library import LIB
from bbz._listing import File, RecordedBase, list_bases, list_files, size_text, table
from bbz._loading import load_tensors
from bbz._verify import Report, verify_source
from bbz.errors import ClosedError, InvalidArgumentError, NotFoundError


class Archive:
    """An open archive. It serves many threads at once, and is closed by `close()` or a `with` block.

    Args:
        readable: a path, an http or https URL, a `Url`, bytes, or a binary file object that seeks.
        base: where the tensors are on which those of the archive lean, if `pack(..., base=...)` made it: the path
            of an archive, a model or a directory of them, what `readable` can be, another `Archive`, or a list of
            such. The environment variable BBZ_BASE_PATH names more paths, with colons between them. A base is
            opened when the first tensor is read that needs it; what is wrong with it is raised then.
        threads: the number of threads that decode; 0 for all cores.

    Raises:
        NotFoundError: there is no such file.
        NotAnArchiveError, TruncatedError, ChecksumError, MalformedError, UnsupportedError, LimitError: the
            bytes are no archive that this version reads.
        IOFailedError: the system, the network or the file object failed.

    >>> with Archive("model.bbz") as archive:
    ...     weights = archive.read("lm_head.weight")  # a bytearray
    ...     archive["lm_head.weight"].shape
    (512, 64)
    """

    def __init__(self, readable: Readable, *, base: BaseLike = None, threads: int = 0) -> None:
        self._open: Optional[Contents] = None
        source = Source(readable)
        contents = open_reader(source, threads, base_of(base, source.path, threads))
        self._open = contents
        self._name = source.name
        info = s.ArchiveInfo()
        contents.call(LIB.bbz_reader_info, c.byref(info))
        self._info = info
        self._listed: Optional[List[Tensor]] = None
        self._files: Optional[List[File]] = None
        self._named: Optional[Named] = None
        self._bases: Optional[List[RecordedBase]] = None
        self._metadata: Dict[str, str] = {}

    # What the archive is.

    @property
    def name(self) -> str:
        """The path, the URL or another name of what is open."""
        return self._name

    @property
    def root(self) -> str:
        """The root digest: "xxh3-128:" or "sha256:" and hexadecimal digits."""
        return str(self._info.root.decode())

    @property
    def format_version(self) -> Tuple[int, int]:
        """The major and the minor version of the format."""
        return self._info.format_major, self._info.format_minor

    @property
    def nbytes(self) -> int:
        """The length of the archive in bytes."""
        return int(self._info.archive_bytes)

    @property
    def unpacked_nbytes(self) -> int:
        """The size of all files together, in bytes."""
        return int(self._info.unpacked_bytes)

    @property
    def exact(self) -> bool:
        """Whether it unpacks byte for byte. False if a model was rotated up to its symmetry."""
        return bool(self._info.exact)

    @property
    def closed(self) -> bool:
        """Whether the archive was closed."""
        return self._open is None

    # What it holds.

    @property
    def tensors(self) -> List[Tensor]:
        """The tensors of the files, in archive order."""
        return [tensor for tensor in self._all() if tensor.kind == "tensor"]

    @property
    def files(self) -> List[File]:
        """The files and the empty directories, in archive order. Their metadata is read on the first call."""
        if self._files is None:
            self._files, self._metadata = list_files(self._contents(), self._info)
        return list(self._files)

    @property
    def bases(self) -> List[RecordedBase]:
        """The bases on which tensors lean, by number, as they were when the archive was packed; empty if none does."""
        if self._bases is None:
            self._bases = list_bases(self._contents(), self._info)
        return list(self._bases)

    @property
    def metadata(self) -> Dict[str, str]:
        """Values that were recorded for the archive as a whole, by key."""
        self.files  # reads them
        return dict(self._metadata)

    @property
    def layers(self) -> List[int]:
        """The numbers of the layers, in ascending order."""
        return sorted({tensor.layer for tensor in self.tensors if tensor.layer is not None})

    def __len__(self) -> int:
        return len(self.tensors)

    def __iter__(self) -> Iterator[str]:
        return iter([tensor.name for tensor in self.tensors])

    def __contains__(self, name: object) -> bool:
        return name in self._names().first

    def __getitem__(self, name: str) -> Tensor:
        return self.find(name)

    def find(self, name: str, *, file: Optional[str] = None) -> Tensor:
        """Returns the tensor with this name, in a file of the archive or in any.

        Raises:
            NotFoundError: there is none.
            InvalidArgumentError: several files have one, and `file` is None.
        """
        if file is None:
            names = self._names()
            return names.once.get(name) or names.find(name, [each.path for each in self._files or []])
        number = self.find_file(file).number
        return Named(tensor for tensor in self.tensors if tensor.file == number).find(name)

    def find_file(self, path: str) -> File:
        """Returns the file with this path. Raises NotFoundError."""
        for each in self.files:
            if each.path == path:
                return each
        raise NotFoundError(f"no file has the path {path!r}")

    # Reading.

    def read(self, name: Union[str, Tensor], out: Any = None, *, file: Optional[str] = None) -> Any:
        """Reads a whole tensor: row-major, little-endian elements, checked against its checksums.

        Args:
            name: the name of a tensor, or an entry of `tensors`.
            out: memory of exactly `nbytes` bytes to decode into: a contiguous array of numpy, a contiguous
                tensor of torch on the CPU, or any writable buffer. None: a new bytearray.
            file: the path of its file, if several have a tensor of this name.

        Returns:
            `out`, or the new bytearray.

        Raises:
            NotFoundError, InvalidArgumentError: see `find`; also if `out` has another size.
            ChecksumError, MalformedError, UnsupportedError: with tensor, chunk and offset.
            UnsupportedError: the tensor leans on a base that was not given.
            WrongBaseError: the base is another, is damaged, or lacks it. Nothing that depends on the base is delivered.
            IOFailedError: the system, the network or the file object failed.
        """
        tensor = name if isinstance(name, Tensor) else self.find(name, file=file)
        return self._read(tensor, 0, tensor.nbytes, out)

    def rows(
        self, name: Union[str, Tensor], first: int, count: int, out: Any = None, *, file: Optional[str] = None
    ) -> Any:
        """Reads rows [first, first + count) along the outermost axis, and decodes only the chunks they are in.

        The arguments, the result and the errors are those of `read`; `out` has the size of the rows.
        InvalidArgumentError is raised for rows that do not exist, and for rows that begin within a byte.
        """
        tensor = name if isinstance(name, Tensor) else self.find(name, file=file)
        height = tensor.shape[0] if tensor.shape else 1
        if first < 0 or count < 0 or first + count > height:
            raise InvalidArgumentError(
                f"tensor {tensor.name!r} has no rows {first} to {first + count - 1}, but {height}", tensor=tensor.name
            )
        if height and tensor.nbytes % height:
            raise InvalidArgumentError(f"the rows of {tensor.name!r} are not whole bytes", tensor=tensor.name)
        row = tensor.nbytes // height if height else 0
        return self._read(tensor, first * row, count * row, out)

    def read_bytes(self, name: Union[str, Tensor], offset: int, size: int, *, file: Optional[str] = None) -> bytearray:
        """Reads bytes [offset, offset + size) of a tensor. Raises as `read` does."""
        tensor = name if isinstance(name, Tensor) else self.find(name, file=file)
        if offset < 0 or size < 0 or offset + size > tensor.nbytes:
            raise InvalidArgumentError(
                f"tensor {tensor.name!r} has no bytes {offset} to {offset + size}, but {tensor.nbytes}",
                tensor=tensor.name,
            )
        return bytearray(self._read(tensor, offset, size, None))

    def get_tensor(
        self, name: Union[str, Tensor], framework: str = "np", device: Any = "cpu", *, file: Optional[str] = None
    ) -> Any:
        """Reads a whole tensor as an array of numpy ("np") or a tensor of torch ("pt").

        Raises:
            UnsupportedError: the framework has no type for its elements.
            Others: those of `read`.
        """
        tensor = name if isinstance(name, Tensor) else self.find(name, file=file)
        return load_tensors(self._contents(), [tensor], framework_of(framework, device))[tensor.name]

    def open_file(self, path: str, *, buffer_size: int = 1 << 16) -> io.BufferedReader:
        """Opens a file of the archive as a binary file that can be read at any offset.

        Decoded chunks are cached, 64 MiB of them. The file stays readable if the archive is closed.

        Args:
            path: its path in the archive.
            buffer_size: bytes that are read at once at least.

        Raises:
            NotFoundError: there is no such file.
            InvalidArgumentError: it is a directory.
        """
        return io.BufferedReader(ArchiveFile(self._contents(), self.find_file(path)), buffer_size)

    def iter_layers(self, framework: str = "np", device: Any = "cpu", *, prefetch: int = 1) -> Iterator[Layer]:
        """Goes through the model in the order in which it is used, and reads ahead.

        First come tensors of no layer that a model reads first, such as embeddings, then the layers by their
        numbers, then all others, such as the last norm and the head. Memory holds the layer in use and
        `prefetch` more.

        Args:
            framework: "np" for arrays of numpy, "pt" for tensors of torch.
            device: where tensors of torch are put.
            prefetch: the number of layers to read ahead, on another thread; 0 for none.

        Raises:
            InvalidArgumentError: `prefetch` is negative, or two files have a tensor of the same name.
            Others: those of `get_tensor`, when the layer is reached.
        """
        if prefetch < 0:
            raise InvalidArgumentError(f"prefetch {prefetch}, expected 0 or more")
        contents = self._contents()
        names = self._names()
        for tensor in self.tensors:
            names.find(tensor.name)
        return go_through(contents, plan_layers(self.tensors), framework_of(framework, device), prefetch)

    def verify(self, *, fast: bool = False, progress: _long.Progress = None) -> Report:
        """Reads the archive front to back, and checks every checksum, digest and rule of the format.

        Args:
            fast: whether only the structure and the stored bytes are checked, and nothing is decoded.
            progress: see `bbz.pack`; counts bytes of the archive.

        Returns:
            What was checked. Damage is raised, with the report as `report` of the exception.

        Raises:
            ChecksumError, MalformedError, TruncatedError and others: for the first damage.
            UnsupportedError: all is well, but what leans was not decoded, because no base was given.
        """
        contents = self._contents()
        return verify_source(contents.source, contents.base, fast=fast, progress=progress)

    # Opening and closing.

    def close(self) -> None:
        """Closes the archive. Reads that run on other threads end well; later ones raise ClosedError."""
        self._open = None

    def __enter__(self) -> "Archive":
        self._contents()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._open is None else f"{len(self)} tensors, {size_text(self.nbytes)}"
        return f"<bbz.Archive {self._name!r}: {state}>"

    def _repr_html_(self) -> str:
        return html.escape(repr(self)) if self._open is None else table(self._name, self.tensors, self._info, self.bases)

    # Inside.

    def _contents(self) -> Contents:
        contents = self._open
        if contents is None:
            raise ClosedError("the archive is closed")
        return contents

    def _all(self) -> List[Tensor]:
        if self._listed is None:
            found = self._contents().tensors(self._info.tensor_count)
            self._listed = [tensor for tensor in found if tensor is not None]
        return self._listed

    def _leans(self, tensor: Tensor) -> bool:
        """Returns whether reading a tensor may need the base."""
        if tensor.base is None:
            return tensor.leans_on is not None
        return any(each.number == tensor.base and each.leans_on is not None for each in self._all_numbered())

    def _all_numbered(self) -> List[Tensor]:
        return [tensor for tensor in self._contents().tensors(self._info.tensor_count) if tensor is not None]

    def _names(self) -> Named:
        if self._named is None:
            self._named = Named(tensor for tensor in self._all() if tensor.kind == "tensor")
            if self._named.more:
                self.files  # for the messages
        return self._named

    def _read(self, tensor: Tensor, offset: int, size: int, out: Any) -> Any:
        contents = self._contents()
        given = bytearray(size) if out is None else out
        keep, address = memory_of(given, size)
        contents.read(tensor.number, size, address, offset, keep)
        del keep
        return given
