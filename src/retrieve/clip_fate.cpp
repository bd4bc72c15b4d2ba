#include "retrieve/clip_fate.h"

namespace dreamrunner {

const char* clip_fate_name(ClipFate fate) {
  switch (fate) {
    case ClipFate::removed: return "removed";
    case ClipFate::missing: return "missing";
    case ClipFate::unreadable: return "unreadable";
    case ClipFate::attributes: return "attributes";
    case ClipFate::nobody: return "nobody";
    case ClipFate::cut: return "cut";
    case ClipFate::score: return "score";
    case ClipFate::surplus: return "surplus";
    case ClipFate::kept: return "kept";
  }
  return "";
}

}  // namespace dreamrunner
