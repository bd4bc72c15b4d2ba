#include "media/libav_video.h"

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "media/libav.h"
#include "media/mp4_output.h"

namespace dreamrunner::libav {
namespace {

using Paths = std::vector<std::filesystem::path>;

FrameRate rate_of(const Input& input) {
  const AVRational rate = input.stream().avg_frame_rate;
  if (rate.num <= 0 || rate.den <= 0) input.refuse("no frame rate found");
  return {rate.num, rate.den};
}

/// Whether packets of both streams can stand behind each other: one decoder set-up fits both.
bool encoded_alike(const AVStream& one, const AVStream& other) {
  const AVCodecParameters& a = *one.codecpar;
  const AVCodecParameters& b = *other.codecpar;
  return a.codec_id == AV_CODEC_ID_H264 && b.codec_id == a.codec_id && a.format == b.format && a.color_range == b.color_range &&
         a.color_space == b.color_space && a.color_primaries == b.color_primaries && a.color_trc == b.color_trc &&
         av_cmp_q(one.time_base, other.time_base) == 0 && a.extradata_size == b.extradata_size &&
         std::memcmp(a.extradata, b.extradata, static_cast<size_t>(a.extradata_size)) == 0;
}

/// What a look through all parts tells.
struct Survey {
  bool can_copy = true;     ///< Encoded alike, and frame i of each part stands at i frame times.
  int64_t most_behind = 0;  ///< By how many places a frame is stored later than it is shown, because others need decoding first.
};

void check_format(const Input& first, const Input& part) {
  const AVCodecParameters& expected = *first.stream().codecpar;
  const AVCodecParameters& found = *part.stream().codecpar;
  if (found.width != expected.width || found.height != expected.height) {
    part.refuse(fmt::format("pictures of {} x {}, {} x {} as in {} expected", found.width, found.height, expected.width, expected.height,
                            first.path().string()));
  }
  if (rate_of(part) != rate_of(first)) {
    part.refuse(
        fmt::format("frame rate {}, {} as in {} expected", to_string(rate_of(part)), to_string(rate_of(first)), first.path().string()));
  }
}

Survey survey_parts(const Paths& parts) {
  const Input first(parts.front());
  Survey survey;
  const PacketPtr packet = make_packet();
  for (const auto& path : parts) {
    Input part(path);
    check_format(first, part);
    survey.can_copy = survey.can_copy && encoded_alike(first.stream(), part.stream());
    const int64_t frame_time = av_rescale_q(1, time_base_of(rate_of(part)), part.stream().time_base);
    std::set<int64_t> shown;
    int64_t stored = 0;
    for (; part.read(*packet); ++stored) {
      if (packet->pts == AV_NOPTS_VALUE || packet->pts % frame_time != 0) {
        survey.can_copy = false;
        continue;
      }
      const int64_t place = packet->pts / frame_time;
      shown.insert(place);
      survey.most_behind = std::max(survey.most_behind, stored - place);
    }
    if (stored == 0) part.refuse("no frame found");
    const bool gapless = static_cast<int64_t>(shown.size()) == stored && *shown.begin() == 0 && *shown.rbegin() == stored - 1;
    survey.can_copy = survey.can_copy && gapless;
  }
  return survey;
}

/// Copies packets. The clock of a part goes on where the last frame of the one before ended. Decoding times are counted
/// anew: a part of one frame has none to spare before its first picture, where a longer one needs them.
int64_t copy_packets(const Paths& parts, int64_t most_behind, const std::filesystem::path& path, const VideoOptions& options,
                     const RunContext& run) {
  Mp4Output output(path);
  const PacketPtr packet = make_packet();
  int64_t frames = 0;
  for (const auto& part : parts) {
    Input input(part);
    const FrameRate rate = rate_of(input);
    const AVRational time_base = input.stream().time_base;
    if (frames == 0) output.begin(*input.stream().codecpar, time_base, rate, options.metadata);
    const int64_t frame_time = av_rescale_q(1, time_base_of(rate), time_base);
    const int64_t start = frames * frame_time;
    for (; input.read(*packet); ++frames) {
      run.check();
      packet->pts += start;
      packet->dts = (frames - most_behind) * frame_time;
      packet->duration = frame_time;
      output.write(*packet, time_base);
    }
  }
  output.commit();
  return frames;
}

int64_t encode_again(const Paths& parts, const std::filesystem::path& path, VideoOptions options, const RunContext& run) {
  options.rate = rate_of(Input(parts.front()));
  std::unique_ptr<VideoSink> writer;
  Picture picture;
  double time_s = 0;
  for (const auto& part : parts) {
    const auto reader = open_video(VideoFile(part), {});
    while (reader->next(picture, time_s)) {
      run.check();
      if (!writer) writer = create_video(path, picture.width, picture.height, options);
      writer->add(view_of(picture));
    }
  }
  return writer->finish().frames;
}

}  // namespace

JoinedVideo join(const Paths& parts, const std::filesystem::path& path, const VideoOptions& options, const RunContext& run) {
  if (parts.empty()) throw Error(ErrorKind::usage, fmt::format("{}: a film of 0 scenes, at least 1 expected", path.string()));
  const Survey survey = survey_parts(parts);
  if (survey.can_copy) return {copy_packets(parts, survey.most_behind, path, options, run), false};
  return {encode_again(parts, path, options, run), true};
}

}  // namespace dreamrunner::libav
