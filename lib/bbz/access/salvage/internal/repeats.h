// Gives the chunks that repeat others a payload again.
#pragma once

#include "bbz/access/salvage/survey.h"

namespace bbz::salvage {

// Lets each chunk of codec same in a survey share payload and codec of another chunk that decodes to the
// same bytes, wherever that is in the archive, and sets its `same_as`. A chunk without such a one keeps
// its codec, and is lost. Of several, one is taken whose payload has its payload check: these
// payloads are read from the source, each once.
void share_payloads(io::Source& source, Survey& survey);

}  // namespace bbz::salvage
