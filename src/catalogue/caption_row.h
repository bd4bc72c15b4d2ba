#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "catalogue/clip_times.h"

namespace dreamrunner {

/// A captioned stretch of a video, as a list of clips describes it.
struct CaptionRow {
  std::string id;       ///< What a person calls it: given, or made from video and span. Two rows may share one.
  std::string source;   ///< Which video: its id on its site, or its path where it has none.
  std::string path;     ///< Where the list says the video is; empty where only its source is known.
  std::string caption;
  ClipSpan span;
  uint32_t width = 0;   ///< Pixels; 0 where the list does not say.
  uint32_t height = 0;
  std::string extra;    ///< What else the list says of it, scores among it: a JSON object, or nothing.
  bool operator==(const CaptionRow&) const = default;
};

/// A row of at most this many bytes is read; longer ones are bad rows.
constexpr size_t kMostRowBytes = 1 << 20;

/// Whether two rows are the same clip with the same caption is decided by this: source, span and caption, hashed (the first
/// eight bytes of SHA-256). Among ten million rows two differing ones have the same key with a chance of 3 in a million.
uint64_t content_key(const CaptionRow& row);

/// The first eight bytes of SHA-256, under which an id is looked up.
uint64_t id_key(std::string_view id);

/// Makes a row of named values. Names count without regard to case:
///
///   caption          caption, name, text                 required
///   video            path, video, file                   one of these two is required
///   source           YoutubeID, youtube_id, videoid, video_id
///   span             start, start_s, Start_timestamp; end, end_s, End_timestamp: seconds or "01:02:03.5";
///                    or start_frame, end_frame with fps, the rate they were counted at
///   others           id; width, height; duration of the video, which the span is held against; page_dir, WebVid's folder
///
/// All other values are kept in `extra`, and so are fps and duration. Throws Error(input_file) saying what is wrong, without
/// a place.
CaptionRow row_of_values(const Json& values);

/// Whether a name is one that says what video a row is about, or one for its caption.
bool names_a_video(std::string_view name);
bool names_a_caption(std::string_view name);

}  // namespace dreamrunner
