#include "media/libav_video.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "media/colour_conversion.h"
#include "media/libav.h"
#include "media/video_window.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace dreamrunner::libav {
namespace {

/// Windows that begin later than this are jumped to, and from how much before them frames are decoded: time stamps of the
/// index are those of decoding, up to a group's reordering before the frames' own.
constexpr double kLongWait_s = 5;
constexpr double kBeforeWindow_s = 1;

/// How stored pictures are turned: a stored step right goes (a, b) on the screen, a stored step down (c, d). Each is 0, 1 or -1.
struct Turn {
  int a = 1, b = 0, c = 0, d = 1;
  bool swaps_sides() const { return a == 0; }
};

int sign(int32_t value) { return (value > 0) - (value < 0); }

/// Reads the display matrix of mp4 and QuickTime: rows (a, b, u), (c, d, v), (x, y, w) in 16.16 fixed point.
Turn turn_of(const Input& input) {
  size_t size = 0;
  const uint8_t* bytes = av_stream_get_side_data(&input.stream(), AV_PKT_DATA_DISPLAYMATRIX, &size);
  std::array<int32_t, 9> matrix{};
  if (bytes == nullptr || size < sizeof matrix) return {};
  std::memcpy(matrix.data(), bytes, sizeof matrix);
  const Turn turn{sign(matrix[0]), sign(matrix[1]), sign(matrix[3]), sign(matrix[4])};
  const bool upright = turn.a != 0 && turn.d != 0 && turn.b == 0 && turn.c == 0;
  const bool sideways = turn.a == 0 && turn.d == 0 && turn.b != 0 && turn.c != 0;
  if (!upright && !sideways) input.refuse("turned by a slanted angle, a multiple of 90 degrees expected");
  return turn;
}

/// Copies a stored picture to where a player shows it.
void turn_picture(const Turn& turn, int stored_width, int stored_height, const uint8_t* stored, Picture& shown) {
  shown.width = turn.swaps_sides() ? stored_height : stored_width;
  shown.height = turn.swaps_sides() ? stored_width : stored_height;
  shown.rgb.resize(size_t{3} * static_cast<size_t>(stored_width) * static_cast<size_t>(stored_height));
  // A direction that runs backwards starts at the far edge.
  const int left = turn.a + turn.c < 0 ? shown.width - 1 : 0;
  const int top = turn.b + turn.d < 0 ? shown.height - 1 : 0;
  for (int y = 0; y < stored_height; ++y) {
    for (int x = 0; x < stored_width; ++x, stored += 3) {
      const int column = left + turn.a * x + turn.c * y;
      const int row = top + turn.b * x + turn.d * y;
      std::memcpy(&shown.rgb[size_t{3} * (static_cast<size_t>(row) * static_cast<size_t>(shown.width) + static_cast<size_t>(column))],
                  stored, 3);
    }
  }
}

bool is_set(const AVRational& rate) { return rate.num > 0 && rate.den > 0; }

/// The average rate. The stream's base rate is the lowest that all time stamps fit in, and where the rate varies it is too high. The
/// container's average is taken there; an average above the base counts fields, and one just below it was made of rounded stamps.
FrameRate rate_of(const Input& input) {
  constexpr double kRounding = 5e-4;  // Half of what 30 and 29.97 differ by.
  const AVRational average = input.stream().avg_frame_rate;
  const AVRational base = av_guess_frame_rate(&input.container(), &input.stream(), nullptr);
  if (!is_set(base)) return is_set(average) ? FrameRate{average.num, average.den} : FrameRate{0, 1};
  const bool varies = is_set(average) && av_q2d(average) < av_q2d(base) * (1 - kRounding);
  return varies ? FrameRate{average.num, average.den} : FrameRate{base.num, base.den};
}

std::string name_or_unknown(const char* name) { return name == nullptr ? "unknown" : name; }

VideoInfo describe(const Input& input, const Turn& turn) {
  const AVCodecParameters& codec = *input.stream().codecpar;
  VideoInfo info;
  info.container = input.container().iformat->name;
  info.codec = avcodec_get_name(codec.codec_id);
  info.pixel_format = name_or_unknown(av_get_pix_fmt_name(static_cast<AVPixelFormat>(codec.format)));
  info.width = turn.swaps_sides() ? codec.height : codec.width;
  info.height = turn.swaps_sides() ? codec.width : codec.height;
  info.rate = rate_of(input);
  info.range = name_or_unknown(av_color_range_name(codec.color_range));
  info.matrix = name_or_unknown(av_color_space_name(codec.color_space));
  info.primaries = name_or_unknown(av_color_primaries_name(codec.color_primaries));
  info.transfer = name_or_unknown(av_color_transfer_name(codec.color_trc));
  // A turn with negative determinant is a mirror first; undo it to read the angle.
  info.mirrored = turn.a * turn.d - turn.b * turn.c < 0;
  const int right_x = info.mirrored ? -turn.a : turn.a;
  const int right_y = info.mirrored ? -turn.b : turn.b;
  info.rotation = right_x == 1 ? 0 : right_y == 1 ? 90 : right_x == -1 ? 180 : 270;
  for (const AVDictionary* tags : {std::as_const(input.container().metadata), std::as_const(input.stream().metadata)}) {
    for (const AVDictionaryEntry* tag = nullptr; (tag = av_dict_get(tags, "", tag, AV_DICT_IGNORE_SUFFIX)) != nullptr;) {
      info.metadata.emplace(tag->key, tag->value);
    }
  }
  return info;
}

void check_size(const Input& input, int width, int height, const VideoReadOptions& options) {
  if (width <= options.largest_side && height <= options.largest_side) return;
  input.refuse(fmt::format("pictures of {} x {}, sides up to {} expected", width, height, options.largest_side));
}

CodecPtr open_decoder(const Input& input, const VideoReadOptions& options) {
  const AVCodecParameters& parameters = *input.stream().codecpar;
  check_size(input, parameters.width, parameters.height, options);
  const AVCodec* codec = avcodec_find_decoder(parameters.codec_id);
  if (codec == nullptr) input.refuse(fmt::format("no decoder for {}", avcodec_get_name(parameters.codec_id)));
  CodecPtr context(allocated(avcodec_alloc_context3(codec)));
  const int copied = avcodec_parameters_to_context(context.get(), &parameters);
  context->pkt_timebase = input.stream().time_base;
  context->max_pixels = int64_t{options.largest_side} * options.largest_side;
  context->thread_count = 1;
  const int opened = copied < 0 ? copied : avcodec_open2(context.get(), codec, nullptr);
  if (opened < 0) input.refuse(fmt::format("the {} decoder cannot be opened", codec->name), opened);
  return context;
}

class LibavSource : public VideoSource {
 public:
  LibavSource(VideoFile file, const VideoReadOptions& wanted, std::function<void()> at_packet)
      : options_(wanted),
        input_(std::move(file), std::move(at_packet)),
        turn_(turn_of(input_)),
        info_(describe(input_, turn_)),
        slack_s_(window_slack_s(info_.rate)),
        decoder_(open_decoder(input_, wanted)) {}

