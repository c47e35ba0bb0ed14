// The C++ library's interface in one header. Where to start: archive/reader.h to read an archive,
// archive/writer.h to make one, pack/pack.h and pack/unpack.h for what the tools do.
#pragma once

#include "bbz/archive/reader.h"
#include "bbz/archive/stream.h"
#include "bbz/archive/writer.h"
#include "bbz/io/atomic_file.h"
#include "bbz/io/output_tree.h"
#include "bbz/io/sink.h"
#include "bbz/io/source.h"
#include "bbz/loader/layer_loader.h"
#include "bbz/pack/cat.h"
#include "bbz/pack/extract.h"
#include "bbz/pack/info.h"
#include "bbz/pack/pack.h"
#include "bbz/pack/selection.h"
#include "bbz/pack/unpack.h"
#include "bbz/pack/verify.h"
#include "bbz/plan/plan.h"
#include "bbz/safetensors/header.h"
#include "bbz/salvage/salvage.h"
#include "bbz/source/source_file.h"
#include "bbz/view/archive_view.h"
