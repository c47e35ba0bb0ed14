"""Lets programs that were written for safetensors read archives: replaces what they call, and puts it back."""

from __future__ import annotations

import contextlib
import multiprocessing.process
import os
import sys
import threading
import types
from typing import Any, Dict, Iterator, List, Optional, Tuple

#: The first bytes of an archive.
_MAGIC = b"\x89BBZ\r\n\x1a\n"

_lock = threading.Lock()
_depth = 0
_undo: List[Tuple[Dict[str, Any], str, Any, Any]] = []  # a namespace, a name in it, what that was, and what it is now
_KEY = "bbz_patch_safetensors"


class _Marker:
    """Is pickled with each new process of multiprocessing, and patches it when it arrives there."""

    def __reduce__(self) -> Any:
        return _arrive, ()


def _arrive() -> _Marker:
    _enter()
    return _Marker()  # for the processes that this one starts


def archive_beside(path: Any) -> Optional[str]:
    """Returns the archive that stands in for a safetensors file: the file itself, NAME.bbz or STEM.bbz, or None."""
    try:
        name = os.fspath(path)
    except TypeError:
        return None
    if not isinstance(name, str):
        return None
    if _real_isfile(name):
        return name if _is_archive(name) else None
    if name.endswith(".safetensors"):
        for candidate in (name + ".bbz", name[: -len(".safetensors")] + ".bbz"):
            if _real_isfile(candidate) and _is_archive(candidate):
                return candidate
    return None


def _is_archive(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


_real_isfile = os.path.isfile
_real_exists = os.path.exists


def _isfile(path: Any) -> bool:
    return _real_isfile(path) or archive_beside(path) is not None


def _exists(path: Any) -> bool:
    return _real_exists(path) or archive_beside(path) is not None


def _replacements() -> Dict[Any, Any]:
    """Returns what stands in for each function of safetensors, by that function."""
    import safetensors

    from bbz._safe_open import safe_open
    from bbz._handles import Url, is_url

    theirs = safetensors.safe_open

    def opens_here(filename: Any) -> Any:
        if isinstance(filename, Url) or (isinstance(filename, str) and is_url(filename)):
            return filename
        return archive_beside(filename)

    class patched_safe_open:  # noqa: N801
        """Opens an archive with bbz, and any other file with safetensors."""

        def __new__(cls, filename: Any, framework: Any, device: Any = "cpu", **options: Any) -> Any:
            here = opens_here(filename)
            if here is None:
                return theirs(filename, framework, device, **options)
            return safe_open(here, framework, device, **options)

    found: Dict[Any, Any] = {theirs: patched_safe_open}
    for name in ("numpy", "torch"):
        try:
            module = __import__(f"safetensors.{name}", fromlist=["load_file"])
        except ImportError:
            continue
        found[module.load_file] = _load_file(module.load_file, name, opens_here)
        if name == "torch":
            found[module.load_model] = _load_model(module.load_model, opens_here)
    return found


def _load_file(theirs: Any, name: str, opens_here: Any) -> Any:
    def load_file(filename: Any, *arguments: Any, **options: Any) -> Any:
        """Loads an archive with bbz, and any other file with safetensors."""
        here = opens_here(filename)
        if here is None:
            return theirs(filename, *arguments, **options)
        options.pop("backend", None)
        ours = __import__(f"bbz.{name}", fromlist=["load_file"])
        return ours.load_file(here, *arguments, **options)

    return load_file


def _load_model(theirs: Any, opens_here: Any) -> Any:
    def load_model(model: Any, filename: Any, *arguments: Any, **options: Any) -> Any:
        """Loads an archive with bbz, and any other file with safetensors."""
        here = opens_here(filename)
        if here is None:
            return theirs(model, filename, *arguments, **options)
        options.pop("backend", None)
        import bbz.torch

        return bbz.torch.load_model(model, here, *arguments, **options)

    return load_model


def _enter() -> None:
    global _depth
    with _lock:
        _depth += 1
        if _depth > 1:
            return
        try:
            # By identity, because objects of others may have any __hash__ and __eq__.
            replacements = {id(old): (old, new) for old, new in _replacements().items()}
            for module in list(sys.modules.values()):
                if getattr(module, "__name__", "").split(".")[0] != "bbz":
                    _replace_in(module, replacements)
            for name, old, new in (("isfile", _real_isfile, _isfile), ("exists", _real_exists, _exists)):
                _undo.append((vars(os.path), name, old, new))
                setattr(os.path, name, new)
            _config()[_KEY] = _Marker()
        except BaseException:
            _restore()
            _depth -= 1
            raise


def _leave() -> None:
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            _restore()


def _replace_in(module: Any, replacements: Dict[Any, Any]) -> None:
    try:
        spaces = [vars(module)]
    except TypeError:
        return
    if getattr(module, "__name__", "") == "__mp_main__":
        # The functions of a program that multiprocessing has imported again have other globals than its module.
        spaces += [value.__globals__ for value in spaces[0].values() if isinstance(value, types.FunctionType)]
    for space in spaces:
        for name, value in list(space.items()):
            old, new = replacements.get(id(value), (None, None))
            if new is not None and old is value:
                _undo.append((space, name, value, new))
                space[name] = new


def _restore() -> None:
    ours = {id(new): old for _, _, old, new in _undo}
    for space, name, old, new in _undo:
        if space.get(name) is new:  # else somebody has deleted or replaced it
            space[name] = old
    # Modules that were imported meanwhile have taken the replacements too.
    for module in list(sys.modules.values()):
        if module is sys.modules[__name__]:
            continue
        try:
            space = vars(module)
        except TypeError:
            continue
        for name, value in list(space.items()):
            if id(value) in ours:
                space[name] = ours[id(value)]
    _undo.clear()
    _config().pop(_KEY, None)


def _config() -> Dict[str, Any]:
    # What every process of multiprocessing hands on to those that it starts.
    config: Dict[str, Any] = getattr(multiprocessing.process.current_process(), "_config", {})
    return config


@contextlib.contextmanager
def patch_safetensors() -> Iterator[None]:
    """Lets code that calls `safetensors.safe_open`, `load_file` or `load_model` read archives, within a `with` block.

    A path of an archive is opened by bbz, whatever its name, and so is a URL; any other file by safetensors. If
    there is no file `model.safetensors` but an archive `model.safetensors.bbz` or `model.bbz`, that stands in for
    it, also for `os.path.isfile` and `os.path.exists`, so that programs that look for the file find it. Processes
    that multiprocessing starts within the block are patched too, by whatever method it starts them.

    All functions are put back at the end of the block; blocks may be nested.

    Raises:
        ImportError: safetensors is not installed.

    >>> import safetensors
    >>> with patch_safetensors():
    ...     with safetensors.safe_open("model.bbz", framework="np") as f:
    ...         f.keys()
    ['lm_head.weight', 'norm']
    """
    _enter()
    try:
        yield
    finally:
        _leave()
