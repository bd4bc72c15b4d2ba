#pragma once

#include "cli/session.h"
#include "film/make_film.h"

namespace dreamrunner {

/// What `make` and `generate` share: makes what `request` asks for with progress on the way, and tells what was done. With
/// `--json` the last event is {"event":"done","film":...,"scenes":[...],"total_s":...}.
void make_and_tell(const MakeRequest& request, Session& session);

}  // namespace dreamrunner
