#include "catalogue/caption_store.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "catalogue/index_bytes.h"

namespace dreamrunner {
namespace {

constexpr size_t kKeySize = sizeof(uint64_t);
constexpr size_t kNumberSize = sizeof(uint32_t);

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out += text;
}

}  // namespace

void CaptionStoreWriter::add(const CaptionRow& row, uint64_t key) {
  if (contents_.size() >= std::numeric_limits<uint32_t>::max() - 1) throw Error(ErrorKind::memory, "a segment of more than 4 billion rows cannot be made");
  if (contents_.size() % kRowsPerPlace == 0) places_.push_back(file_.position());
  std::string body;
  append_text(body, row.id);
  append_text(body, row.source);
  append_text(body, row.path);
  append_text(body, row.caption);
  append_text(body, row.extra);
  append_varint(body, static_cast<uint64_t>(row.span.start));
  append_varint(body, row.span.end ? static_cast<uint64_t>(*row.span.end) + 1 : 0);
  append_varint(body, row.width);
  append_varint(body, row.height);
  std::string size;
  append_varint(size, body.size());
  file_.write(size);
  file_.write(body);
  const uint32_t number = rows();
  contents_.emplace_back(key, number);
  ids_.emplace_back(id_key(row.id), number);
}

void CaptionStoreWriter::write_keys(Keys& keys) {
  std::sort(keys.begin(), keys.end());
  std::string piece;
  const auto write_when = [&](size_t most) {
    if (piece.size() < most) return;
    file_.write(piece);
    piece.clear();
  };
  for (const auto& [key, number] : keys) {
    append_raw(piece, key);
    write_when(1 << 16);
  }
  for (const auto& [key, number] : keys) {
    append_raw(piece, number);
    write_when(1 << 16);
  }
  write_when(0);
}

void CaptionStoreWriter::finish() {
  CaptionTrailer trailer{.rows = contents_.size(), .places_offset = file_.position(), .contents_offset = 0, .ids_offset = 0};
  for (const uint64_t place : places_) file_.write(std::string_view(reinterpret_cast<const char*>(&place), sizeof place));
  trailer.contents_offset = file_.position();
  write_keys(contents_);
  trailer.ids_offset = file_.position();
  write_keys(ids_);
  file_.write(std::string_view(reinterpret_cast<const char*>(&trailer), sizeof trailer));
  file_.finish();
}

CaptionStore::CaptionStore(const std::filesystem::path& path) : file_(path, kCaptionFileKind) { read_trailer(); }

CaptionStore::CaptionStore(IndexFile file) : file_(std::move(file)) { read_trailer(); }

void CaptionStore::read_trailer() {
  if (file_.size() < sizeof trailer_) file_.fail("it is too short for rows");
  const uint64_t content = file_.size() - sizeof trailer_;
  std::memcpy(&trailer_, file_.bytes(content, sizeof trailer_).data(), sizeof trailer_);
  const auto fits = [&](uint64_t offset, uint64_t count, uint64_t width) { return offset <= content && count <= (content - offset) / width; };
  const uint64_t places = trailer_.rows / kRowsPerPlace + (trailer_.rows % kRowsPerPlace != 0 ? 1 : 0);
  if (trailer_.rows >= std::numeric_limits<uint32_t>::max() || !fits(trailer_.places_offset, places, sizeof(uint64_t)) ||
      !fits(trailer_.contents_offset, trailer_.rows, kKeySize + kNumberSize) || !fits(trailer_.ids_offset, trailer_.rows, kKeySize + kNumberSize)) {
    file_.fail("its trailer is damaged");
  }
}

uint64_t CaptionStore::number_at(uint64_t offset) const { return load_raw<uint64_t>(file_.bytes(offset, sizeof(uint64_t)).data()); }

CaptionRow CaptionStore::row(uint64_t number) const {
  // The size of a row stands in at most 10 bytes.
  constexpr uint64_t kSizeBytes = 10;
  uint64_t at = number_at(trailer_.places_offset + number / kRowsPerPlace * sizeof(uint64_t));
  for (uint64_t left = number % kRowsPerPlace;; --left) {
    if (at >= trailer_.places_offset) file_.fail("a row lies outside");
    const uint64_t room = trailer_.places_offset - at;
    ByteReader head(file_.bytes(at, std::min(kSizeBytes, room)), file_.name().c_str());
    const size_t before = head.left();
    const uint64_t size = head.varint();
    at += before - head.left();
    if (size > trailer_.places_offset - at) file_.fail("a row lies outside");
    if (left > 0) {
      at += size;
      continue;
    }
    ByteReader body(file_.bytes(at, size), file_.name().c_str());
    CaptionRow row;
    row.id = body.text();
    row.source = body.text();
    row.path = body.text();
    row.caption = body.text();
    row.extra = body.text();
    const uint64_t start = body.varint();
    const uint64_t end = body.varint();
    if (start > static_cast<uint64_t>(kLatestTime) || end > static_cast<uint64_t>(kLatestTime) + 1) body.fail();
    row.span.start = static_cast<Microseconds>(start);
    if (end > 0) row.span.end = static_cast<Microseconds>(end - 1);
    row.width = static_cast<uint32_t>(body.varint());
    row.height = static_cast<uint32_t>(body.varint());
    return row;
  }
}

std::vector<uint32_t> CaptionStore::rows_with_key(uint64_t offset, uint64_t key) const {
  uint64_t low = 0;
  uint64_t high = trailer_.rows;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (number_at(offset + middle * kKeySize) < key) low = middle + 1;
    else high = middle;
  }
  std::vector<uint32_t> found;
  for (; low < trailer_.rows && number_at(offset + low * kKeySize) == key; ++low) {
    const auto number = load_raw<uint32_t>(file_.bytes(offset + trailer_.rows * kKeySize + low * kNumberSize, kNumberSize).data());
    if (number >= trailer_.rows) file_.fail("a key names a row that is not there");
    found.push_back(number);
  }
  return found;
}

}  // namespace dreamrunner
