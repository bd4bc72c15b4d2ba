#include "engine/engine.h"

/// The one symbol that the program looks up in the engine library.
extern "C" __attribute__((visibility("default"))) dreamrunner::Engine* dreamrunner_make_engine() {
  return dreamrunner::make_torch_engine().release();
}