  const VideoInfo& info() const override { return info_; }
  bool next(Picture& picture, double& time_s) override;

 private:
  /// Fetches the next decoded frame. The decoder is drained at the end of the file: it holds back frames until then.
  bool decode() {
    for (;;) {
      const int received = avcodec_receive_frame(decoder_.get(), frame_.get());
      if (received >= 0) return true;
      if (received == AVERROR_EOF) return false;
      if (received != AVERROR(EAGAIN)) fail(received);
      const bool more = input_.read(*packet_);
      const int sent = avcodec_send_packet(decoder_.get(), more ? packet_.get() : nullptr);
      // Before the first picture the clip may be cut in the middle of a group, and after a jump such a group may begin with
      // frames that lean on what was left out; nobody can show these.
      const bool first = frames_seen_ == 0 || jumping_;
      if (sent < 0 && (!first || sent == AVERROR(ENOMEM))) fail(sent);
    }
  }

  [[noreturn]] void fail(int code) const { input_.refuse(fmt::format("frame {} cannot be decoded", frames_seen_), code); }

  /// Time of the decoded frame from the film's first. Once time stamps fail, the frame number is used from there on.
  double time() {
    const double frame_s = info_.rate.num > 0 ? 1.0 / info_.rate.per_second() : 1.0;
    const int64_t stamp = frame_->best_effort_timestamp;
    if (frames_seen_ == 0) first_stamp_ = stamp;
    double seconds = 0;
    if (stamp != AV_NOPTS_VALUE && first_stamp_ != AV_NOPTS_VALUE) {
      seconds = static_cast<double>(stamp - first_stamp_) * av_q2d(input_.stream().time_base);
    } else {
      stamps_fail_ = true;
    }
    if (frames_seen_ > 0 && seconds <= last_time_) stamps_fail_ = true;
    if (stamps_fail_) seconds = frames_seen_ == 0 ? 0 : last_time_ + frame_s;
    last_time_ = seconds;
    return seconds;
  }

