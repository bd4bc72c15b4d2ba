#include "engine/engine.h"

/// The one symbol that the program looks up in the engine library. Null for a program of another build.
extern "C" __attribute__((visibility("default"))) dreamrunner::Engine* dreamrunner_make_engine(uint64_t program_interface) {
  if (program_interface != dreamrunner::engine_interface()) return nullptr;
  return dreamrunner::make_torch_engine().release();
}
