"""Compares two models, and estimates what symmetry would save: what the commands do."""

from __future__ import annotations

import ctypes as c
import os
from typing import Any, List, NamedTuple

from bbz import _long
from bbz import _structs as s
from bbz._bases import BaseLike, base_of
from bbz._contents import Contents, error_of, open_model
from bbz._handles import Handle, Readable, Source
from bbz._library import LIB, text_at
from bbz.errors import Error, InvalidArgumentError, call


class TensorDifference(NamedTuple):
    """How a tensor of one model differs from that of the same name in another.

    Attributes:
        name: its name.
        identical: whether type, shape and bytes are the same.
        note: why the tensors cannot be compared; empty if they can.
        largest: the largest absolute difference of two entries.
        root_mean_square: of the differences.
        norm: the root mean square of the first tensor.
    """

    name: str
    identical: bool
    note: str
    largest: float
    root_mean_square: float
    norm: float


class Orbit(NamedTuple):
    """The distance of two models at a junction.

    Attributes:
        name: of the junction.
        plain: the relative distance as they are.
        rotated: the relative distance after the best rotation of the first.
        largest: the largest entry of the difference after it.
    """

    name: str
    plain: float
    rotated: float
    largest: float


class PairDistance(NamedTuple):
    """How the product A B of a low-rank pair of a model differs from what another model has for it.

    That is another pair, of any rank, or the matrix for which the pair stands; either model may have the matrix.

    Attributes:
        name: what the names of A and B have in common.
        verdict: "identical" if the factors have the same types and bytes; "one matrix, factored twice" or "one
            matrix, whole and factored" if the products are the same up to rounding; "different matrices"; "not
            compared".
        same: whether the products are the same matrix up to rounding.
        first_rank: 0 for a matrix.
        second_rank: 0 for a matrix.
        plain: the relative distance of the factors; infinite if the ranks differ.
        product: the relative distance of the products, in the Frobenius norm.
        largest: the largest entry of the difference of the products.
        rounding: what `product` is if each stored entry of both models is off by one unit in the last place of its
            type, independently.
        of_rounding: the same quotient for a row or column of the products, of all the largest; the products are the
            same if it is at most 1, and `rounding` is less than 1.
        note: why the products cannot be compared; empty if they can.
    """

    name: str
    verdict: str
    same: bool
    first_rank: int
    second_rank: int
    plain: float
    product: float
    largest: float
    rounding: float
    of_rounding: float
    note: str


class Comparison(NamedTuple):
    """How two models differ.

    Attributes:
        identical: whether all tensors are identical in type, shape and bytes.
        largest: the largest absolute difference of two entries; infinite if a tensor is in one model only.
        tensors: the difference of each tensor.
        orbits: the distance up to rotation at each junction.
        no_orbits: why there are no orbits; empty if there are.
        pairs: the distance of the products of each low-rank pair.
        no_pairs: why there are no pairs; empty if there are.
    """

    identical: bool
    largest: float
    tensors: List[TensorDifference]
    orbits: List[Orbit]
    no_orbits: str
    pairs: List[PairDistance]
    no_pairs: str


def _model(readable: Readable, threads: int, base: BaseLike = None) -> Contents:
    if isinstance(readable, (str, os.PathLike)) and os.path.isdir(readable):
        raise InvalidArgumentError(f"{os.fspath(readable)}: expected a file, not a directory")
    source = Source(readable)
    return open_model(source, threads, base_of(base, source.path, threads))


def compare(
    first: Readable, second: Readable, *, base: BaseLike = None, threads: int = 0, progress: _long.Progress = None
) -> Comparison:
    """Compares two models tensor by tensor and, if they can be rotated, up to rotation; low-rank pairs by products.

    Args:
        first: an archive, a safetensors file, a GGUF file or a file of torch.save: its path, URL, `Url`, bytes,
            or a binary file object that seeks.
        second: the other.
        base: where the tensors are on which those of either lean; see `Archive`.
        threads: the number of threads; 0 for all cores.
        progress: see `pack`; counts bytes that are loaded.

    Raises:
        NotFoundError, InvalidArgumentError and others: one of them is no model that can be read.
        KeyboardInterrupt: the user interrupted.

    >>> compare("model.safetensors", "model.bbz").identical
    True
    """
    left, right = _model(first, threads, base), _model(second, threads, base)
    found = c.c_void_p()
    options = s.ModelWork(threads=threads)

    def work(report: Any) -> None:
        options.progress = report
        left.call(LIB.bbz_compare, right.handle.value, c.byref(options), c.byref(found))

    try:
        _long.run(work, progress)
    except Error as error:
        raise error_of(error, right.source, right.base) from error.__cause__
    result = Handle(found.value, LIB.bbz_comparison_free)
    info, difference, orbit = s.ComparisonInfo(), s.TensorDifference(), s.Orbit()
    call(LIB.bbz_comparison_get, result.value, c.byref(info))
    tensors, orbits = [], []
    for number in range(info.tensor_count):
        call(LIB.bbz_comparison_tensor, result.value, number, c.byref(difference))
        tensors.append(
            TensorDifference(
                text_at(difference.name, difference.name_length), bool(difference.identical),
                difference.note.decode(), difference.largest, difference.root_mean_square, difference.norm,
            )
        )
    for number in range(info.orbit_count):
        call(LIB.bbz_comparison_orbit, result.value, number, c.byref(orbit))
        orbits.append(Orbit(text_at(orbit.name, orbit.name_length), orbit.plain, orbit.rotated, orbit.largest))
    return Comparison(
        info.identical_count == info.tensor_count, info.largest_difference, tensors, orbits, info.no_orbits.decode(),
        _pair_distances(result, info.pair_count), info.no_pairs.decode(),
    )


