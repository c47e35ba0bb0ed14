"""The declarations for ctypes are those of the C headers."""

import ctypes as c
import re

import pytest

from bbz import _library, _structs
from helpers import PROJECT

HEADERS = PROJECT / "lib" / "bbz" / "capi"
TEXT = re.sub(r"//[^\n]*", "", "\n".join(path.read_text() for path in sorted(HEADERS.glob("*.h"))))

KINDS = {
    "size_t": c.c_size_t, "uint32_t": c.c_uint32, "uint64_t": c.c_uint64, "int32_t": c.c_int32, "int64_t": c.c_int64,
    "int": c.c_int, "bbz_code": c.c_int, "double": c.c_double, "void": None, "bbz_progress": _structs.PROGRESS,
}


def resolve(text, function=False):
    """Returns the type of ctypes for a type of C."""
    text = re.sub(r"\bconst\b", "", text).replace(" ", "")
    if text.endswith("*"):
        target = text[:-1]
        if target == "char":
            return "text"
        if target in _structs.STRUCTS:
            return c.POINTER(_structs.STRUCTS[target])
        if target in ("void", "unsignedchar") or re.fullmatch(r"bbz_\w+", target):
            return c.c_void_p
        inner = resolve(target, function)
        return c.POINTER(c.c_char_p if inner == "text" else inner)
    return KINDS[text]


def same(declared, expected):
    if expected == "text":
        return declared in (c.c_char_p, c.c_void_p)
    if isinstance(expected, type) and issubclass(expected, c._Pointer) and declared is c.c_void_p:
        return False
    return declared is expected


def fields_in_c(name):
    body = re.search(r"typedef struct %s \{(.*?)\} %s;" % (name, name), TEXT, re.S).group(1)
    fields = []
    for declaration in filter(None, (" ".join(part.split()) for part in body.split(";"))):
        callback = re.fullmatch(r"(.+?)\(\*\s*(\w+)\)\((.*)\)", declaration)
        if callback:
            result, field, arguments = callback.groups()
            kinds = [resolve(re.sub(r"\w+$", "", argument.strip())) for argument in arguments.split(",")]
            fields.append((field, (resolve(result), [c.c_void_p if k == "text" else k for k in kinds])))
            continue
        array = re.fullmatch(r"char (\w+)\[(\d+)\]", declaration)
        if array:
            fields.append((array.group(1), c.c_char * int(array.group(2))))
            continue
        kind, field = re.fullmatch(r"(.+?[ *])(\w+)", declaration).groups()
        fields.append((field, resolve(kind)))
    return fields


@pytest.mark.parametrize("name", sorted(_structs.STRUCTS))
def test_struct(name):
    declared = _structs.STRUCTS[name]._fields_
    expected = fields_in_c(name)
    assert [field for field, _ in declared] == [field for field, _ in expected]
    for (field, kind), (_, wanted) in zip(declared, expected):
        if isinstance(wanted, tuple):
            assert kind._restype_ is wanted[0], field
            assert [k for k in kind._argtypes_] == wanted[1], field
        else:
            assert same(kind, wanted), (field, kind, wanted)


def test_progress():
    result, arguments = re.search(r"typedef (\w+) \(\*bbz_progress\)\((.*?)\);", TEXT, re.S).groups()
    kinds = [resolve(re.sub(r"\w+$", "", " ".join(argument.split()))) for argument in arguments.split(",")]
    assert (_structs.PROGRESS._restype_, list(_structs.PROGRESS._argtypes_)) == (resolve(result), kinds)


@pytest.mark.parametrize("name", sorted(_library.FUNCTIONS))
def test_function(name):
    result, arguments = re.search(r"BBZ_API ([\w ]+?\*?)\s*%s\((.*?)\)\s*BBZ_NOEXCEPT" % name, TEXT, re.S).groups()
    declared = _library.FUNCTIONS[name]
    kinds = []
    if arguments.strip() != "void":
        for argument in arguments.split(","):
            kinds.append(resolve(re.sub(r"\w+$", "", " ".join(argument.split()))))
    assert same(declared[0], resolve(result)), (declared[0], result)
    assert len(declared[1]) == len(kinds)
    for kind, wanted in zip(declared[1], kinds):
        assert same(kind, wanted), (kind, wanted)


def test_constants():
    for name, value in (("BBZ_NONE", _library.NONE), ("BBZ_KIND_STORAGE", _library.KIND_STORAGE),
                        ("BBZ_KIND_OPERAND", _library.KIND_OPERAND), ("BBZ_DTYPE_BLOCK", _library.DTYPE_BLOCK),
                        ("BBZ_RECORDED_TIME", _library.RECORDED_TIME)):
        found = re.search(r"\b%s\b\s*(?:=|UINT32_C\(|)\s*(?:UINT32_C\()?(0x[0-9A-F]+|\d+)" % name, TEXT).group(1)
        assert int(found, 0) == value, name


def test_every_code_has_a_class():
    from bbz.errors import CLASSES

    codes = dict(re.findall(r"BBZ_(?:ERROR_)?(\w+) = (\d+),?", re.search(r"typedef int bbz_code;(.*?)\};", TEXT, re.S).group(1)))
    assert sorted(CLASSES) == sorted(int(number) for name, number in codes.items() if name != "OK")
    for number, kind in CLASSES.items():
        assert _library.LIB.bbz_code_name(number).decode() == kind.code


def test_a_library_of_another_version_is_refused(tmp_path):
    import subprocess
    import sys

    result = subprocess.run(
        [sys.executable, "-c", "import bbz"], capture_output=True, text=True, cwd=PROJECT / "python",
        env={"BBZ_LIBRARY": str(tmp_path / "absent.so"), "PATH": ""},
    )
    assert result.returncode == 1 and "ImportError: bbz: cannot load its library" in result.stderr
