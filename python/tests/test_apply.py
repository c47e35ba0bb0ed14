"""`bbz.apply`: weights that are in memory, updated in place."""

import numpy
import pytest

import bbz
import helpers


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with an old model, a new one, and the update between them."""
    folder = tmp_path_factory.mktemp("updates")
    old, new = models()
    write(folder, "old", old)
    write(folder, "new", new)
    bbz.pack(folder / "new.safetensors", folder / "update.bbz", base=folder / "old.safetensors", chunk_size=4096)
    return folder


def models():
    """Returns the arrays of an old model and a new one, which changes some, leaves one, and brings one."""
    random = numpy.random.default_rng(5)
    old = {
        "embed": random.normal(0, 0.02, (300, 40)).astype("f4"), "half": random.normal(0, 0.02, (77, 31)).astype("f2"),
        "same": random.normal(0, 1, (50,)).astype("f4"), "count": numpy.arange(6, dtype="i8"),
        "flag": numpy.array([True, False, True]), "scalar": numpy.array(2.5), "empty": numpy.zeros((0, 3), "f4"),
    }
    new = {name: array.copy() for name, array in old.items()}
    new["embed"][::7, 3] *= 1.001
    new["half"][5] += 1
    new["count"] += 1
    new["flag"][1] = True
    new["scalar"][...] = 3.5
    old["other"] = numpy.zeros(4, "f4")
    new["resized"] = numpy.arange(5, dtype="f4")
    return old, new


NAMES = {numpy.dtype(kind): name for name, kind in helpers.NUMPY_TYPES.items()}


def write(folder, name, arrays):
    helpers.write_safetensors(
        folder / f"{name}.safetensors",
        [(key, NAMES[array.dtype], array.shape, array.tobytes()) for key, array in arrays.items()],
    )


def copies(arrays):
    return {name: array.copy() for name, array in arrays.items()}


def same(left, right):
    return all(left[name].tobytes() == right[name].tobytes() for name in right)


def memory():
    """Returns what a program has in memory: the old model, and room for what is new in the update."""
    old, _ = models()
    old["resized"] = numpy.zeros(5, "f4")
    return old


def test_arrays(place):
    weights = memory()
    addresses = {name: array.ctypes.data for name, array in weights.items()}
    changed = bbz.apply(weights, place / "update.bbz")
    assert sorted(changed) == ["count", "embed", "flag", "half", "resized", "scalar"]
    assert same(weights, models()[1]) and weights["other"].tolist() == [0] * 4
    assert {name: array.ctypes.data for name, array in weights.items()} == addresses


def test_an_open_archive_and_progress(place):
    weights, told = memory(), []
    with bbz.Archive(place / "update.bbz") as archive:
        bbz.apply(weights, archive, progress=lambda done, total: told.append((done, total)))
        with pytest.raises(bbz.InvalidArgumentError, match="where the archive is opened"):
            bbz.apply(weights, archive, base=place / "old.safetensors")
        assert len(archive) == 8
    assert same(weights, models()[1])
    total = sum(array.nbytes for array in models()[1].values())
    assert told[0] == (0, total) and told[-1] == (total, total) and told == sorted(told)


def test_other_weights_are_refused_and_stay(place):
    for name in ("embed", "half", "same", "count", "flag", "scalar"):
        weights = memory()
        weights[name].reshape(-1).view("u1")[-1] ^= 1
        before = copies(weights)
        with pytest.raises(bbz.DigestMismatchError, match=name) as caught:
            bbz.apply(weights, place / "update.bbz")
        assert caught.value.tensor == name and same(weights, before)
    weights = memory()
    bbz.apply(weights, place / "update.bbz")
    before = copies(weights)
    with pytest.raises(bbz.DigestMismatchError):  # the second time they are not the base any more
        bbz.apply(weights, place / "update.bbz")
    assert same(weights, before)


@pytest.mark.parametrize(
    "name, wrong, message, kind",
    [
        ("embed", lambda a: a.astype("f8"), "its type is F64 here, and F32 in the update", bbz.InvalidArgumentError),
        ("embed", lambda a: a.astype(">f4"), "its type is none of the format", bbz.InvalidArgumentError),
        ("embed", lambda a: a[:-1], r"its shape is \[299, 40\] here, and \[300, 40\]", bbz.InvalidArgumentError),
        ("embed", lambda a: numpy.asfortranarray(a), "contiguous array", bbz.InvalidArgumentError),
        ("half", lambda a: a.tolist(), "expected an array of numpy", TypeError),
        ("resized", lambda a: numpy.zeros(6, "f4"), r"its shape is \[6\] here", bbz.InvalidArgumentError),
    ],
)
def test_what_does_not_fit_is_refused(place, name, wrong, message, kind):
    weights = memory()
    weights[name] = wrong(weights[name])
    before = {key: array.copy() for key, array in weights.items() if isinstance(array, numpy.ndarray)}
    with pytest.raises(kind, match=message):
        bbz.apply(weights, place / "update.bbz")
    assert same(weights, before)


def test_memory_that_cannot_be_written_to(place):
    weights = memory()
    weights["flag"].flags.writeable = False
    with pytest.raises(bbz.InvalidArgumentError, match="can be written to"):
        bbz.apply(weights, place / "update.bbz")
    assert same(weights, memory())
    with pytest.raises(TypeError, match="expected a dict or a module"):
        bbz.apply([1, 2], place / "update.bbz")


def test_names_that_are_missing(place):
    weights = memory()
    del weights["resized"], weights["half"]
    with pytest.raises(bbz.NotFoundError, match="'half'.*'resized'|'resized'.*'half'"):
        bbz.apply(weights, place / "update.bbz")
    assert same(memory(), weights)
    assert sorted(bbz.apply(weights, place / "update.bbz", strict=False)) == ["count", "embed", "flag", "scalar"]
    assert all(weights[name].tobytes() == models()[1][name].tobytes() for name in ("embed", "count", "flag", "scalar"))


def test_a_chain_of_two(place, tmp_path):
    _, new = models()
    newest = copies(new)
    newest["embed"] += 1e-4
    write(tmp_path, "newest", newest)
    second = tmp_path / "second.bbz"
    bbz.pack(tmp_path / "newest.safetensors", second, base=[place / "update.bbz", place / "old.safetensors"])
    weights = memory()
    with pytest.raises(bbz.DigestMismatchError):  # its base is the first update
        bbz.apply(weights, second)
    bbz.apply(weights, place / "update.bbz")
    assert bbz.apply(weights, second) == ["embed"]
    assert same(weights, newest)


def test_an_error_in_the_middle_says_what_is_new(place, tmp_path):
    data = bytearray((place / "update.bbz").read_bytes())
    with bbz.Archive(bytes(data)) as archive:
        order = [tensor.name for tensor in archive.tensors]
    broken = None
    for offset in range(len(data)):
        changed = bytearray(data)
        changed[offset] ^= 1
        try:
            with bbz.Archive(bytes(changed), base=place / "old.safetensors") as archive:
                archive.read(order[0])
                archive.read("embed")
        except bbz.ChecksumError as error:
            if error.tensor == "embed":
                broken = bytes(changed)
                break
        except bbz.Error:
            continue
    assert broken is not None
    weights, old, new = memory(), memory(), models()[1]
    with pytest.raises(bbz.ChecksumError) as caught:
        bbz.apply(weights, broken)
    changed = caught.value.changed
    assert caught.value.tensor == "embed" and "embed" not in changed
    for name in order[: order.index("embed")]:
        assert weights[name].tobytes() == new[name].tobytes()
    for name in order[order.index("embed") + 1 :]:
        assert weights[name].tobytes() == old[name].tobytes() and name not in changed
    seen = []

    def stop(done, total):
        seen.append(done)
        if len(seen) == 3:
            raise KeyboardInterrupt

    weights = memory()
    with pytest.raises(KeyboardInterrupt) as interrupted:
        bbz.apply(weights, place / "update.bbz", progress=stop)
    for name in order:
        assert weights[name].tobytes() == (new if name in interrupted.value.changed else old)[name].tobytes()


def test_memory_that_two_names_share(place, tmp_path):
    tied = numpy.arange(2000, dtype="f4")
    write(tmp_path, "tied", {"a": tied, "b": tied, "c": tied})
    write(tmp_path, "moved", {"a": tied + 1, "b": tied + 1, "c": tied})
    write(tmp_path, "parted", {"a": tied + 1, "b": tied + 2, "c": tied})
    for name in ("moved", "parted"):
        bbz.pack(tmp_path / f"{name}.safetensors", tmp_path / f"{name}.bbz", base=tmp_path / "tied.safetensors")
    shared = tied.copy()
    weights = {"a": shared, "b": shared, "c": tied.copy()}
    with pytest.raises(bbz.InvalidArgumentError, match="'a' and 'b' are one memory, and differ"):
        bbz.apply(weights, tmp_path / "parted.bbz")
    assert same(weights, {"a": tied, "c": tied})
    assert bbz.apply(weights, tmp_path / "moved.bbz") == ["a", "b"]
    assert same(weights, {"a": tied + 1, "b": tied + 1, "c": tied})
    room = numpy.concatenate([tied, tied])
    with pytest.raises(bbz.InvalidArgumentError, match="share a part of their memory"):
        bbz.apply({"a": room[:2000], "b": room[1000:3000], "c": tied.copy()}, tmp_path / "moved.bbz")
