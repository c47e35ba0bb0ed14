// Files of torch.save as models.
#pragma once

#include "bbz/access/model/model.h"

namespace bbz::model {

// Opens a file of torch.save. Errors: those of torch::read_state_dict().
Result<Model> from_torch(const std::shared_ptr<io::Source>& source);

}  // namespace bbz::model
