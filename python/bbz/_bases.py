"""Where the tensors are on which those of an archive lean."""

from __future__ import annotations

import ctypes as c
import os
from typing import TYPE_CHECKING, Any, List, Optional, Sequence, Union

from bbz import _structs as s
from bbz._handles import Handle, Readable, Source, Url, follow_forks, is_url, make, path_bytes
from bbz._library import LIB

if TYPE_CHECKING:
    from bbz.archive import Archive

#: What a base can be: the path of an archive, a model or a directory of them, a URL, a `Url`, an open `Archive`,
#: bytes, a binary file that seeks, or a list of such. None: only what BBZ_BASE_PATH names.
BaseLike = Union[None, Readable, "Archive", Sequence[Union[Readable, "Archive"]]]


class Base:
    """Archives and models in which tensors are looked for. They are opened when the first is needed.

    Attributes:
        handle: the handle of the library.
        slow: whether reading from it may wait for long.
        url: whether it reads from URLs.
    """

    def __init__(self, items: Sequence[Any], more: Sequence[str], archive: Optional[str], threads: int, to_write: bool) -> None:
        from bbz.archive import Archive

        places: List[bytes] = []
        readers: List[Handle] = []
        self._sources: List[Source] = []
        self.slow = self.url = False
        for item in items:
            if isinstance(item, Archive):
                contents = item._contents()
                readers.append(contents.handle)
                self.slow, self.url = self.slow or contents.slow, self.url or contents.url
            elif isinstance(item, str) and is_url(item):
                places.append(item.encode())
                self.slow = self.url = True
            elif isinstance(item, (str, os.PathLike)) and not isinstance(item, Url):
                places.append(path_bytes(item))
            else:
                source = Source(item)
                self._sources.append(source)
                self.slow, self.url = self.slow or source.slow, self.url or source.url
        named = [path_bytes(place) for place in more]
        deeper = named if to_write else []
        places += [] if to_write else named
        options = s.BaseOptions(
            places=(c.c_char_p * len(places))(*places), place_count=len(places),
            deeper=(c.c_char_p * len(deeper))(*deeper), deeper_count=len(deeper),
            sources=(c.c_void_p * len(self._sources))(*[source.handle.value for source in self._sources]),
            source_count=len(self._sources),
            readers=(c.c_void_p * len(readers))(*[reader.value for reader in readers]), reader_count=len(readers),
            archive=None if archive is None else path_bytes(archive), threads=threads,
        )
        handle = make(
            LIB.bbz_base_open, LIB.bbz_base_free, c.byref(options),
            keep=(readers, [source.handle for source in self._sources]),
        )
        self.handle = follow_forks(handle) if self.url else handle

    def explain(self, error: BaseException) -> BaseException:
        """Returns the exception to raise for an error: with what a file object raised as its cause."""
        for source in self._sources:
            error = source.explain(error)
        return error


def base_of(given: BaseLike, archive: Optional[str], threads: int, *, to_write: bool = False) -> Optional[Base]:
    """Returns where to look, or None if there is nowhere.

    `archive` is the path of the archive that leans, which is passed over in directories. What BBZ_BASE_PATH names,
    as far as it exists, is looked at too; `to_write`, only for the bases of bases. Raises TypeError for what is no
    base; ClosedError for an archive that is closed; the errors of `Source`.
    """
    items = [] if given is None else list(given) if isinstance(given, (list, tuple)) and not isinstance(given, Url) else [given]
    more = [place for place in os.environ.get("BBZ_BASE_PATH", "").split(":") if place and os.path.exists(place)]
    if not items and (to_write or not more):
        return None
    return Base(items, more, archive, threads, to_write)


def value_of(base: Optional[Base]) -> Optional[int]:
    """Returns the handle for a struct of options."""
    return None if base is None else base.handle.value
