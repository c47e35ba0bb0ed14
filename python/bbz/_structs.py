"""Declares the structs and callbacks of bbz's C interface for ctypes. A test compares them with the headers."""

from __future__ import annotations

import ctypes as c
from typing import Any, Dict

_u32, _u64, _size, _text, _pointer = c.c_uint32, c.c_uint64, c.c_size_t, c.c_char_p, c.c_void_p


class Struct(c.Structure):
    """A struct whose first field is its own size, which the constructor sets. Raises OverflowError for a number that its field cannot hold."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(struct_size=c.sizeof(self), **fields)
        for name, value in fields.items():  # ctypes cuts numbers without a word
            if isinstance(value, int) and getattr(self, name) != value:
                raise OverflowError(f"{name} {value} is out of range")


# Callbacks, by what they are for.
READ = c.CFUNCTYPE(c.c_int64, _pointer, _u64, _pointer, _size)
SIZE = c.CFUNCTYPE(c.c_int, _pointer, c.POINTER(_u64))
CLOSE = c.CFUNCTYPE(None, _pointer)
BYTES_READ = c.CFUNCTYPE(None, _pointer, _u64)
PROGRESS = c.CFUNCTYPE(c.c_int, _pointer, _u32, _u64, _u64)
WRITE = c.CFUNCTYPE(c.c_int, _pointer, _pointer, _size)


class ErrorPlace(Struct):
    _fields_ = [
        ("struct_size", _size), ("tensor", _pointer), ("tensor_length", _size), ("tensor_number", _u32),
        ("chunk", _u32), ("offset", _u64),
    ]


class Limits(Struct):
    _fields_ = [
        ("struct_size", _size), ("index_bytes", _u64), ("chunk_bytes", _u64), ("metadata_bytes", _u64),
        ("group_bytes", _u64), ("name_bytes", _u64), ("rank", _u64), ("files", _u64), ("tensors", _u64),
        ("chunks", _u64), ("unpacked_bytes", _u64),
    ]


class BaseOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("places", c.POINTER(_text)), ("place_count", _size), ("deeper", c.POINTER(_text)),
        ("deeper_count", _size), ("sources", c.POINTER(_pointer)), ("source_count", _size),
        ("readers", c.POINTER(_pointer)), ("reader_count", _size), ("archive", _text), ("limits", c.POINTER(Limits)),
        ("threads", _u32), ("reserved", _u32),
    ]


class RecordedBase(Struct):
    _fields_ = [("struct_size", _size), ("name", _pointer), ("name_length", _size), ("root", c.c_char * 80)]


class ChunkInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("offset", _u64), ("stored_bytes", _u64), ("decoded_bytes", _u64),
        ("first_element", _u64), ("element_count", _u64), ("codec", _u32), ("repeats", _u32),
    ]


class ReaderOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("threads", _u32), ("use_front_index", _u32), ("limits", c.POINTER(Limits)),
        ("base", _pointer),
    ]


class ArchiveInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("format_major", _u32), ("format_minor", _u32), ("file_count", _u32),
        ("tensor_count", _u32), ("metadata_count", _u32), ("exact", _u32), ("chunk_count", _u64),
        ("archive_bytes", _u64), ("unpacked_bytes", _u64), ("stored_bytes", _u64), ("root", c.c_char * 80),
        ("base_count", _u32), ("reserved", _u32),
    ]


class FileInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("path", _pointer), ("path_length", _size), ("size", _u64),
        ("tensors", c.POINTER(_u32)), ("tensor_count", _size), ("sha256", _pointer), ("is_directory", _u32),
        ("recorded", _u32), ("mode", _u32), ("modified_nanoseconds", _u32), ("modified_seconds", c.c_int64),
    ]


class TensorInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _pointer), ("name_length", _size), ("kind", _u32), ("dtype", _u32),
        ("element_bits", _u32), ("rank", _u32), ("shape", c.POINTER(_u64)), ("element_count", _u64),
        ("byte_size", _u64), ("stored_bytes", _u64), ("chunk_count", _u64), ("file_offset", _u64),
        ("file", _u32), ("layer", _u32), ("block_type", _pointer), ("block_type_length", _size),
        ("block_values", _u32), ("base", _u32), ("strides", c.POINTER(_u64)), ("base_offset", _u64),
        ("leans_on", _u32), ("reserved", _u32),
    ]


class Layers(c.Structure):
    _fields_ = [("first", _u32), ("last", _u32)]


class Selection(Struct):
    _fields_ = [
        ("struct_size", _size), ("layers", c.POINTER(Layers)), ("layer_count", _size),
        ("tensors", c.POINTER(_text)), ("tensor_count", _size), ("excluded", c.POINTER(_text)),
        ("excluded_count", _size), ("files", c.POINTER(_text)), ("file_count", _size),
    ]


class Target(c.Structure):
    _fields_ = [("buffer", _pointer), ("offset", _u64), ("size", _u64), ("tensor", _u32), ("reserved", _u32)]


class ManyOptions(Struct):
    _fields_ = [("struct_size", _size), ("progress", PROGRESS), ("user", _pointer)]


class ViewOptions(Struct):
    _fields_ = [("struct_size", _size), ("cache_bytes", _u64), ("threads", _u32), ("reserved", _u32)]


class MetadataInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("key", _pointer), ("key_length", _size), ("value_length", _u64), ("file", _u32),
    ]


class Callbacks(Struct):
    _fields_ = [
        ("struct_size", _size), ("user", _pointer), ("name", _text), ("read", READ), ("size", SIZE),
        ("close", CLOSE),
    ]


class UrlOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("headers", c.POINTER(_text)), ("header_count", _size), ("ca_file", _text),
        ("proxy", _text), ("use_environment", _u32), ("connections", _u32), ("retries", c.c_int32),
        ("connect_timeout", _u32), ("stall_timeout", _u32), ("reserved", _u32), ("refuse_private_redirects", _u32),
    ]


class VerifyOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("fast", _u32), ("threads", _u32), ("expected_root", _text),
        ("limits", c.POINTER(Limits)), ("progress", BYTES_READ), ("user", _pointer), ("watch", PROGRESS),
        ("base", _pointer),
    ]


class ReportInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("damage_count", _u64), ("listed_count", _u64), ("file_count", _u64),
        ("tensor_count", _u64), ("chunk_count", _u64), ("archive_bytes", _u64), ("broken", c.c_int),
        ("root", c.c_char * 80), ("without_base", _u64),
    ]


class Damage(Struct):
    _fields_ = [
        ("struct_size", _size), ("file", _text), ("tensor", _text), ("message", _text), ("code", c.c_int),
        ("chunk", _u32), ("archive_offset", _u64),
    ]


class ModelOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("limits", c.POINTER(Limits)), ("threads", _u32), ("reserved", _u32), ("base", _pointer),
    ]


class ModelInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("tensor_count", _u32), ("metadata_count", _u32), ("is_archive", _u32),
        ("reserved", _u32), ("tensor_bytes", _u64), ("stored_bytes", _u64), ("root", c.c_char * 80),
    ]


class ModelText(Struct):
    _fields_ = [
        ("struct_size", _size), ("key", _pointer), ("key_length", _size), ("value", _pointer),
        ("value_length", _size),
    ]


class ModelWork(Struct):
    _fields_ = [
        ("struct_size", _size), ("threads", _u32), ("reserved", _u32), ("progress", PROGRESS), ("user", _pointer),
    ]


class ComparisonInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("tensor_count", _u64), ("identical_count", _u64), ("orbit_count", _u64),
        ("largest_difference", c.c_double), ("no_orbits", _text), ("pair_count", _u64), ("same_pair_count", _u64),
        ("no_pairs", _text),
    ]


class TensorDifference(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _pointer), ("name_length", _size), ("note", _text), ("identical", _u32),
        ("reserved", _u32), ("largest", c.c_double), ("root_mean_square", c.c_double), ("norm", c.c_double),
    ]


class Orbit(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _pointer), ("name_length", _size), ("plain", c.c_double),
        ("rotated", c.c_double), ("largest", c.c_double),
    ]


class PairDistance(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _pointer), ("name_length", _size), ("verdict", _text), ("note", _text),
        ("same", _u32), ("identical", _u32), ("first_rank", _u64), ("second_rank", _u64), ("plain", c.c_double),
        ("product", c.c_double), ("largest", c.c_double), ("rounding", c.c_double), ("of_rounding", c.c_double),
    ]


class EstimateInfo(Struct):
    _fields_ = [
        ("struct_size", _size), ("family", _text), ("refusal", _text), ("junction_count", _u64),
        ("entries", _u64), ("bits", _u64), ("pair_count", _u64),
    ]


class Junction(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _pointer), ("name_length", _size), ("note", _text), ("width", _u64),
        ("triangular_entries", _u64), ("polar_entries", _u64), ("bits_back_bits", c.c_double),
    ]


class Pair(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _pointer), ("name_length", _size), ("note", _text), ("rank", _u64),
        ("pivot_entries", _u64),
    ]


class Writing(Struct):
    _fields_ = [
        ("struct_size", _size), ("chunk_bytes", _u64), ("alignment", _u64), ("threads", _u32), ("level", _u32),
        ("digest", _u32), ("no_dedup", _u32), ("replace", _u32), ("no_sync", _u32), ("limits", c.POINTER(Limits)),
    ]


class Output(Struct):
    _fields_ = [("struct_size", _size), ("user", _pointer), ("name", _text), ("write", WRITE)]


class TensorSpec(Struct):
    _fields_ = [
        ("struct_size", _size), ("name", _text), ("name_length", _size), ("shape", c.POINTER(_u64)),
        ("rank", _u32), ("dtype", _u32), ("has_layer", _u32), ("layer", _u32),
    ]


class TextPair(c.Structure):
    _fields_ = [("key", _text), ("key_length", _size), ("value", _text), ("value_length", _size)]


class Written(Struct):
    _fields_ = [
        ("struct_size", _size), ("file_count", _u64), ("tensor_count", _u64), ("input_bytes", _u64),
        ("archive_bytes", _u64), ("rotated", _u32), ("left_out", _u32), ("root", c.c_char * 80),
        ("leaning_count", _u64),
    ]


class PackOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("writing", c.POINTER(Writing)), ("excluded", c.POINTER(_text)),
        ("excluded_count", _size), ("opaque", c.POINTER(_text)), ("opaque_count", _size),
        ("layer_patterns", c.POINTER(_text)), ("layer_pattern_count", _size), ("symmetry", _u32),
        ("all_opaque", _u32), ("index_first", _u32), ("modes", _u32), ("times", _u32), ("skip_unreadable", _u32),
        ("follow_links", _u32), ("reserved", _u32), ("progress", PROGRESS), ("user", _pointer),
        ("base", _pointer), ("symmetry_floor", _u32), ("symmetry_as", _u32),
    ]


class UnpackOptions(Struct):
    _fields_ = [
        ("struct_size", _size), ("selection", c.POINTER(Selection)), ("limits", c.POINTER(Limits)),
        ("expected_root", _text), ("threads", _u32), ("one_file", _u32), ("replace", _u32), ("no_sync", _u32),
        ("modes", _u32), ("times", _u32), ("progress", PROGRESS), ("user", _pointer), ("base", _pointer),
    ]


class Unpacked(Struct):
    _fields_ = [
        ("struct_size", _size), ("file_count", _u64), ("tensor_count", _u64), ("bytes", _u64), ("exact", _u32),
        ("reserved", _u32), ("root", c.c_char * 80),
    ]


#: The structs by their names in the headers.
STRUCTS: Dict[str, Any] = {
    "bbz_error_place": ErrorPlace, "bbz_limits": Limits, "bbz_reader_options": ReaderOptions,
    "bbz_archive_info": ArchiveInfo, "bbz_file_info": FileInfo, "bbz_tensor_info": TensorInfo,
    "bbz_layers": Layers, "bbz_selection": Selection, "bbz_target": Target, "bbz_many_options": ManyOptions,
    "bbz_view_options": ViewOptions, "bbz_metadata_info": MetadataInfo, "bbz_callbacks": Callbacks,
    "bbz_url_options": UrlOptions, "bbz_verify_options": VerifyOptions, "bbz_report_info": ReportInfo,
    "bbz_damage": Damage, "bbz_model_options": ModelOptions, "bbz_model_info": ModelInfo,
    "bbz_model_text": ModelText, "bbz_model_work": ModelWork, "bbz_comparison_info": ComparisonInfo,
    "bbz_tensor_difference": TensorDifference, "bbz_orbit": Orbit, "bbz_pair_distance": PairDistance,
    "bbz_estimate_info": EstimateInfo,
    "bbz_junction": Junction, "bbz_pair": Pair, "bbz_writing": Writing, "bbz_output": Output, "bbz_tensor_spec": TensorSpec,
    "bbz_text_pair": TextPair, "bbz_written": Written, "bbz_pack_options": PackOptions,
    "bbz_unpack_options": UnpackOptions, "bbz_unpacked": Unpacked, "bbz_base_options": BaseOptions,
    "bbz_recorded_base": RecordedBase, "bbz_chunk_info": ChunkInfo,
}