  /// After the first frame: leaves out what lies well before the window, where the file's index tells how. Long videos
  /// of which a short clip is wanted are the rule in retrieval.
  void jump_to_window() {
    if (options_.start_s < kLongWait_s || stamps_fail_ || first_stamp_ == AV_NOPTS_VALUE) return;
    const auto stamp = first_stamp_ + static_cast<int64_t>((options_.start_s - kBeforeWindow_s) / av_q2d(input_.stream().time_base));
    if (!input_.go_before(stamp)) return;
    start_over();
    jumping_ = jumped_ = true;
  }

  /// False where the jump landed inside the window, by an index that lies, or nobody knows where, for want of a time stamp; then
  /// reading begins again at the beginning.
  bool landed_before_window(double time_s) {
    jumping_ = false;
    if (!stamps_fail_ && time_s <= options_.start_s + slack_s_) return true;
    stamps_fail_ = false;
    if (!input_.go_before(first_stamp_)) input_.refuse(fmt::format("the time {:g} s cannot be found in it", options_.start_s));
    start_over();
    return false;
  }

  void start_over() {
    avcodec_flush_buffers(decoder_.get());
    last_time_ = -1;  // The first frame may come again.
  }

  VideoReadOptions options_;
  Input input_;
  Turn turn_;
  VideoInfo info_;
  double slack_s_;
  CodecPtr decoder_;
  FilmToRgb converter_;
  PacketPtr packet_ = make_packet();
  FramePtr frame_ = make_frame();
  std::vector<uint8_t> stored_;
  int64_t frames_seen_ = 0;
  int64_t in_window_ = 0;
  int64_t first_stamp_ = AV_NOPTS_VALUE;
  double last_time_ = 0;
  bool stamps_fail_ = false;
  bool jumped_ = false;
  bool jumping_ = false;  ///< And no frame was seen since.
};

bool LibavSource::next(Picture& picture, double& time_s) {
  while (!options_.done_at(in_window_) && decode()) {
    const AVFrame& decoded = *frame_;
    if (frames_seen_ >= options_.most_frames) {
      input_.refuse(fmt::format("more than {} frames found", options_.most_frames));
    }
    const int shown_width = turn_.swaps_sides() ? decoded.height : decoded.width;
    const int shown_height = turn_.swaps_sides() ? decoded.width : decoded.height;
    if (frames_seen_ == 0) {
      check_size(input_, shown_width, shown_height, options_);
      info_.width = shown_width;
      info_.height = shown_height;
    } else if (shown_width != info_.width || shown_height != info_.height) {
      input_.refuse(fmt::format("frame {} is {} x {}, {} x {} expected", frames_seen_, shown_width, shown_height, info_.width, info_.height));
    }
    time_s = time();
    if (jumping_ && !landed_before_window(time_s)) continue;
    const bool before_window = time_s < options_.start_s - slack_s_;
    // Behind a jump what was left out may be missed, but no longer in the window.
    if (decoded.decode_error_flags != 0 && (!jumped_ || !before_window)) input_.refuse(fmt::format("frame {} is damaged", frames_seen_));
    if (frames_seen_++ == 0) {
      jump_to_window();
      if (jumping_) continue;
    }
    if (time_s >= options_.end_s - slack_s_) return false;  // Times only grow.
    if (before_window || !options_.wants(in_window_++)) continue;
    stored_.resize(size_t{3} * static_cast<size_t>(decoded.width) * static_cast<size_t>(decoded.height));
    converter_.convert(decoded, stored_.data(), input_.path());
    turn_picture(turn_, decoded.width, decoded.height, stored_.data(), picture);
    return true;
  }
  if (frames_seen_ == 0) input_.refuse("no frame can be decoded");
  return false;
}

}  // namespace

