#include "bbz/capi/core.h"

#include <cstddef>

#include "bbz/base/dtype.h"
#include "bbz/format/container/constants.h"
#include "bbz/library.h"
#include "capi/support.h"

namespace bbz::capi {
namespace {

TEST(CVersions, AreThoseOfTheHeader) {
  EXPECT_STREQ(bbz_version_string(), BBZ_TEST_VERSION);
  EXPECT_EQ(bbz_abi_version(), std::uint32_t{BBZ_ABI_MAJOR} << 16 | BBZ_ABI_MINOR);
  EXPECT_EQ(bbz_format_version(),
            std::uint32_t{container::kMajor} << 16 | std::uint32_t{container::kMinor});
}

TEST(CCodes, HaveTheNamesOfTheLibrary) {
  for (int code = 0; code <= BBZ_ERROR_BASE; ++code) {
    EXPECT_EQ(bbz_code_name(code), code_name(static_cast<Code>(code)));
    EXPECT_STRNE(bbz_code_name(code), "unknown");
  }
  EXPECT_STREQ(bbz_code_name(BBZ_ERROR_BASE + 1), "unknown");
  EXPECT_STREQ(bbz_code_name(-1), "unknown");
}

TEST(CDTypes, AreThoseOfTheFormat) {
  for (const DTypeInfo& info : dtype_table()) {
    EXPECT_EQ(bbz_dtype_name(static_cast<std::uint32_t>(info.dtype)), info.name);
  }
  EXPECT_STREQ(bbz_dtype_name(BBZ_DTYPE_BF16), "BF16");
  EXPECT_STREQ(bbz_dtype_name(BBZ_DTYPE_F8_E4M3FNUZ), "F8_E4M3FNUZ");
  EXPECT_STREQ(bbz_dtype_name(BBZ_DTYPE_C64), "C64");
  EXPECT_EQ(bbz_dtype_name(0), nullptr);
  EXPECT_EQ(bbz_dtype_name(256 + BBZ_DTYPE_BF16), nullptr);
}

TEST(CErrors, HoldTheLastOutcome) {
  const Owned<bbz_error> error(bbz_error_new());
  EXPECT_EQ(bbz_error_code(error.get()), BBZ_OK);
  EXPECT_STREQ(bbz_error_message(error.get()), "");

  EXPECT_EQ(bbz_source_open_file("/nonexistent/archive", nullptr, error.get()),
            BBZ_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(bbz_error_message(error.get()), "source is null");
  bbz_source* source = nullptr;
  EXPECT_EQ(bbz_source_open_file("/nonexistent/archive", &source, error.get()),
            BBZ_ERROR_NOT_FOUND);
  EXPECT_EQ(bbz_error_code(error.get()), BBZ_ERROR_NOT_FOUND);
  EXPECT_THAT(bbz_error_message(error.get()), testing::HasSubstr("/nonexistent/archive"));

  EXPECT_EQ(bbz_source_open_memory(nullptr, 0, &source, error.get()), BBZ_OK);
  EXPECT_EQ(bbz_error_code(error.get()), BBZ_OK);
  EXPECT_STREQ(bbz_error_message(error.get()), "");
  bbz_source_free(source);
}

TEST(CErrors, MayBeNull) {
  EXPECT_EQ(bbz_error_code(nullptr), BBZ_OK);
  EXPECT_STREQ(bbz_error_message(nullptr), "");
  bbz_error_free(nullptr);
  bbz_source* source = nullptr;
  EXPECT_EQ(bbz_source_open_file("/nonexistent/archive", &source, nullptr), BBZ_ERROR_NOT_FOUND);
}

// How large a struct is, and where one of its last fields lies.
#define EXPECT_LAYOUT(type, size, field, offset) \
  EXPECT_EQ(sizeof(type), size);                 \
  EXPECT_EQ(offsetof(type, field), offset)

// Compiled programs contain these sizes and offsets on a 64-bit machine, so they must never change.
TEST(CStructs, KeepTheirLayout) {
  if (sizeof(void*) != 8) GTEST_SKIP() << "sizes are those of 64-bit machines";
  EXPECT_EQ(sizeof(bbz_limits), 88u);
  EXPECT_LAYOUT(bbz_callbacks, 48u, close, 40u);
  EXPECT_LAYOUT(bbz_url_options, 72u, refuse_private_redirects, 64u);
  EXPECT_LAYOUT(bbz_reader_options, 32u, base, 24u);
  EXPECT_EQ(offsetof(bbz_reader_options, limits), 16u);
  EXPECT_LAYOUT(bbz_archive_info, 152u, base_count, 144u);
  EXPECT_EQ(offsetof(bbz_archive_info, root), 64u);
  EXPECT_LAYOUT(bbz_base_options, 96u, reserved, 92u);
  EXPECT_LAYOUT(bbz_recorded_base, 104u, root, 24u);
  EXPECT_LAYOUT(bbz_file_info, 80u, modified_seconds, 72u);
  EXPECT_EQ(offsetof(bbz_file_info, is_directory), 56u);
  EXPECT_LAYOUT(bbz_tensor_info, 144u, leans_on, 136u);
  EXPECT_EQ(offsetof(bbz_tensor_info, layer), 92u);
  EXPECT_EQ(sizeof(bbz_layers), 8u);
  EXPECT_LAYOUT(bbz_selection, 72u, file_count, 64u);
  EXPECT_LAYOUT(bbz_metadata_info, 40u, file, 32u);
  EXPECT_LAYOUT(bbz_verify_options, 64u, base, 56u);
  EXPECT_EQ(offsetof(bbz_verify_options, user), 40u);
  EXPECT_LAYOUT(bbz_report_info, 152u, without_base, 144u);
  EXPECT_EQ(offsetof(bbz_report_info, root), 60u);
  EXPECT_LAYOUT(bbz_damage, 48u, archive_offset, 40u);
  EXPECT_LAYOUT(bbz_receiver, 80u, recall, 72u);
  EXPECT_EQ(offsetof(bbz_receiver, failed), 64u);
  EXPECT_LAYOUT(bbz_store, 40u, sync, 32u);
  EXPECT_LAYOUT(bbz_push_options, 88u, base, 80u);
  EXPECT_EQ(offsetof(bbz_push_options, limits), 72u);
  EXPECT_EQ(sizeof(bbz_byte_range), 16u);
  EXPECT_LAYOUT(bbz_push_info, 128u, root, 48u);
  EXPECT_LAYOUT(bbz_push_fault, 40u, times, 36u);
  EXPECT_EQ(sizeof(bbz_part), 24u);
  EXPECT_LAYOUT(bbz_plan_options, 32u, reserved, 28u);
  EXPECT_EQ(offsetof(bbz_plan_options, metadata), 24u);
  EXPECT_EQ(sizeof(bbz_plan_info), 40u);
  EXPECT_EQ(sizeof(bbz_range), 40u);
  EXPECT_LAYOUT(bbz_piece, 48u, chunk, 40u);
  EXPECT_EQ(offsetof(bbz_piece, head_length), 24u);
  EXPECT_EQ(offsetof(bbz_piece, what), 32u);
}

TEST(CStructs, OfWritersAndModelsKeepTheirLayout) {
  if (sizeof(void*) != 8) GTEST_SKIP() << "sizes are those of 64-bit machines";
  EXPECT_LAYOUT(bbz_error_place, 40u, offset, 32u);
  EXPECT_LAYOUT(bbz_writing, 56u, limits, 48u);
  EXPECT_LAYOUT(bbz_output, 32u, write, 24u);
  EXPECT_LAYOUT(bbz_tensor_spec, 48u, layer, 44u);
  EXPECT_LAYOUT(bbz_text_pair, 32u, value_length, 24u);
  EXPECT_LAYOUT(bbz_written, 136u, leaning_count, 128u);
  EXPECT_LAYOUT(bbz_pack_options, 128u, symmetry_as, 124u);
  EXPECT_EQ(offsetof(bbz_pack_options, base), 112u);
  EXPECT_LAYOUT(bbz_unpack_options, 80u, base, 72u);
  EXPECT_LAYOUT(bbz_unpacked, 120u, root, 40u);
  EXPECT_LAYOUT(bbz_target, 32u, reserved, 28u);
  EXPECT_LAYOUT(bbz_many_options, 24u, user, 16u);
  EXPECT_LAYOUT(bbz_chunk_info, 56u, repeats, 52u);
  EXPECT_LAYOUT(bbz_view_options, 24u, reserved, 20u);
  EXPECT_LAYOUT(bbz_model_options, 32u, base, 24u);
  EXPECT_LAYOUT(bbz_model_info, 120u, root, 40u);
  EXPECT_LAYOUT(bbz_model_text, 40u, value_length, 32u);
  EXPECT_LAYOUT(bbz_model_work, 32u, user, 24u);
  EXPECT_LAYOUT(bbz_comparison_info, 72u, no_pairs, 64u);
  EXPECT_EQ(offsetof(bbz_comparison_info, no_orbits), 40u);
  EXPECT_LAYOUT(bbz_tensor_difference, 64u, norm, 56u);
  EXPECT_LAYOUT(bbz_orbit, 48u, largest, 40u);
  EXPECT_LAYOUT(bbz_pair_distance, 104u, of_rounding, 96u);
  EXPECT_LAYOUT(bbz_estimate_info, 56u, pair_count, 48u);
  EXPECT_LAYOUT(bbz_pair, 48u, pivot_entries, 40u);
  EXPECT_LAYOUT(bbz_junction, 64u, bits_back_bits, 56u);
}

// Zeroed structs of C and options of C++ that were not set mean the same.
TEST(CThreads, AreAllCoresByDefaultAsInCpp) {
  EXPECT_EQ(BBZ_ALL_CORES, 0u);
  EXPECT_EQ(ReadOptions().threads, kAllCores);
  EXPECT_EQ(StreamOptions().threads, kAllCores);
  EXPECT_EQ(WriteOptions().threads, kAllCores);
  EXPECT_EQ(download::Options().threads, kAllCores);
  EXPECT_EQ(ops::VerifyOptions().threads, kAllCores);
  EXPECT_EQ(push::Options().threads, kAllCores);
  EXPECT_EQ(salvage::Options().threads, kAllCores);
  EXPECT_EQ(view::ViewOptions().threads, kAllCores);
}

}  // namespace
}  // namespace bbz::capi
