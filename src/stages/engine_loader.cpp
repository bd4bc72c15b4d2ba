#include "stages/engine_loader.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace fs = std::filesystem;
namespace {

constexpr const char* kLibrary = "libdreamrunner_engine.so";
constexpr const char* kMaker = "dreamrunner_make_engine";

std::string loader_says() {
  const char* text = ::dlerror();
  return text != nullptr ? text : "no reason given";
}

}  // namespace

fs::path program_folder() {
  std::error_code code;
  const fs::path program = fs::read_symlink("/proc/self/exe", code);
  if (code) throw Error(ErrorKind::storage, fmt::format("/proc/self/exe: cannot be read: {}", code.message()));
  return program.parent_path();
}

Engine& open_engine_beside(const fs::path& folder) {
  const std::array<fs::path, 2> candidates = {folder / kLibrary, (folder / "../lib/dreamrunner" / kLibrary).lexically_normal()};
  const fs::path* found = nullptr;
  for (const fs::path& candidate : candidates) {
    std::error_code ignored;
    if (fs::exists(candidate, ignored)) {
      found = &candidate;
      break;
    }
  }
  if (found == nullptr) {
    throw Error(ErrorKind::input_file,
                fmt::format("{}: the engine library is missing (also looked at {})", candidates[0].string(), candidates[1].string()),
                "`make build` in the source folder fetches LibTorch and builds it; `make install` puts it beside the program");
  }

  // Between two parallel pieces of work OpenMP's threads spin for many milliseconds, which on a machine that does anything
  // else makes a film several times slower; put to sleep at once they cost a third of the time to wake. So they spin for
  // about as long as waking takes. Read by the OpenMP library when it is loaded; a person's own choice stays.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) ::setenv("GOMP_SPINCOUNT", "3000", 0);
  // RTLD_NOW: a LibTorch of another version shows here, as a missing symbol, and not in the middle of a film.
  void* library = ::dlopen(found->c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorKind::input_file, fmt::format("{}: cannot be opened: {}", found->string(), loader_says()),
                "it needs the LibTorch it was built with: `make setup` in the source folder fetches it, then `make build`");
  }
  using Maker = Engine* (*)(uint64_t);
  const auto make = reinterpret_cast<Maker>(::dlsym(library, kMaker));
  if (make == nullptr) {
    throw Error(ErrorKind::input_file, fmt::format("{}: not an engine of this program: {}", found->string(), loader_says()),
                "build program and engine together: `make build`");
  }
  Engine* engine = make(engine_interface());
  if (engine == nullptr) {
    throw Error(ErrorKind::input_file, fmt::format("{}: is of another build than this program", found->string()),
                "build program and engine together: `make build`");
  }
  return *engine;
}

Engine& open_engine() {
  static Engine& engine = open_engine_beside(program_folder());
  return engine;
}

}  // namespace dreamrunner
