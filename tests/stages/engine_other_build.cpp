#include "stages/stages.h"

extern "C" dreamrunner::Engine* dreamrunner_make_engine(uint64_t) { return nullptr; }
