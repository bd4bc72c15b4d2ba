#include "catalogue/csv_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace dreamrunner {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

CsvReader::CsvReader(std::string_view text, char separator, size_t most_row_bytes) : text_(text), separator_(separator), most_row_bytes_(most_row_bytes) {
  if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
}

void CsvReader::refuse(const std::string& reason) {
  const size_t end = text_.find('\n', begin_);
  at_ = end == std::string_view::npos ? text_.size() : end + 1;
  next_line_ = line_ + 1;
  throw Error(ErrorKind::input_file, reason);
}

bool CsvReader::next(std::vector<std::string>& values) {
  values.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n'))) {
    at_ += text_[at_] == '\n' ? 1 : 2;
    ++next_line_;
  }
  if (at_ >= text_.size()) return false;
  begin_ = at_;
  line_ = next_line_;
  const size_t limit = begin_ + std::min(most_row_bytes_, text_.size() - begin_);
  std::string value;
  while (true) {
    value.clear();
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      while (true) {
        const size_t quote = std::min(text_.find('"', at_), text_.size());
        if (quote >= limit) {
          refuse(limit == text_.size() ? fmt::format("value {}: a quote is opened and not closed", values.size() + 1)
                                       : fmt::format("value {}: longer than {} bytes; is a quote not closed?", values.size() + 1, most_row_bytes_));
        }
        value.append(text_.substr(at_, quote - at_));
        next_line_ += static_cast<uint64_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_), text_.begin() + static_cast<std::ptrdiff_t>(quote), '\n'));
        at_ = quote + 1;
        if (at_ >= text_.size() || text_[at_] != '"') break;
        value.push_back('"');
        ++at_;
      }
      const bool ends = at_ == text_.size() || text_[at_] == separator_ || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
      if (!ends) refuse(fmt::format("value {}: text behind its closing quote", values.size() + 1));
    } else {
      const size_t begin = at_;
      while (at_ < text_.size() && text_[at_] != separator_ && text_[at_] != '\n') ++at_;
      if (at_ > limit || (at_ == limit && limit < text_.size())) refuse(fmt::format("value {}: longer than {} bytes", values.size() + 1, most_row_bytes_));
      size_t end = at_;
      if (end > begin && text_[end - 1] == '\r' && (end == text_.size() || text_[end] == '\n')) --end;
      value.assign(text_.substr(begin, end - begin));
    }
    values.push_back(value);
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ == text_.size()) return true;
    if (text_[at_++] == '\n') {
      ++next_line_;
      return true;
    }
  }
}

char CsvReader::guess_separator(std::string_view text) {
  constexpr std::string_view kSeparators = ",;\t";
  size_t counts[3] = {};
  bool quoted = false;
  for (const char c : text.substr(0, 65536)) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    if (const size_t which = kSeparators.find(c); which != std::string_view::npos) ++counts[which];
  }
  return kSeparators[static_cast<size_t>(std::max_element(counts, counts + 3) - counts)];
}

}  // namespace dreamrunner
