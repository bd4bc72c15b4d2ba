#include "media/video_library.h"

#include <dlfcn.h>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

/// A name without a folder: the loader looks in the RUNPATH of the file that this code is linked into.
constexpr const char* kName = "libdreamrunner_video.so";
constexpr const char* kMaker = "dreamrunner_video_library";

const VideoLibrary& open() {
  const auto refuse = [](const std::string& why, const char* hint) { throw Error(ErrorKind::input_file, fmt::format("{}: {}", kName, why), hint); };
  const auto loader_says = [] {
    const char* text = ::dlerror();
    return text != nullptr ? text : "no reason given";
  };
  // RTLD_NOW: an FFmpeg of another version shows here, as a missing symbol, and not in the middle of a film.
  void* library = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    refuse(fmt::format("cannot be opened: {}", loader_says()),
           "it is built and installed with the program and needs the FFmpeg it was built with (`make setup` names the packages)");
  }
  using Maker = const VideoLibrary* (*)(uint64_t);
  const auto maker = reinterpret_cast<Maker>(::dlsym(library, kMaker));
  const VideoLibrary* made = maker == nullptr ? nullptr : maker(video_interface());
  if (made == nullptr) refuse("is of another build than this program", "build them together: `make build`");
  return *made;
}

}  // namespace

const VideoLibrary& video_library() {
  static const VideoLibrary& library = open();
  return library;
}

}  // namespace dreamrunner
