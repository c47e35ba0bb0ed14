// Finds the files of views.
#pragma once

#include "bbz/access/salvage/survey.h"

namespace bbz::salvage {

// Puts the views whose base was found, and has all their elements, into the file of the base. The
// others stay in no file.
void place_views(Survey& survey);

}  // namespace bbz::salvage
