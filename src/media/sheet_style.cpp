#include "media/sheet_style.h"

#include "media/text_layout.h"

namespace dreamrunner::sheet {

std::string fitted(Canvas& canvas, const std::string& text, const TextStyle& style, double room) {
  const auto lines = wrap_text(text, room, 1, [&](const std::string& line) { return canvas.text_width(line, style); });
  return lines.empty() ? std::string() : lines.front();
}

}  // namespace dreamrunner::sheet
