"""A read-only filesystem of fsspec over the files of an archive: `bbz://PATH::ARCHIVE`."""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, Optional

from fsspec.spec import AbstractFileSystem

from bbz._handles import Url, is_url
from bbz.archive import Archive


class ArchiveFileSystem(AbstractFileSystem):  # type: ignore[misc, unused-ignore]
    """The files of an archive, read-only.

    Args:
        fo: the path or URL of the archive, a `Url`, or a binary file object that seeks. http and https URLs are
            read by bbz itself, others by the filesystem of fsspec that they name.
        target_protocol, target_options: what fsspec says of `fo` in a chain of URLs.
        threads: the number of threads that decode; 0 for all cores.

    Raises:
        Those of `Archive`.

    >>> import fsspec
    >>> with fsspec.open("bbz://model.safetensors::model.bbz", "rb") as file:
    ...     len(file.read(8))
    8
    """

    protocol = "bbz"
    root_marker = ""
    cachable = False

    def __init__(
        self,
        fo: Any = "",
        target_protocol: Optional[str] = None,
        target_options: Optional[Dict[str, Any]] = None,
        threads: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._opened: Any = None
        if isinstance(fo, str) and not is_url(fo) and target_protocol not in (None, "file", "local"):
            import fsspec

            fo = fsspec.open(fo, mode="rb", protocol=target_protocol, **(target_options or {})).open()
            self._opened = fo
        elif isinstance(fo, str) and is_url(fo):
            headers = (target_options or {}).get("headers", {})
            fo = Url(fo, headers=headers)
        self._archive = Archive(fo, threads=threads)
        self._entries: Dict[str, Dict[str, Any]] = {}
        self._children: Dict[str, List[str]] = {"": []}
        for each in self._archive.files:
            self._add(
                each.path, "directory" if each.is_directory else "file", 0 if each.is_directory else each.size,
                each.modified,
            )

    def _add(self, path: str, kind: str, size: int, modified: Optional[datetime.datetime] = None) -> None:
        if path in self._entries:
            return
        self._entries[path] = {"name": path, "size": size, "type": kind, "mtime": modified}
        if kind == "directory":
            self._children.setdefault(path, [])
        while path:  # a loop, because a path may have thousands of components
            parent = path.rpartition("/")[0]
            self._children.setdefault(parent, []).append(path)
            if not parent or parent in self._entries:
                break
            path = parent
            self._entries[path] = {"name": path, "size": 0, "type": "directory", "mtime": None}

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        stripped = super()._strip_protocol(path)
        return stripped.lstrip("/")

    def info(self, path: str, **options: Any) -> Dict[str, Any]:
        """Describes a file or directory: name, size in bytes, type, mtime. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        if path == "":
            return {"name": "", "size": 0, "type": "directory"}
        if path not in self._entries:
            raise FileNotFoundError(path)
        return dict(self._entries[path])

    def ls(self, path: str, detail: bool = True, **options: Any) -> List[Any]:
        """Lists a directory. Raises FileNotFoundError."""
        path = self._strip_protocol(path)
        if path in self._children:
            names = sorted(self._children[path])
        else:
            names = [self.info(path)["name"]]
        return [dict(self._entries[name]) for name in names] if detail else names

    def modified(self, path: str) -> datetime.datetime:
        """Returns when a file was last modified. Raises FileNotFoundError if that was not recorded."""
        found = self.info(path).get("mtime")
        if found is None:
            raise FileNotFoundError(f"{path}: no time was recorded")
        assert isinstance(found, datetime.datetime)
        return found

    def _open(
        self, path: str, mode: str = "rb", block_size: Any = None, autocommit: bool = True, cache_options: Any = None,
        **options: Any,
    ) -> Any:
        if mode != "rb":
            raise OSError(30, "Read-only file system", path)
        if self.info(path)["type"] == "directory":
            raise IsADirectoryError(path)
        return self._archive.open_file(self._strip_protocol(path))

    def close(self) -> None:
        """Closes the archive. Files that are open stay readable."""
        self._archive.close()
        if self._opened is not None:
            self._opened.close()
