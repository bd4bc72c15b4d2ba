#include "stages/priors.h"

namespace dreamrunner {

const char* prior_kind_name(PriorKind kind) { return kind == PriorKind::motion ? "motion" : "subject"; }

}  // namespace dreamrunner
