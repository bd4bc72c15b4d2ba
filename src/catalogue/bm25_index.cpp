#include "catalogue/bm25_index.h"

#include <algorithm>
#include <limits>

#include "catalogue/index_bytes.h"

namespace dreamrunner {

Bm25Index::Bm25Index(const std::filesystem::path& path) : file_(path, kBm25FileKind) { read_trailer(); }

Bm25Index::Bm25Index(IndexFile file) : file_(std::move(file)) { read_trailer(); }

void Bm25Index::read_trailer() {
  if (file_.size() < sizeof trailer_) file_.fail("it is too short for an index");
  const uint64_t content = file_.size() - sizeof trailer_;
  std::memcpy(&trailer_, file_.bytes(content, sizeof trailer_).data(), sizeof trailer_);
  const Bm25Trailer& t = trailer_;
  const uint64_t groups = t.distinct_words / kGroupWords + (t.distinct_words % kGroupWords != 0 ? 1 : 0);
  const auto fits = [&](uint64_t offset, uint64_t count, uint64_t width) { return offset <= content && count <= (content - offset) / width; };
  const bool sound = t.rows < std::numeric_limits<uint32_t>::max() && (t.length_width == 1 || t.length_width == 2 || t.length_width == 4) &&
                     t.analyzer <= static_cast<uint32_t>(AnalyzerKind::english) && fits(t.dictionary_offset, t.dictionary_size, 1) &&
                     fits(t.groups_offset, groups, sizeof(uint64_t)) && fits(t.lengths_offset, t.rows, t.length_width) &&
                     t.words <= t.rows * uint64_t{t.longest} && (t.rows == 0 || t.words >= t.longest);
  if (!sound) file_.fail("its trailer is damaged");
  lengths_ = file_.unchecked_bytes(t.lengths_offset);
}

std::span<const uint8_t> Bm25Index::group(uint64_t number) const {
  uint64_t begin;
  std::memcpy(&begin, file_.bytes(trailer_.groups_offset + number * sizeof begin, sizeof begin).data(), sizeof begin);
  uint64_t end = trailer_.dictionary_size;
  if ((number + 1) * kGroupWords < trailer_.distinct_words) {
    std::memcpy(&end, file_.bytes(trailer_.groups_offset + (number + 1) * sizeof end, sizeof end).data(), sizeof end);
  }
  if (begin > end || end > trailer_.dictionary_size) file_.fail("its dictionary is damaged");
  return file_.bytes(trailer_.dictionary_offset + begin, end - begin);
}

std::optional<WordInfo> Bm25Index::find(std::string_view word) const {
  // The last group whose first word is not behind `word`.
  uint64_t low = 0;
  uint64_t high = (trailer_.distinct_words + kGroupWords - 1) / kGroupWords;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    ByteReader reader(group(middle), file_.name().c_str());
    reader.varint();
    reader.varint();
    if (reader.text() <= word) low = middle + 1;
    else high = middle;
  }
  if (low == 0) return std::nullopt;
  ByteReader reader(group(low - 1), file_.name().c_str());
  WordInfo info;
  info.postings_offset = reader.varint();
  std::string at_hand;
  while (reader.left() > 0) {
    const uint64_t shared = reader.varint();
    const std::string_view rest = reader.text();
    if (shared > at_hand.size()) reader.fail();
    at_hand.resize(shared);
    at_hand += rest;
    info.rows = reader.varint();
    info.postings_size = reader.varint();
    info.impact = reader.raw<Impact>();
    if (info.rows == 0 || info.rows > trailer_.rows || info.postings_size > file_.size()) reader.fail();
    if (at_hand == word) return info;
    if (at_hand > word) return std::nullopt;
    const uint64_t blocks = (info.rows + kBlockRows - 1) / kBlockRows;
    info.postings_offset += info.postings_size + (blocks > 1 ? blocks * sizeof(BlockEntry) : 0);
  }
  return std::nullopt;
}

PostingsCursor::PostingsCursor(const Bm25Index& index, const WordInfo& word)
    : index_(&index), word_(word), rows_limit_(static_cast<uint32_t>(index.rows())), blocks_((word.rows + kBlockRows - 1) / kBlockRows) {
  if (blocks_ > 1) entries_ = index.file().bytes(word.postings_offset + word.postings_size, blocks_ * sizeof(BlockEntry));
}