std::unique_ptr<VideoSource> open_video(VideoFile file, const VideoReadOptions& options, std::function<void()> at_packet) {
  options.check();
  return std::make_unique<LibavSource>(std::move(file), options, std::move(at_packet));
}

namespace {

/// How long frames are shown, by their time stamps. Those of a stranger's may be any numbers, so that they are added up as doubles.
class ShownTime {
 public:
  void add(const AVPacket& packet) {
    ++frames_;
    const int64_t stamp = packet.pts == AV_NOPTS_VALUE ? packet.dts : packet.pts;
    if (stamp == AV_NOPTS_VALUE) is_known_ = false;
    const auto start = static_cast<double>(stamp), duration = static_cast<double>(packet.duration);
    first_ = std::min(first_, start);
    // The duration of the last frame is not always said; the others' mean has to do then.
    if (start >= last_) has_duration_ = duration > 0;
    last_ = std::max(last_, start);
    end_ = std::max(end_, start + duration);
  }
  /// Frames a second on average. `rate` where that is it but for half a frame (AVI may say half of the last one's duration), or
  /// where time stamps do not tell.
  FrameRate average(const AVRational& time_base, const FrameRate& rate) const {
    const double seconds = (has_duration_ ? end_ - first_ : last_ - first_) * av_q2d(time_base);
    const double frames = has_duration_ ? frames_ : frames_ - 1;
    if (!is_known_ || !(seconds > 0)) return rate;
    if (rate.num > 0 && std::abs(frames - seconds * rate.per_second()) <= kHalfAFrame) return rate;
    const AVRational average = av_d2q(frames / seconds, 1'000'000);
    return is_set(average) ? FrameRate{average.num, average.den} : rate;
  }

 private:
  static constexpr double kHalfAFrame = 0.5 + 1e-3;

  bool is_known_ = true;
  bool has_duration_ = false;
  double frames_ = 0;
  double first_ = std::numeric_limits<double>::infinity(), last_ = -first_, end_ = -first_;
};

}  // namespace

VideoInfo probe(VideoFile file, std::function<void()> at_packet) {
  Input input(std::move(file), std::move(at_packet));
  VideoInfo info = describe(input, turn_of(input));
  const PacketPtr packet = make_packet();
  ShownTime shown;
  while (input.read(*packet)) {
    // Packets that an edit list leaves out only help to decode the others.
    if ((packet->flags & AV_PKT_FLAG_DISCARD) != 0) continue;
    ++info.frames;
    shown.add(*packet);
  }
  if (info.frames == 0) input.refuse("no frame found");
  info.rate = shown.average(input.stream().time_base, info.rate);
  return info;
}

}  // namespace dreamrunner::libav