def _pair_distances(comparison: Handle, count: int) -> List[PairDistance]:
    found, pairs = s.PairDistance(), []
    for number in range(count):
        call(LIB.bbz_comparison_pair, comparison.value, number, c.byref(found))
        pairs.append(
            PairDistance(
                text_at(found.name, found.name_length), found.verdict.decode(), bool(found.same), found.first_rank,
                found.second_rank, found.plain, found.product, found.largest, found.rounding, found.of_rounding,
                found.note.decode(),
            )
        )
    return pairs


class Junction(NamedTuple):
    """What each method of symmetry would save at a junction of a model.

    Attributes:
        name: of the junction.
        note: the first reason why a method is not possible; may be empty.
        width: in elements; 0 if the junction is refused.
        triangular_entries: entries that "triangular" need not store.
        polar_entries: entries that "polar" need not store.
        bits_back_bits: bits that "bits-back" saves.
    """

    name: str
    note: str
    width: int
    triangular_entries: int
    polar_entries: int
    bits_back_bits: float


class Pair(NamedTuple):
    """What "pivot" would save at a low-rank pair of a model.

    Attributes:
        name: what the names of its two tensors have in common.
        note: why "pivot" is not possible or does not pay; may be empty.
        rank: 0 if the pair is refused.
        pivot_entries: entries that need not be stored.
    """

    name: str
    note: str
    rank: int
    pivot_entries: int


class Estimate(NamedTuple):
    """What packing a model with a method of symmetry would save, before the float coder.

    Attributes:
        family: the architecture; empty if it is not known.
        refusal: why nothing can be rotated; empty if something can.
        entries: of the whole model.
        bits: of those entries.
        junctions: what each method saves at each junction.
        pairs: what "pivot" saves at each low-rank pair.
    """

    family: str
    refusal: str
    entries: int
    bits: int
    junctions: List[Junction]
    pairs: List[Pair]


def estimate(readable: Readable, *, base: BaseLike = None, threads: int = 0, progress: _long.Progress = None) -> Estimate:
    """Estimates what symmetry would save, without packing. The arguments and errors are those of `compare`.

    Raises LimitError, too, if the work is out of proportion to the model.

    >>> estimate("model.bbz").refusal != ""
    True
    """
    model = _model(readable, threads, base)
    found = c.c_void_p()
    options = s.ModelWork(threads=threads)

    def work(report: Any) -> None:
        options.progress = report
        model.call(LIB.bbz_estimate, c.byref(options), c.byref(found))

    _long.run(work, progress)
    result = Handle(found.value, LIB.bbz_estimate_free)
    info, junction = s.EstimateInfo(), s.Junction()
    call(LIB.bbz_estimate_get, result.value, c.byref(info))
    junctions = []
    for number in range(info.junction_count):
        call(LIB.bbz_estimate_junction, result.value, number, c.byref(junction))
        junctions.append(
            Junction(
                text_at(junction.name, junction.name_length), junction.note.decode(), junction.width,
                junction.triangular_entries, junction.polar_entries, junction.bits_back_bits,
            )
        )
    pair, pairs = s.Pair(), []
    for number in range(info.pair_count):
        call(LIB.bbz_estimate_pair, result.value, number, c.byref(pair))
        name = text_at(pair.name, pair.name_length)
        pairs.append(Pair(name, pair.note.decode(), pair.rank, pair.pivot_entries))
    return Estimate(info.family.decode(), info.refusal.decode(), info.entries, info.bits, junctions, pairs)