bool PostingsCursor::move_to_block_of(uint32_t row) {
  if (last_row(block_) >= row) return true;
  // Ever longer strides, then halving: near blocks are found quickly, far ones in few steps.
  size_t low = block_ + 1;
  for (size_t stride = 1; low < blocks_; stride *= 2) {
    const size_t probe = std::min(low + stride - 1, blocks_ - 1);
    if (last_row(probe) >= row) {
      size_t high = probe;
      while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (last_row(middle) >= row) high = middle;
        else low = middle + 1;
      }
      move_to_block(low);
      return true;
    }
    low = probe + 1;
  }
  return false;
}

void PostingsCursor::read_rows() {
  const uint64_t begin = block_ == 0 ? 0 : entry(block_ - 1).end;
  const BlockEntry own = entry(block_);
  if (begin > own.end || own.end > word_.postings_size) index_->file().fail("the blocks of a word are damaged");
  const std::span<const uint8_t> bytes = index_->file().bytes(word_.postings_offset + begin, own.end - begin);
  const int64_t before = block_ == 0 ? -1 : int64_t{entry(block_ - 1).last_row};
  const uint64_t left = word_.rows - block_ * uint64_t{kBlockRows};
  if (left >= kBlockRows) read_full_block(bytes, before, own.last_row);
  else read_short_block(bytes, before, left);
  rows_read_ = true;
}

void PostingsCursor::read_full_block(std::span<const uint8_t> bytes, int64_t before, uint32_t last) {
  const IndexFile& file = index_->file();
  if (bytes.size() < 2 || bytes[0] > 32 || bytes[1] > 32 || bytes.size() != 2 + packed_size(bytes[0]) + packed_size(bytes[1])) {
    file.fail("a block of rows is damaged");
  }
  unpack_block(&bytes[2], bytes[0], rows_.data());
  int64_t row = before;
  for (uint32_t& step : rows_) {
    row += int64_t{step} + 1;
    step = static_cast<uint32_t>(row);
  }
  // Steps are not negative, so with the last row in its place all rows before it are below it.
  if (row >= rows_limit_ || (blocks_ > 1 && row != int64_t{last})) file.fail("the rows of a block are damaged");
  count_ = kBlockRows;
  count_bits_ = bytes[1];
  packed_counts_ = bytes.data() + 2 + packed_size(bytes[0]);
  counts_read_ = false;
}

void PostingsCursor::read_short_block(std::span<const uint8_t> bytes, int64_t before, size_t count) {
  ByteReader reader(bytes, index_->file().name().c_str());
  int64_t row = before;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t code = reader.varint();
    if (code >> 1 >= rows_limit_) reader.fail();
    row += static_cast<int64_t>(code >> 1) + 1;
    if (row >= rows_limit_) reader.fail();
    rows_[i] = static_cast<uint32_t>(row);
    const uint64_t more = (code & 1) != 0 ? reader.varint() + 1 : 0;
    if (more >= std::numeric_limits<uint32_t>::max()) reader.fail();
    counts_[i] = static_cast<uint32_t>(more);
  }
  if (reader.left() > 0) reader.fail();
  std::fill(rows_.begin() + static_cast<std::ptrdiff_t>(count), rows_.end(), std::numeric_limits<uint32_t>::max());
  count_ = count;
  counts_read_ = true;
}

std::span<const uint32_t> PostingsCursor::rows_in_block() {
  if (!rows_read_) read_rows();
  return {rows_.data(), count_};
}

uint32_t PostingsCursor::times(size_t at) {
  if (!counts_read_) {
    if (count_bits_ == 0) return 1;
    unpack_block(packed_counts_, count_bits_, counts_.data());
    counts_read_ = true;
  }
  // A forged count of 2^32 - 1 would come out as no count at all.
  return std::max(counts_[at] + 1, counts_[at]);
}

uint32_t PostingsCursor::times_in(uint32_t row) {
  if (!move_to_block_of(row)) return 0;
  rows_in_block();
  // How many of the 128 are below `row`, by halving without branches; behind a short block stand rows that never are.
  size_t below = 0;
  for (size_t step = kBlockRows / 2; step > 0; step /= 2) below += rows_[below + step - 1] < row ? step : 0;
  return below < count_ && rows_[below] == row ? times(below) : 0;
}

}  // namespace dreamrunner
