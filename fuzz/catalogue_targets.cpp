#include <algorithm>
#include <limits>
#include <span>
#include <string>

#include "oracle.h"
#include "catalogue/bm25_search.h"
#include "catalogue/caption_source.h"
#include "catalogue/caption_store.h"
#include "targets.h"

namespace dreamrunner::fuzz {
namespace {

/// What every row keeps that a reader lets through.
void require_sound(const CaptionRow& row) {
  require(!row.id.empty() && !row.source.empty(), "a row has an id and a video");
  require(row.span.start >= 0 && row.span.start <= kLatestTime, "a span starts in time");
  require(!row.span.end || (*row.span.end > row.span.start && *row.span.end <= kLatestTime), "a span ends behind its start");
  require(row.extra.empty() || parse_json(row.extra, "extra").is_object(), "what else is said of a row is an object");
}

struct Count {
  size_t rows = 0;
  size_t faults = 0;
};

CaptionListener counting(Count& count) {
  return {.row = [&](CaptionRow&& row) { require_sound(row); ++count.rows; },
          .fault = [&](const std::string& fault) { require(fault.starts_with("fuzz:"), "a bad row has a place"); ++count.faults; },
          .position = nullptr};
}

}  // namespace

void jsonl_catalogue(std::string_view bytes) {
  for (const CaptionFormat format : {CaptionFormat::jsonl, CaptionFormat::internvid}) {
    Count count;
    read_jsonl_captions(bytes, "fuzz", format, counting(count));
    require(count.rows + count.faults <= bytes.size(), "no more rows than bytes");
  }
}

void csv_catalogue(std::string_view bytes) {
  Count count;
  try {
    read_csv_captions(bytes, "fuzz", counting(count));
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
  }
  require(count.rows + count.faults <= bytes.size(), "no more rows than bytes");
}

/// The bytes are the content of an index and of a segment's rows, as if their checksums were right.
void bm25_index(std::string_view bytes) {
  const std::span content(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  try {
    const Bm25Index index(IndexFile("fuzz", content));
    const Bm25Segment segments[2] = {{&index, nullptr}, {&index, nullptr}};
    for (const std::vector<std::string>& query : {std::vector<std::string>{"a", "is", "bowing"}, {"person"}, {"walking", "a"}}) {
      double last = std::numeric_limits<double>::infinity();
      for (const Bm25Hit& hit : bm25_search(segments, query, 40)) {
        require(hit.row < 2 * index.rows(), "a hit is a row");
        require(hit.score <= last, "hits come best first");
        last = hit.score;
      }
    }
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
  }
  try {
    const CaptionStore store(IndexFile("fuzz", content));
    for (uint64_t row = 0; row < std::min<uint64_t>(store.rows(), 40); ++row) store.row(row);
    for (const uint32_t row : store.rows_with_id(id_key("0"))) store.row(row);
  } catch (const Error& error) {
    require_refusal(error, ErrorKind::input_file);
  }
}

}  // namespace dreamrunner::fuzz
