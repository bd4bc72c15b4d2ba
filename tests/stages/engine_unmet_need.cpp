// An engine that needs a function that no library has, as one built with another LibTorch would.
#include "stages/stages.h"

extern "C" dreamrunner::Engine* function_of_another_libtorch();
extern "C" dreamrunner::Engine* dreamrunner_make_engine(uint64_t) { return function_of_another_libtorch(); }
