// What the archive would take, stored by other methods.
#pragma once

#include "report/against.h"

namespace bbz::tools {

// Returns "estimates" of the report: what packing the model of an archive again with each method would
// take, as ops/forecast predicts it. If the archive is no model, or cannot be read, there are no methods, and the note says why.
// Times are measured on this machine: if `with_times` is false, they are null.
Json estimates_json(const ReportedArchive& archive, const AgainstArguments& opening,
                    bool with_times);

}  // namespace bbz::tools
